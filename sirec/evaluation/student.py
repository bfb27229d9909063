"""Student's t distribution, by the functions of `scipy.special` that `scipy.stats.t` calls.

The values are the same to the bit. `scipy.stats` takes half a second to import, and each call of
its distributions checks its arguments for longer than a whole row of a table takes to compute.
"""

from __future__ import annotations

from scipy.special import stdtr, stdtrit


def quantile(probability: float, degrees: float) -> float:
    """The value that a t variable stays below with some probability.

    Args:
        probability: the probability, between 0 and 1.
        degrees: degrees of freedom, above 0.

    >>> round(quantile(0.975, 10), 3)
    2.228
    """
    return float(stdtrit(degrees, probability))


def upper_tail(value: float, degrees: float) -> float:
    """The probability that a t variable exceeds a value.

    Args:
        value: the value.
        degrees: degrees of freedom, above 0.

    >>> round(upper_tail(2.228, 10), 3)
    0.025
    """
    return float(stdtr(degrees, -value))

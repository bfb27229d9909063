"""The papers' claims, each with the verdict that a results folder allows.

`verdicts(results)` returns it: one `ClaimVerdict` a claim, in the order of the papers.
"""

from sirec.studies.claims.verdicts import ClaimVerdict, verdicts

__all__ = ["ClaimVerdict", "verdicts"]

"""Texts in LaTeX: no character of a name or a note is read as a command."""

from __future__ import annotations

import unicodedata

from sirec.plain_text import visible

CHARACTERS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        '"': r"\textquotedbl{}",
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "–": "--",
        "—": "---",
        "−": "$-$",
        "…": r"\ldots{}",
        "†": r"$^{\dagger}$",
        "‡": r"$^{\ddagger}$",
        "§": r"\S{}",
        "×": r"$\times$",
        "·": r"$\cdot$",
        "→": r"$\to$",
        "√": r"$\surd$",
        "½": r"$\frac12$",
        "²": "$^2$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "≈": r"$\approx$",
        "\N{NO-BREAK SPACE}": "~",
        "\N{NARROW NO-BREAK SPACE}": r"\,",
    }
)
OPTION = "\N{OBJECT REPLACEMENT CHARACTER}"  # two hyphens are no dash
# Names of the Greek letters that LaTeX has commands for; all others look like Latin ones.
CAPITAL = frozenset(
    ["GAMMA", "DELTA", "THETA", "LAMBDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA"]
)
SMALL = CAPITAL | frozenset(
    ["ALPHA", "BETA", "EPSILON", "ZETA", "ETA", "IOTA", "KAPPA", "MU", "NU", "RHO", "TAU", "CHI"]
)


def escaped(text: str) -> str:
    r"""A text in which no character is read as LaTeX.

    >>> print(escaped("50 % of λ_1 & Ω, R&D ~ x^2"))
    50 \% of $\lambda$\_1 \& $\Omega$, R\&D \textasciitilde{} x\textasciicircum{}2
    """
    plain = visible(text).replace("--", OPTION).translate(CHARACTERS).replace(OPTION, "-{}-")
    return "".join(map(_greek, plain))


def _greek(letter: str) -> str:
    """A Greek letter as its command; any other letter as it is."""
    words = unicodedata.name(letter, "").replace("LAMDA", "LAMBDA").split()
    if words[:2] == ["GREEK", "SMALL"] and len(words) == 4 and words[3] in SMALL:
        return rf"$\{words[3].lower()}$"
    if words[:2] == ["GREEK", "CAPITAL"] and len(words) == 4 and words[3] in CAPITAL:
        return rf"$\{words[3].capitalize()}$"
    return letter

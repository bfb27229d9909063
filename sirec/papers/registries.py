"""The registries of papers and protocols, and the claims that are decided.

`sirec`'s own papers are the YAML files of one folder, which ships with the package. A plugin adds
a `Paper` (usually by `read_paper`) or a `Protocol` as a value of one of its modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sirec.errors import SirecError
from sirec.papers.claim import Claim, read_claims
from sirec.papers.paper import Paper, read_paper
from sirec.papers.protocol import Protocol
from sirec.provider import Provider
from sirec.registry import Registry, own_provider
from sirec.resources import experiments_root


class PaperRegistry(Registry[Paper]):
    """Papers by name; `sirec`'s own are read from files."""

    def own_components(self) -> list[tuple[Paper, Provider]]:
        """The papers of the shipped folder. Raises `SirecError` if it has none."""
        provider = own_provider()
        folder = Path(str(experiments_root())) / "papers"
        papers: list[tuple[Paper, Provider]] = []
        for path in sorted(folder.glob("*.yaml")):
            papers.append((read_paper(path), provider))
        if not papers:
            raise SirecError(
                "this installation of sirec lacks the published numbers", "install it again"
            )
        return papers


class ProtocolRegistry(Registry[Protocol]):
    """Protocols by name: those of all papers, and those that plugins add by themselves."""

    def own_components(self) -> list[tuple[Protocol, Provider]]:
        """The protocols of every registered paper, each with the paper's provider."""
        found: list[tuple[Protocol, Provider]] = []
        for name, paper in PAPERS.items():
            for protocol in paper.protocols:
                found.append((protocol, PAPERS.provider(name)))
        return found

    def components_of(self, offered: object) -> list[Protocol]:
        """The protocols in a module or entry point, those of its papers included."""
        found = super().components_of(offered)
        for paper in PAPERS.components_of(offered):
            found += paper.protocols
        return found


PAPERS = PaperRegistry("paper", Paper, instances=True)
PROTOCOLS = ProtocolRegistry("protocol", Protocol, instances=True)


@dataclass(frozen=True)
class ClaimGroup:
    """Claims that are decided together.

    Attributes:
        label: what tables call the group: the paper's label, for example `COMIF`.
        source: whose claims they are, in a sentence: `COMIF's paper`.
        claims: the claims.
    """

    label: str
    source: str
    claims: tuple[Claim, ...]


QUESTIONS = "questions"


def claim_groups() -> dict[str, ClaimGroup]:
    """The claims of each paper by the paper's name, then `questions`, which no paper asks.

    Raises:
        SirecError: naming file and key of the first mistake in a file of claims.
    """
    groups: dict[str, ClaimGroup] = {}
    for name, paper in PAPERS.items():
        groups[name] = ClaimGroup(paper.label, f"{paper.label}'s paper", paper.claims())
    asked = read_claims(Path(str(experiments_root())) / "claims" / f"{QUESTIONS}.yaml")
    groups[QUESTIONS] = ClaimGroup("No paper asks", "what no paper asks", asked)
    return groups

"""The page that says how each committed table is made."""

from __future__ import annotations

from pathlib import Path

from sirec.studies.results_page.artefact import SECTIONS, Artefact

INTRODUCTION = """# Reproduce the tables

Every table in `results/tables` was made by the command beside it. First prepare the data, for
Beauty with `sirec prepare beauty --source s3rec`; [`experiments/data`](../experiments/data) lists
the command of each data set. In a clone, the commands use the committed runs and draw the tables
in seconds; without these runs they train. `sirec verify results` draws all tables anew and
compares them.

## Tables and figures of the papers

*Committed* says whether `results/tables` has the result, for at least one of the paper's data sets.

"""
PAPERS_HEADING = "| in the paper | command | committed |\n|---|---|---|\n"
# What the paper calls it, the command that makes it, and what names of its tables begin with.
PAPERS: tuple[tuple[str, str, str], ...] = (
    ("COMIF, Table 1: data sets", "sirec statistics beauty sports yelp", "statistics"),
    ("COMIF, Table 2: models", "sirec models", ""),
    ("COMIF, Table 3: all models", "sirec study overall", "overall"),
    ("COMIF, Table 4: fusion by level", "sirec ablate fusion", "comif_table4"),
    ("COMIF, Table 5: side information", "sirec ablate side-info", "comif_table5"),
    ("COMIF, Table 6: parts of the model", "sirec ablate modules", "comif_table6"),
    ("COMIF, Table 7: cost", "sirec study comif_table7_efficiency", "comif_table7"),
    ("COMIF, Figures 5 and 6: groups of users", "sirec coldstart --data beauty", "coldstart"),
    ("COMIF, Figure 7: weights of losses", "sirec study comif_figure7_balance", "comif_figure7"),
    ("COMIF, equations 3 and 4", "sirec correlation --study overall", "correlation"),
    ("DIF-SR, Table 1: data sets", "sirec statistics beauty sports yelp", "statistics"),
    ("DIF-SR, Table 2: all models", "sirec study overall", "overall"),
    ("DIF-SR, Table 3: other backbones", "sirec study difsr_table3_enhancement", "difsr_table3"),
    ("DIF-SR, Tables 4 and 5: ablations", "sirec ablate dif", "difsr_table4"),
    ("DIF-SR, Figure 1: ranks", "sirec rankcheck --study difsr_figure1_rank", "rankcheck"),
    ("DIF-SR, Figure 4: weight λ", "sirec study difsr_figure4_lambda", "difsr_figure4"),
    ("DIF-SR, Figure 5: width of attributes", "sirec study difsr_figure5_width", "difsr_figure5"),
    ("DIF-SR, Figure 6: fusion of scores", "sirec study difsr_figure6_fusion", "difsr_figure6"),
    ("DIF-SR, Figure 7: attention", "sirec attentionmaps beauty/dif-sr", "attentionmaps"),
)
HEADING = "| table | how it was made |\n|---|---|\n"


def reproduction_page(results: Path) -> str:
    """The committed tables by section, each with its command and data, as Markdown.

    Args:
        results: the committed folder of results.
    """
    names = sorted(path.stem for path in (results / "tables").glob("*.md"))
    artefacts = [Artefact(results, name) for name in names]
    parts = [INTRODUCTION, PAPERS_HEADING]
    for what, command, beginning in PAPERS:
        is_there = any(name.startswith(beginning) for name in names)
        parts.append(f"| {what} | `{command}` | {'yes' if is_there else 'not yet'} |\n")
    parts.append("\n")
    for section in SECTIONS:
        found = [artefact for artefact in artefacts if artefact.section is section]
        if found:
            parts.append(f"## {section.heading}\n\n{HEADING}{''.join(map(_row, found))}\n")
    return "".join(parts)


def _row(artefact: Artefact) -> str:
    link = f"[{artefact.title}](../results/tables/{artefact.name}.md)"
    made = "<br>".join(artefact.how_made()).replace("|", "\\|")
    return f"| {link} | {made} |\n"

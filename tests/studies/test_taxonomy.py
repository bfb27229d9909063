"""The taxonomy is what the declarations say, and agrees with COMIF's Table 2 where that has a row."""

from __future__ import annotations

import tiny as builders

from sirec.data.dataset import Dataset
from sirec.models import MODELS
from sirec.report.published import is_same
from sirec.studies.taxonomy import Entry, built, entries, printed, printed_taxonomy, settings

# COMIF counts what joins queries and keys as the embedding; it ran DLFS-Rec with the time of interactions, which is off here.
PRINTED_LEVELS = {"none": "-", "objective": "-", "embedding": "embedding", "query_key": "embedding", "attention": "attention"}
READ_OTHERWISE = {("dlfs-rec", "behaviour"), ("s3-rec", "behaviour")}


def test_levels_and_lessons_are_those_of_comifs_table() -> None:
    """Every row of the printed taxonomy that is a model here has the same levels and the same self-supervised kinds."""
    table, compared = printed_taxonomy(), []
    for entry in entries():
        row = next((row for name, row in table.items() if is_same(name, entry.model.title)), None)
        if row is None:
            continue
        attribute, behaviour, lessons = row
        for kind, level in (("attribute", attribute), ("behaviour", behaviour)):
            if (entry.model.name, kind) not in READ_OTHERWISE:
                assert PRINTED_LEVELS[entry.places[kind].level] == level, entry.model.name  # type: ignore[index]
        assert ("+".join(entry.lessons) or "-") == lessons
        compared.append(entry.model.name)
    assert {"sasrecf", "nova", "dif-sr", "comif"} <= set(compared)


def test_fusion_is_that_of_the_level() -> None:
    """The function named is the one in use where the fields enter, not that of another level."""
    comif = Entry(MODELS["comif"]).places
    assert (comif["attribute"].text, comif["behaviour"].text) == ("embedding (sum)", "attention (concat)")
    assert Entry(MODELS["sasrec"]).places["attribute"].text == "–"


def test_built_models_count_what_is_trained(tiny: Dataset) -> None:
    """A floor trains nothing; DIF-SR's frozen profile is not what is counted; the reference form would not be one pass."""
    assert built(MODELS["popularity"], tiny).parameters == 0
    sasrec = built(MODELS["sasrec"], tiny)
    table, positions = (builders.ITEMS + 1) * 128, 50 * 128
    assert sasrec.single_pass
    assert sasrec.parameters > table + positions
    assert built(MODELS["comif"], tiny).parameters > sasrec.parameters


def test_settings_hold_every_published_switch() -> None:
    """Each switch of the profile stands in the table of settings with its value, beside the default where it has one."""
    for model in MODELS.values():
        shown = {path: (default, value) for path, default, value in settings(model)}
        assert set(model.published) <= set(shown), model.name
        assert all(shown[path][1] for path in model.published)
    rows = {path: (default, value) for path, default, value in settings(MODELS["dif-sr"])}
    assert rows["model.attribute_trainable"] == ("True", "False")


def test_printed_numbers_are_the_papers() -> None:
    """SASRec stands in both papers, with three and four data sets; a floor in neither."""
    rows = printed(MODELS["sasrec"])
    assert [(row["paper"], row["dataset"]) for row in rows].count(("COMIF", "beauty")) == 1
    assert len(rows) == 7
    assert rows[0]["Recall@20"] == 0.1222
    assert printed(MODELS["popularity"]) == []

"""The benchmark of preparation: what is generated, that its readers are held to the same sums, and
what is made of them.
"""

import json
import sys

import pytest
from load_script import ROOT, load

side, preparation = load("preparation_side"), load("preparation")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("yelp")
    side.generate(place, 3_000)
    return place


def test_generated_reviews_have_the_distributed_schema(folder, tmp_path):
    """Every line is a review of every key, about 700 bytes of text; the same arguments give the
    same bytes, others others.
    """
    records = [json.loads(line) for line in (folder / side.REVIEWS).read_text().splitlines()]
    keys = [
        "review_id",
        "user_id",
        "business_id",
        "stars",
        "useful",
        "funny",
        "cool",
        "text",
        "date",
    ]
    assert [list(record) for record in records] == [keys] * 3_000
    assert 600 < sum(len(record["text"]) for record in records) / 3_000 < 800
    businesses = [
        json.loads(line)["business_id"]
        for line in (folder / side.BUSINESSES).read_text().splitlines()
    ]
    assert {record["business_id"] for record in records} <= set(businesses)
    for seed, same in ((0, True), (1, False)):
        side.generate(tmp_path / str(seed), 3_000, seed)
        assert (
            (tmp_path / str(seed) / side.REVIEWS).read_bytes()
            == (folder / side.REVIEWS).read_bytes()
        ) is same


def test_readers_read_the_same(folder):
    """Ours and Python's json agree, and the sums are those of the records."""
    ours, plain = side.read_ours(folder), side.read_json(folder)
    assert ours["sums"] == plain["sums"]
    assert ours["sums"][0] == 3_000


def test_preparing_is_timed_in_stages(folder):
    """The whole is the sum of the stages, and what is left is counted."""
    result = side.prepare_yelp(folder)
    assert result["seconds"] == pytest.approx(sum(result["stages"].values()))
    assert 0 < result["sums"][2] < 3_000


def result(name, seconds, sums=(1, 2)):
    return preparation.summarise(
        name, [{"seconds": each, "peak_bytes": 5_000_000, "sums": list(sums)} for each in seconds]
    )


def test_readers_that_differ_are_refused():
    """Nobody is fast by reading something else; what is no reader may count otherwise."""
    rows = [result("ours", [1.0]), result("json", [2.0]), result("prepare", [3.0], (7, 8, 9))]
    preparation.check_readers(rows)
    with pytest.raises(SystemExit, match="the readers differ"):
        preparation.check_readers([*rows, result("polars", [1.0], (1, 3))])
    with pytest.raises(SystemExit, match="differs between rounds"):
        preparation.summarise(
            "ours", [{"seconds": 1.0, "peak_bytes": 1, "sums": [each]} for each in (1, 2)]
        )


def test_the_table_has_a_row_for_each_side():
    """Medians, spreads and peaks in megabytes."""
    lines = preparation.to_markdown(
        [result("ours", [1.0, 4.0, 2.0]), result("json", [3.0])]
    ).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[2:5]] == ["2.00", "1.00–4.00", "5"]
    assert len(lines) == 4


def test_a_side_that_fails_ends_all(tmp_path):
    """What the side said is shown."""
    with pytest.raises(SystemExit, match="invalid choice: 'nothing'"):
        preparation.Side("nothing", sys.executable, tmp_path).run()


def test_a_missing_library_is_told(monkeypatch, tmp_path):
    """The others are measured without it."""
    answers = {
        "polars": {"missing": "polars"},
        "ours": {"seconds": 1.0, "peak_bytes": 1, "sums": [1]},
    }
    monkeypatch.setattr(preparation.Side, "run", lambda self, *options: answers[self.name])
    said: list[str] = []
    rows = preparation.run_rounds(
        [preparation.Side(name, "python", tmp_path) for name in answers], 1, said.append
    )
    assert [row.name for row in rows] == ["ours"]
    assert any("polars is not installed" in text for text in said)


@pytest.mark.parametrize("name", ["amazon-2018", "amazon-2023", "csv"])
def test_other_formats_are_generated_and_prepared(name, tmp_path, monkeypatch):
    """Each format is read by its source, with fractions of a second where it has them; the same
    arguments give the same bytes.
    """
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    other = load("preparation_other")
    for folder in ("one", "two"):
        assert other.generate(name, tmp_path / folder, 3_000)["reviews"] == 3_000
    one, two = (tmp_path / folder / other.FORMATS[name].reviews for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    found = other.prepare(name, tmp_path / "one")
    assert 0 < found["sums"][2] < 3_000
    assert set(found["stages"]) == {"reading", "filtering and coding", "writing"}


def test_the_other_formats_are_those_of_the_table(monkeypatch):
    """What the script measures has a title and is generated."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    assert set(preparation.OTHERS) == set(load("preparation_other").FORMATS)
    assert set(preparation.OTHERS) <= set(preparation.TITLES)

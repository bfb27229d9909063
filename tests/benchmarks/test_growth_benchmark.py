"""The benchmark of growth: what is generated, that parts add up to steps, and what is made of the
points.
"""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from load_script import load

side, growth, figure = load("growth_side"), load("growth"), load("growth_figure")
TINY = side.Size(users=60, items=40, history=10, window=8, width=8, loss="full")


def test_generated_data_have_the_size_asked_for_and_long_tails():
    """Users, items and mean history are as given; some items and some histories are far above the
    mean; seeds differ.
    """
    size = side.Size(users=20_000, items=5_000, history=20)
    data = side.generate(size)
    lengths, counts = data.lengths.numpy(), np.bincount(data.items.numpy())
    assert (data.user_count, data.item_count) == (20_000, 5_000)
    assert lengths.min() >= side.SHORTEST
    assert lengths.mean() == pytest.approx(20, rel=0.05)
    assert lengths.max() > 5 * lengths.mean()
    assert counts.max() > 10 * counts[1:].mean()
    assert counts[0] == 0
    assert torch.equal(side.generate(size).items, data.items)
    assert not torch.equal(side.generate(size, seed=1).items, data.items)


def test_the_first_users_are_those_users():
    """Their rows are the same, nobody else's are there, and the catalogue is as large as before."""
    data = side.generate(TINY)
    some = side.first_users(data, 7)
    assert torch.equal(some.offsets, data.offsets[:8])
    assert torch.equal(some.items, data.items[: int(data.offsets[7])])
    assert some.item_codes == data.item_codes


@pytest.mark.parametrize("loss", list(side.LOSSES))
def test_a_point_is_measured_in_the_parts_that_the_table_has(loss):
    """Every part of a step and of ranking has a time of its own under every loss."""
    found = side.measure(replace(TINY, loss=loss), 0.0, 1, side.CLOCKS["wall"])
    assert set(found["parts"]) == set(growth.PARTS)
    assert set(found["ranking"]) == set(growth.RANKING)
    assert min(*found["parts"].values(), *found["ranking"].values()) > 0
    assert found["timed_steps"] == side.FEWEST_STEPS
    assert found["ranked_users"] == TINY.users
    assert set(growth.LOSSES) == set(side.LOSSES)


def test_a_stopwatch_gives_every_second_to_one_name():
    """Laps add up to the time between restart and the last mark, whatever happens between."""
    ticks = itertools.count()
    watch = side.Stopwatch(lambda: float(next(ticks)))
    watch.restart()  # 0
    watch.around(lambda: None, "before", "during")()  # 1, 2
    watch.lap("before")  # 3
    assert watch.restart() == {"before": 2.0, "during": 1.0}
    assert watch.laps == {}


def test_slow_and_fast_steps_are_left_out_whole():
    """One stall among eight steps changes nothing, nor does one step that is too fast."""
    steady = [{"a": 1.0, "b": 3.0}] * 8
    assert side.middle_half([*steady[2:], {"a": 99.0, "b": 3.0}, {"a": 0.0, "b": 0.0}]) == {
        "a": 1.0,
        "b": 3.0,
    }


def point(size, milliseconds=1.0, peak=5e6):
    """What a side might have printed."""
    parts, ranking = dict.fromkeys(growth.PARTS, milliseconds), dict.fromkeys(growth.RANKING, 0.25)
    counts = {
        "steps_per_epoch": 100,
        "listing_seconds": 0.1,
        "dealing_seconds": 0.5,
        "waiting": 1.0,
    }
    peaks = {"training_peak_bytes": peak / 2, "peak_bytes": peak}
    return growth.Measured(size, {"parts": parts, "ranking": ranking, **counts, **peaks})


def test_figures_follow_from_what_was_measured():
    """A step is its parts, an epoch its steps and the dealing, ranking all is ranking a thousand
    times their thousands.
    """
    figures = point({"users": 4_000}).figures
    assert figures["step"] == len(growth.PARTS)
    assert figures["epoch"] == pytest.approx(0.1 * len(growth.PARTS) + 0.5)
    assert (figures["ranking"], figures["all ranked"], figures["peak"]) == (1.0, 4.0, 5.0)
    assert figures["training peak"] == 2.5


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 2.0])
def test_an_exponent_is_the_power_of_a_power_law(power):
    """And a constant beside it shows in the whole axis, but fades in the last doubling."""
    sizes = [2**n for n in range(4, 12)]
    assert growth.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)
    if power > 0:
        bent = [10 + size**power for size in sizes]
        assert growth.exponent(sizes, bent) < growth.exponent(sizes[-2:], bent[-2:]) < power


def test_axes_that_cross_share_their_points_and_known_points_are_not_measured_again():
    """The base is on several axes but measured once; an interrupted run goes on."""
    axes = growth.up_to(growth.AXES, 62_500)
    sizes = growth.distinct(axes)
    assert len(sizes) < sum(len(axis.values) for axis in axes)
    assert sizes.count(dict(growth.BASE)) == 1
    asked: list[object] = []
    done = growth.measure(
        axes, [point(sizes[0])], lambda size: asked.append(size) or point(size), lambda text: None
    )
    assert asked == sizes[1:]
    assert [each.size for each in done] == sizes


def test_every_axis_is_within_the_limit_and_has_something_to_grow():
    """No value is above the limit; an axis of one point is none; the whole run ends at a million by
    a million.
    """
    cut = growth.up_to(growth.AXES, 300)
    assert [axis.names for axis in cut] == [("window", "history"), ("width",)]
    assert max(value for axis in cut for value in axis.values) <= 300
    last = growth.AXES[-1]
    assert (last.size(last.values[-1])["users"], last.size(last.values[-1])["items"]) == (
        1_000_000,
        1_000_000,
    )
    with pytest.raises(SystemExit):
        growth.parse(["--up-to", "40"])


def test_the_page_has_every_point_and_every_exponent():
    """A point a row; the exponent over the axis and over the last doubling."""
    axis = growth.Axis(("width",), (32, 64, 128))
    measured = [point(axis.size(value), milliseconds=value / 16) for value in axis.values]
    page = growth.compose([axis], measured, ["Remark."])
    assert "| width, softmax over all items | 1.00 (1.00) |" in page
    assert [line.split("|")[1].strip() for line in page.splitlines()[-5:-2]] == ["32", "64", "128"]
    assert "Fixed: users 31,250, items 15,625, history 10, window 50." in page
    assert page.endswith("Remark.\n")


def test_points_are_kept_as_they_are(tmp_path):
    """What is read is what was appended, in order; without a file there is nothing."""
    path, points = (
        tmp_path / "rows.jsonl",
        [point({"users": 1}), point({"users": 2}, milliseconds=0.1)],
    )
    assert growth.read_rows(path) == growth.read_rows(None) == []
    for each in points:
        growth.append_row(path, each)
    assert growth.read_rows(path) == points
    assert [json.loads(line)["size"]["users"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_side_that_fails_ends_all(tmp_path, monkeypatch):
    """What it said is shown."""
    monkeypatch.setattr(growth, "SIDE", tmp_path / "side.py")
    growth.SIDE.write_text("raise SystemExit('no memory left')")
    with pytest.raises(SystemExit, match="no memory left"):
        growth.run_side(growth.BASE, growth.parse([]))


def test_the_figure_has_a_column_an_axis_and_the_same_bytes_twice(tmp_path):
    """Every axis's title is in the file beside the page."""
    axes = [
        growth.Axis(("width",), (32, 64)),
        growth.Axis(("items",), (10, 20), (("loss", "shared"),)),
    ]
    lines = [
        (axis.title, [(value, point(axis.size(value)).figures) for value in axis.values])
        for axis in axes
    ]
    drawn = [figure.write(lines, tmp_path / name) for name in ("a.md", "b.md")]
    assert [path.name for path in drawn] == ["a.svg", "b.svg"]
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
    assert "256 negatives a step" in drawn[0].read_text()

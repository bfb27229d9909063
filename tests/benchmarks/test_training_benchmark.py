"""The training benchmark: what our side measures, what it asks of a peer, and what it makes of both."""

import json
import sys
from pathlib import Path

import pytest
from scripts import load

from sirec.data.prepare import prepare
from sirec.data.sources.demo import DemoSource

own_side, training = load("own_side"), load("training")


@pytest.fixture(scope="module")
def demo():
    return prepare(DemoSource(users=120, items=60).read(), "demo").dataset


def printer(tmp_path: Path, *lines: dict[str, object], code: int = 0) -> tuple[str, ...]:
    script = tmp_path / "peer.py"
    script.write_text(f"import sys\nfor line in {[json.dumps(line) for line in lines]!r}: print(line)\nsys.exit({code})\n")
    return (sys.executable, str(script))


def line(**more: object) -> dict[str, object]:
    return {"name": "peer", "ms_per_step": 10.0, "seconds_per_epoch": 2.0, "peak_bytes_above_import": 5_000_000, **more}


@pytest.mark.parametrize(
    ("spec", "model"),
    [
        ("sasrec", "sasrec"),
        ('sasrec task={"name":last_item,"composition":pools}', "sasrec"),
        ("dif-sr score_fusion=sum precision=bf16", "dif-sr sum"),
        ("comif long_histories=exact", "comif"),
        ("mssr", "mssr"),
    ],
)
def test_our_side_speaks_the_protocol(demo, spec, model):
    config = own_side.configure(f"{spec} width=16 inner=16 layers=1 budget=64", demo, 1, "fp32", ["category"])
    [(suffix, result)] = own_side.measure(config, demo, warmup=1, steps=2, evaluate=True)
    assert suffix == ""
    assert result["model"] == model
    assert all(isinstance(result[key], int | float) for key in training.NUMBERS)
    assert result["seconds_per_epoch"] == pytest.approx(result["ms_per_step"] * result["steps_per_epoch"] / 1e3)
    assert result["evaluation_seconds"] > 0


def test_each_stage_is_timed_and_the_users_ranked_once(demo):
    config = own_side.configure("s3-rec width=16 inner=16 layers=1 budget=64", demo, 1, "fp32", ["category"])
    stages = list(own_side.measure(config, demo, warmup=1, steps=2, evaluate=True))
    assert [(suffix, result["model"]) for suffix, result in stages] == [
        (" (pretrain)", "s3-rec (pretrain)"),
        (" (train)", "s3-rec (train)"),
    ]
    assert ["evaluation_seconds" in result for _, result in stages] == [False, True]


def test_every_trained_model_has_a_side():
    names = training.every_model()
    assert {"sasrec", "s3-rec", "mssr"} < set(names)
    assert "popularity" not in names


def test_steps_are_timed_across_epochs(demo):
    config = own_side.configure("sasrec width=16 inner=16 layers=1 budget=500", demo, 1, "fp32", [])
    workshop = own_side.set_up(config, demo, own_side.torch.device("cpu"))
    trainer = own_side.Trainer(workshop.model, config.stages[0], workshop.data, workshop.schema, own_side.Place(0))
    ended = []
    begin = own_side.now
    own_side.now = lambda device: ended.append(begin(device)) or ended[-1]
    try:
        seconds = own_side.time_steps(trainer, 1, 2 * trainer.steps)
    finally:
        own_side.now = begin
    assert trainer.epoch >= 2
    assert seconds == pytest.approx((ended[1] - ended[0]) / (2 * trainer.steps))


def test_every_default_side_is_a_configuration(demo):
    for spec in training.OWN:
        assert own_side.configure(spec, demo, 2, "fp32", ["category"]).model.width == 128


def test_rounds_are_summed_up_and_compared_with_the_fastest_peer(tmp_path):
    slow = line(name="slow", model="m", seconds_per_epoch=8.0, evaluation_seconds=1.5)
    fast, ours = line(name="fast", model="m", seconds_per_epoch=4.0), line(name="ours", model="m", seconds_per_epoch=1.0)
    (tmp_path / "a").mkdir()
    sides = [
        training.Side(printer(tmp_path, slow, fast), ours=False),
        training.Side(printer(tmp_path / "a", ours), ours=True),
    ]
    text = training.to_markdown(training.run_rounds(sides, 2, 1))
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:]]
    assert [row[1] for row in rows] == ["slow", "fast", "ours: `ours`"]
    assert [row[-1] for row in rows] == ["0.50×", "1.00×", "4.00×"]
    assert [row[5] for row in rows] == ["1.50", "–", "–"]


def test_a_second_run_says_how_much_faster_each_side_became(tmp_path, monkeypatch):
    """`--out` leaves figures beside the table; with them as `--before` the last column has the ratio of each known side."""
    sides = [
        training.Side(
            printer(tmp_path, line(name="old", seconds_per_epoch=6.0), line(name="new", seconds_per_epoch=1.0)), ours=True
        )
    ]
    monkeypatch.setattr(training, "own_sides", lambda args: sides)
    (tmp_path / "before.json").write_text(json.dumps([{"name": "old", "seconds_per_epoch": 12.0}]))
    common = ["--data", str(tmp_path), "--rounds", "1", "--out", str(tmp_path / "table.md")]
    training.main([*common, "--before", str(tmp_path / "before.json")])
    rows = [row for row in (tmp_path / "table.md").read_text().splitlines() if row.startswith("| peer") or "ours" in row]
    assert [row.strip("|").split("|")[-1].strip() for row in rows[:2]] == ["2.00×", "–"]
    training.main([*common, "--before", str(tmp_path / "table.json")])
    assert "1.00×" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--before", "none.json"], "no such file"),
        (["--out", "x.txt"], "must end in .md"),
        (["--data", "nowhere"], "sirec prepare"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_timed(options, message, capsys):
    with pytest.raises(SystemExit):
        training.parse(options)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([], 0, "no JSON line"),
        ([line()], 3, "failed"),
        ([{"name": "peer", "ms_per_step": 1.0}], 0, "without seconds_per_epoch, peak_bytes_above_import"),
    ],
)
def test_a_side_that_breaks_the_protocol_stops_the_benchmark(tmp_path, lines, code, message):
    with pytest.raises(SystemExit, match=message):
        training.run_side(training.Side(printer(tmp_path, *lines, code=code), ours=False), 1)

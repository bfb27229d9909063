"""The training benchmark: what our side measures, what it asks of a peer, and what it makes of
both.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from load_script import load

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.errors import SirecError
from sirec.models import model_class

own_side, training = load("own_side"), load("training")


@pytest.fixture(scope="module")
def demo():
    return prepare(DemoSource(users=120, items=60).read(), "demo").dataset


def printer(tmp_path: Path, *lines: dict[str, object], code: int = 0) -> tuple[str, ...]:
    script = tmp_path / "peer.py"
    script.write_text(
        f"import sys\nfor line in {[json.dumps(line) for line in lines]!r}: "
        f"print(line)\nsys.exit({code})\n"
    )
    return (sys.executable, str(script))


def line(**more: object) -> dict[str, object]:
    return {
        "name": "peer",
        "ms_per_step": 10.0,
        "seconds_per_epoch": 2.0,
        "peak_bytes_above_import": 5_000_000,
        **more,
    }


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
    config = own_side.configure(
        f"{spec} width=16 inner=16 layers=1 budget=64", demo, 1, "fp32", ["category"]
    )
    [(suffix, result)] = own_side.measure(config, demo, warmup=1, steps=2, evaluate=True)
    assert suffix == ""
    assert result["model"] == model
    assert all(isinstance(result[key], int | float) for key in training.NUMBERS)
    assert result["seconds_per_epoch"] == pytest.approx(
        result["ms_per_step"] * result["steps_per_epoch"] / 1e3
    )
    assert result["evaluation_seconds"] > 0


def test_each_stage_is_timed_and_the_users_ranked_once(demo):
    config = own_side.configure(
        "s3-rec width=16 inner=16 layers=1 budget=64", demo, 1, "fp32", ["category"]
    )
    stages = list(own_side.measure(config, demo, warmup=1, steps=2, evaluate=True))
    assert [(suffix, result["model"]) for suffix, result in stages] == [
        (" (pretrain)", "s3-rec (pretrain)"),
        (" (train)", "s3-rec (train)"),
    ]
    assert ["evaluation_seconds" in result for _, result in stages] == [False, True]


@pytest.mark.slow
def test_every_trained_model_has_a_side():
    names = training.every_model()
    assert {"sasrec", "s3-rec", "mssr"} < set(names)
    assert "popularity" not in names


def trainer_of(demo):
    config = own_side.configure("sasrec width=16 inner=16 layers=1 budget=500", demo, 1, "fp32", [])
    built = own_side.set_up(config, demo, own_side.torch.device("cpu"))
    return own_side.Trainer(
        built.model, config.stages[0], built.data, built.schema, own_side.SeedKey(0)
    )


def test_steps_are_timed_across_epochs(demo):
    trainer = trainer_of(demo)
    ended = []
    begin = own_side.now
    own_side.now = lambda device: ended.append(begin(device)) or ended[-1]
    try:
        seconds, timed = own_side.time_steps(trainer, 1, 2 * trainer.steps)
    finally:
        own_side.now = begin
    assert trainer.epoch >= 2
    assert timed == 2 * trainer.steps
    assert seconds == pytest.approx((ended[1] - ended[0]) / (2 * trainer.steps))


@pytest.mark.parametrize(("limit", "timed"), [(0.0, 3), (1e9, 5)])
def test_a_limit_ends_the_steps_early_but_not_before_the_third(demo, limit, timed):
    """Of 5 steps after 4, nothing is cut while there is time; without any, 3 are timed after 3, and
    they say so.
    """
    trainer, done = trainer_of(demo), []
    steps = trainer._step
    trainer._step = lambda rows: done.append(rows) or steps(rows)
    assert own_side.time_steps(trainer, 4, 5, limit)[1] == timed
    assert len(done) == {3: 6, 5: 9}[timed]


@pytest.mark.parametrize(
    "model", ["gru4rec", "caser", "stosa", "bsarec", "dlfs-rec", "esasrec", "comif"]
)
def test_as_declared_leaves_a_model_all_but_width_window_and_budget(demo, model):
    """In the shape `declared` a model differs from its declaration in what is shared alone; in the
    peers' shape in more.
    """
    declared = model_class(model)()
    config = own_side.configure(model, demo, 1, "fp32", ["category"], "declared")
    assert config.model == replace(declared, width=128)
    assert (config.data.max_length, {stage.budget for stage in config.stages}) == (50, {512})


def test_models_in_the_peers_shape_share_layers_and_dropout(demo):
    """The control of the test above: layers of the shape `equal` are not those that are
    declared.
    """
    layers = [
        own_side.configure(model, demo, 1, "fp32", ["category"]).model.layers
        for model in ("gru4rec", "stosa")
    ]
    assert layers == [3, 3]
    assert own_side.configure("stosa", demo, 1, "fp32", [], "declared").model.layers == 1


def test_the_protocol_line_has_the_numbers_of_the_shape_that_was_timed():
    """Two files say what the peers' shape is, one in numbers and one in words."""
    shape, words = own_side.SHAPE, training.SHAPES["equal"]
    for said in (
        "{model.layers} layers",
        "{model.heads} heads",
        "inner {model.inner}",
        "dropout {model.dropout} and {model.attention_dropout}",
    ):
        for key, value in shape.items():
            said = said.replace(f"{{{key}}}", str(value))
        assert said in words
    assert set(training.SHAPES) == set(own_side.SHAPES)


def test_a_device_that_is_not_there_is_one_line(demo):
    config = own_side.configure("sasrec", demo, 1, "fp32", [])
    with pytest.raises(SirecError, match="not supported"):
        next(own_side.measure(config, demo, warmup=1, steps=1, evaluate=False, device="meta"))


def test_every_default_side_is_a_configuration(demo):
    for spec in training.OWN:
        assert own_side.configure(spec, demo, 2, "fp32", ["category"]).model.width == 128


def test_rounds_are_summed_up_and_compared_with_the_fastest_peer(tmp_path):
    slow = line(name="slow", model="m", seconds_per_epoch=8.0, evaluation_seconds=1.5)
    fast, ours = (
        line(name="fast", model="m", seconds_per_epoch=4.0),
        line(name="ours", model="m", seconds_per_epoch=1.0),
    )
    (tmp_path / "a").mkdir()
    sides = [
        training.Side(printer(tmp_path, slow, fast), ours=False),
        training.Side(printer(tmp_path / "a", ours), ours=True),
    ]
    rows = cells(training.to_markdown(training.run_rounds(sides, 2, 1)))
    assert [row["side"] for row in rows] == ["slow", "fast", "ours: `ours`"]
    assert [row["speed"] for row in rows] == ["0.50×", "1.00×", "4.00×"]
    assert [row["validation s"] for row in rows] == ["1.50", "–", "–"]


def cells(text: str) -> list[dict[str, str]]:
    """The rows of a Markdown table at the start of a text, by column."""
    table = text.split("\n\n")[0].splitlines()
    header, _, *rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.parametrize(("rounds", "spread"), [(1, None), (2, "2.0–2.0")])
def test_a_single_round_has_no_spread(tmp_path, rounds, spread):
    sides = [training.Side(printer(tmp_path, line()), ours=True)]
    [row] = cells(training.to_markdown(training.run_rounds(sides, rounds, 1)))
    assert row.get("spread") == spread


def test_lists_and_the_floor_have_columns_where_a_side_has_them(tmp_path):
    """With how far a side is above the floor; without any (control) the columns are left out."""
    ours = line(name="ours", floor_seconds_per_epoch=0.5, lists_seconds=1.25)
    sides = [training.Side(printer(tmp_path, ours, line(name="other")), ours=True)]
    measured = training.run_rounds(sides, 1, 1)
    rows = cells(training.to_markdown(measured))
    assert [row["20 items s"] for row in rows] == ["1.25", "–"]
    assert [row["floor s"] for row in rows] == ["0.5", "–"]
    assert [row["of floor"] for row in rows] == ["4.0×", "–"]
    [without] = cells(training.to_markdown(measured[1:]))
    assert not {"20 items s", "floor s", "of floor"} & set(without)


def test_our_side_tells_the_floor_of_a_softmax_over_all_items(demo):
    """No step is faster; a loss with sampled items (control) has no such floor."""
    floors = {}
    for model in ("sasrec", "esasrec"):
        config = own_side.configure(f"{model} width=16 layers=1 budget=64", demo, 1, "fp32", [])
        [(_, result)] = own_side.measure(config, demo, warmup=1, steps=2, evaluate=True)
        assert result["lists_seconds"] > 0
        floors[model] = result.get("floor_seconds_per_epoch")
    assert floors["sasrec"] > 0
    assert floors["esasrec"] is None


def test_steps_are_those_that_a_side_says_it_timed(tmp_path):
    sides = [
        training.Side(printer(tmp_path, line(name="a", timed_steps=7), line(name="b")), ours=False)
    ]
    assert [
        row["steps"] for row in cells(training.to_markdown(training.run_rounds(sides, 1, 1)))
    ] == ["7", "–"]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """The benchmark with these lines instead of models; returns what it wrote."""

    def run(lines, *options, data="demo"):
        sides = [training.Side(printer(tmp_path, *lines), ours=True)]
        monkeypatch.setattr(training, "own_sides", lambda args: sides)
        monkeypatch.setattr(training, "every_model", list)
        (tmp_path / data).mkdir(exist_ok=True)
        out = tmp_path / "table.md"
        training.main(
            ["--data", str(tmp_path / data), "--rounds", "1", "--out", str(out), *options]
        )
        return out.read_text()

    return run


def test_a_second_run_says_how_much_faster_each_side_became(bench, tmp_path):
    """`--out` leaves figures beside the table; with them as `--before` the last column has the
    ratio of each known side.
    """
    old, new = line(name="old", seconds_per_epoch=12.0), line(name="new", seconds_per_epoch=1.0)
    assert "since" not in bench([old])
    (tmp_path / "table.json").rename(tmp_path / "before.json")
    text = bench([old | {"seconds_per_epoch": 6.0}, new], "--before", str(tmp_path / "before.json"))
    assert [row["since"] for row in cells(text)] == ["2.00×", "–"]
    assert "Since: against" in text
    assert "1.00×" in bench([new], "--before", str(tmp_path / "table.json"))


def test_figures_say_of_what_and_where_they_are(bench, tmp_path):
    bench([line(steps_per_epoch=3)], "--threads", "1", "--attributes", "brand,category")
    read = json.loads((tmp_path / "table.json").read_text())
    assert read["protocol"] == {
        "data": "demo",
        "attributes": "brand, category",
        "threads": 1,
        "precision": "fp32",
        "device": "cpu",
        "shape": "equal",
    }
    assert {"where", "python", "torch", "commit", "load"} == set(read["machine"])
    assert [row["name"] for row in read["rows"]] == ["peer"]


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ((), "other", "data demo (now other)"),
        (("--threads", "1"), "demo", "threads 2 (now 1)"),
        (("--precision", "bf16"), "demo", "precision fp32 (now bf16)"),
        (("--every-model",), "demo", "shape equal (now declared)"),
        (("--attributes", "brand"), "demo", "attributes category (now brand)"),
    ],
)
def test_figures_of_another_protocol_are_refused_before_anything_is_timed(
    bench, tmp_path, capsys, options, data, message
):
    bench([line()])
    (tmp_path / "table.json").rename(tmp_path / "before.json")
    (tmp_path / "table.md").unlink()
    with pytest.raises(SystemExit) as stopped:
        bench([line()], "--before", str(tmp_path / "before.json"), *options, data=data)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "table.md").exists()


def test_figures_of_another_machine_are_compared_with_a_note(bench, tmp_path):
    bench([line()])
    read = json.loads((tmp_path / "table.json").read_text())
    read["machine"]["where"] = "an abacus"
    (tmp_path / "before.json").write_text(json.dumps(read))
    text = bench([line()], "--before", str(tmp_path / "before.json"))
    assert "of another machine (an abacus)" in text
    assert cells(text)[0]["since"] == "1.00×"


def test_figures_that_do_not_say_what_they_are_of_are_compared_with_a_note(bench, tmp_path):
    """Rows alone are what was written at first; other steps an epoch give them away as of other
    data.
    """
    rows = [line(name="same", steps_per_epoch=24), line(name="other", steps_per_epoch=257)]
    (tmp_path / "before.json").write_text(json.dumps(rows))
    text = bench(
        [row | {"steps_per_epoch": 24} for row in rows], "--before", str(tmp_path / "before.json")
    )
    assert [row["since"] for row in cells(text)] == ["1.00×", "–"]
    assert "does not say how and where" in text


def test_the_committed_figures_can_be_compared_with(tmp_path):
    """`make bench` reads them, with everything else left as it is."""
    committed, data = training.OWN_SIDE.with_name("beauty.json"), tmp_path / "beauty"
    data.mkdir()
    assert "sasrec" in training.read_earlier(committed).rows
    training.parse(["--data", str(data), "--before", str(committed)])


def test_printed_figures_stand_beside_the_model_of_that_name(bench):
    """A GB is 1,000 MB; a side that is not a model as it is has nothing printed."""
    table7 = (
        training.OWN_SIDE.parents[1] / "experiments" / "published" / "comif_table7_efficiency.csv"
    )
    text = bench(
        [line(name="dif-sr", model="dif-sr gate"), line(name="comif width=64")],
        "--printed",
        str(table7),
    )
    printed = [
        [value for key, value in row.items() if key.startswith("printed")] for row in cells(text)
    ]
    assert printed == [["11.7", "1.06", "2,080"], ["–", "–", "–"]]
    assert "on the paper's machine and Beauty" in text


def test_the_protocol_line_says_what_is_shared_and_which_attributes_there_were(bench):
    equal = bench([line()], "--attributes", "")
    assert "attributes: none" in equal
    assert "3 layers, 4 heads" in equal
    declared = bench([line(timed_steps=5)], "--every-model", "--attributes", "brand")
    assert "attributes: brand" in declared
    assert "as each model declares" in declared
    assert "3 layers" not in declared
    assert "cut short: `peer`" in declared


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--before", "none.json"], "no such file"),
        (["--before", __file__], "not the figures"),
        (["--printed", "none.csv"], "no such file"),
        (["--printed", __file__], "not a CSV file"),
        (["--out", "x.txt"], "must end in .md"),
        (["--out", "nowhere/x.md"], "cannot be written"),
        (["--data", "nowhere"], "sirec prepare"),
        (["--data", ".", "--device", "meta"], "device meta is not supported"),
        (["--data", ".", "--limit", "0"], "more than 0"),
        (["--data", ".", "--own", ""], "nothing to time"),
        (["--data", ".", "--every-model", "--own", "sasrec"], "exclude each other"),
        (["--data", ".", "--every-model", "--peer-script", "peer.py"], "one shape"),
        (
            ["--data", ".", "--peer-script", "peer.py", "--peer-python", "no-python"],
            "no such interpreter",
        ),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_timed(options, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        training.parse(options)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.skipif(own_side.torch.cuda.is_available(), reason="there is one")
def test_an_accelerator_that_is_not_there_is_refused_before_anything_is_timed(capsys):
    with pytest.raises(SystemExit):
        training.parse(["--data", ".", "--device", "cuda"])
    assert "no CUDA accelerator is usable here" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "figures", ["", "5", "[5]", "{}", '[{"name": "a", "seconds_per_epoch": 0}]', '{"rows": []}']
)
def test_figures_that_this_script_did_not_write_are_refused(tmp_path, figures):
    (tmp_path / "before.json").write_text(figures)
    with pytest.raises(ValueError, match="not the figures"):
        training.read_earlier(tmp_path / "before.json")


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([], 0, "no JSON line"),
        ([line()], 3, "failed"),
        (
            [{"name": "peer", "ms_per_step": 1.0}],
            0,
            "without seconds_per_epoch, peak_bytes_above_import",
        ),
    ],
)
def test_a_side_that_breaks_the_protocol_stops_the_benchmark(tmp_path, lines, code, message):
    with pytest.raises(SystemExit, match=message):
        training.run_side(training.Side(printer(tmp_path, *lines, code=code), ours=False), 1)


@pytest.mark.parametrize("code", [0, 3])
def test_a_peer_that_lists_nothing_is_said_to(tmp_path, code):
    with pytest.raises(SystemExit, match="named nothing"):
        training.list_peers(printer(tmp_path, code=code))

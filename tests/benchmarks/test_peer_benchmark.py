"""The script that times RecBole and the DIF-SR repository: what it makes of a data set, and what it
asks of a peer.

Neither peer is installed here. A package of the same names stands in for both: an embedding of the
target's row as its model, which refuses batches that a peer could not use.
"""

import json
import math
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml
from load_script import ROOT, load

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

peer, training = load("peer_recbole"), load("training")
sys.modules.setdefault("peer_recbole", peer)  # as beside a script that is run
rectools = load("peer_rectools")

PACKAGE = {
    "__init__.py": '__version__ = "7.8"',
    "utils/__init__.py": (
        "import enum\nFeatureType = enum.Enum('FeatureType', ['TOKEN', 'TOKEN_SEQ'])"
    ),
    "data/__init__.py": "",
    "data/interaction.py": """
class Interaction:
    def __init__(self, columns): self.interaction = columns
    def __len__(self): return max(map(len, self.interaction.values()))
    def __getitem__(self, key):
        if isinstance(key, str): return self.interaction[key]
        return Interaction({name: column[key] for name, column in self.interaction.items()})
    def update(self, other): self.interaction |= other.interaction
    def to(self, device): return self
""",
    "model/__init__.py": "",
    "model/sequential_recommender/__init__.py": """
import torch
torch.autograd.set_detect_anomaly(True)
class SASRec(torch.nn.Module):
    def __init__(self, config, dataset):
        super().__init__()
        assert config["never_set"] is None
        self.window, self.fields = config["MAX_ITEM_LIST_LENGTH"], config["selected_features"]
        self.kinds = {name: dataset.field2type[name].name for name in self.fields}
        self.scores = torch.nn.Embedding(dataset.num("item_id"), dataset.num("item_id"))
        torch.nn.init.zeros_(self.scores.weight)
        self.anomaly = []
    def full_sort_predict(self, batch):
        assert batch["item_id_list"].shape[1] == self.window
        assert all(len(batch[name]) == len(batch["item_id"]) for name in self.fields)
        assert set(batch.interaction) == {"item_id", "item_id_list", "item_length", *self.fields}
        last = batch["item_id_list"].gather(1, batch["item_length"][:, None] - 1)[:, 0]
        assert bool((last > 0).all())
        return self.scores(last)
    def calculate_loss(self, batch):
        return torch.nn.functional.cross_entropy(self.full_sort_predict(batch), batch["item_id"])
class SASRecF(SASRec): pass
class SASRecD(SASRec): pass
""",
    "model/sequential_recommender/sasrecd.py": "",
}
SMALL = (
    "--window",
    "5",
    "--batch",
    "64",
    "--steps",
    "3",
    "--warmup",
    "1",
    "--threads",
    "1",
    "--learning-rate",
    "0.1",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return storage.write(root, prepare(DemoSource(users=120, items=60).read(), "demo"))


@pytest.fixture
def without_a_peer(monkeypatch):
    installed = peer.is_installed
    monkeypatch.setattr(
        peer, "is_installed", lambda module: module != "recbole" and installed(module)
    )


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder with the stand-in, which can be imported; afterwards torch and the interpreter are
    as before.
    """
    for name, text in PACKAGE.items():
        (tmp_path / "recbole" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "recbole" / name).write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    threads, generator = torch.get_num_threads(), torch.get_rng_state()
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "recbole"]:
        del sys.modules[name]
    torch.autograd.set_detect_anomaly(False)
    torch.set_num_threads(threads)
    torch.set_rng_state(generator)


def read(folder: Path):
    return peer.read(folder, peer.read_manifest(folder))


def test_a_data_set_is_read_as_sirec_reads_it(folder):
    """Items, users and tables of codes are the same; an attribute of one value has no second
    axis.
    """
    found, known = read(folder), storage.load(folder)
    assert torch.equal(found.items, known.items)
    assert torch.equal(found.begins.unique(), known.offsets[:-1])
    assert torch.equal(found.ends.unique(), known.offsets[1:])
    assert found.item_codes == known.item_codes
    tables = {field.name: field.values for field in known.fields if field.kind == "attribute"}
    assert found.sizes == {
        field.name: field.size for field in known.fields if field.kind == "attribute"
    }
    assert torch.equal(found.attributes["brand"], tables["brand"][:, 0])
    assert torch.equal(found.attributes["category"], tables["category"])


@pytest.mark.parametrize("window", [1, 5, 500])
def test_examples_are_all_prefixes_before_the_held_out_two(folder, window):
    """Twin in lists: every item of a user but the first and the last two is a target once;
    validation has the last but one.
    """
    found, known = read(folder), storage.load(folder)
    users = [known.items[begin:end].tolist() for begin, end in pairwise(known.offsets)]
    training_twin = [
        (row[:at][-window:], row[at]) for row in users for at in range(1, len(row) - 2)
    ]
    validation_twin = [(row[:-2][-window:], row[-2]) for row in users]
    for at, twin in ((found.training(), training_twin), (found.validation(), validation_twin)):
        fields = found.examples(at, window)
        assert fields["item_id"].tolist() == [target for _, target in twin]
        assert fields["item_length"].tolist() == [len(history) for history, _ in twin]
        assert fields["item_id_list"].tolist() == [
            history + [0] * (window - len(history)) for history, _ in twin
        ]


def measured(capsys, *options: str) -> dict[str, object]:
    peer.main([*options, *SMALL])
    [line] = capsys.readouterr().out.splitlines()
    return json.loads(line)


@pytest.mark.parametrize(
    ("name", "title", "kind"),
    [
        ("recbole-sasrec", "RecBole 7.8 SASRec, anomaly detection off", "sasrec"),
        (
            "recbole-sasrec-anomaly",
            "RecBole 7.8 SASRec as shipped (anomaly detection on)",
            "sasrec",
        ),
        ("recbole-sasrecf", "RecBole 7.8 SASRecF, anomaly detection off", "sasrecf"),
        ("difsr-gate", "DIF-SR repository DIF-SR gate", "dif-sr gate"),
    ],
)
def test_a_peer_is_trained_ranked_and_reported_by_the_protocol(
    folder, package, capsys, name, title, kind
):
    """A line with every number; the first loss of equal scores is ln V; anomaly detection is as the
    title says.
    """
    row = measured(capsys, name, "--data", str(folder), "--repository", str(package), "--evaluate")
    assert (row["name"], row["model"]) == (title, kind)
    assert all(
        isinstance(row[key], int | float) for key in (*training.NUMBERS, "evaluation_seconds")
    )
    data = read(folder)
    assert row["steps_per_epoch"] == math.ceil(len(data.training()) / 64)
    assert row["seconds_per_epoch"] == pytest.approx(
        row["ms_per_step"] * row["steps_per_epoch"] / 1e3
    )
    assert row["timed_steps"] == 3
    assert row["first_loss"] == pytest.approx(math.log(data.item_codes))
    assert row["last_loss"] != row["first_loss"]
    assert torch.is_anomaly_enabled() is ("anomaly detection on" in title)


def test_what_counts_as_a_hit():
    """The target among the first twenty, never the padding item, and how many targets there are."""
    scores = torch.arange(30.0).flip(0).repeat(2, 1)
    scores[:, 0] = -math.inf
    found = peer.hits(scores, torch.tensor([20, 21]))
    assert found[:, : peer.TOP].sum(1).tolist() == [1, 0]
    assert found[0, peer.TOP - 1] == 1
    assert found[:, peer.TOP].tolist() == [1, 1]


def test_epochs_follow_each_other():
    """Every example comes once an epoch, and the next epoch has another order."""
    drawn = peer.batches(100, 30)
    epochs = [torch.cat([next(drawn) for _ in range(4)]) for _ in range(2)]
    assert [len(epoch.unique()) for epoch in epochs] == [100, 100]
    assert not torch.equal(*epochs)


def test_the_benchmark_finds_what_can_be_had(package, without_a_peer, capsys):
    """A checkout brings its own names, an installed RecBole the others, and `training.py` reads the
    list.
    """
    peer.main(["--list", "--repository", str(package)])
    assert capsys.readouterr().out.split() == [
        "difsr-sasrec",
        "difsr-sum",
        "difsr-concat",
        "difsr-gate",
    ]
    listed = training.list_peers(
        [sys.executable, str(ROOT / "benchmarks" / "peer_recbole.py"), "--repository", str(package)]
    )
    assert set(listed) >= {"difsr-sasrec", "difsr-sum", "difsr-concat", "difsr-gate"}


def refusal(capsys, *options: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        peer.main(options)
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_an_environment_without_a_peer_is_told_what_to_install(folder, without_a_peer, capsys):
    for options in (["--list"], ["recbole-sasrec", "--data", str(folder)]):
        assert "pip install recbole==1.2.1 pyarrow; or give --repository" in refusal(
            capsys, *options
        )


def test_a_peer_that_cannot_be_imported_is_told_what_to_install(folder, package, capsys):
    (package / "recbole" / "utils" / "__init__.py").write_text("import a_library_that_is_not_there")
    message = refusal(capsys, "recbole-sasrec", "--data", str(folder))
    assert "No module named 'a_library_that_is_not_there'; install it" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--list", "--repository", "nowhere"),
            "no recbole/model/sequential_recommender/sasrecd.py in it",
        ),
        (("recbole-sasrec",), "a name and --data are needed"),
        (("--data", "FOLDER"), "a name and --data are needed"),
        (("difsr-gate", "--data", "FOLDER"), "difsr-gate needs --repository PATH"),
        (("recbole-sasrec", "--data", "FOLDER", "--steps", "0"), "must be at least 1"),
        (
            ("recbole-sasrecf", "--data", "FOLDER", "--attributes", "colour"),
            "no attribute 'colour'",
        ),
        (
            ("recbole-sasrecf", "--data", "FOLDER", "--attributes", ""),
            "needs at least one attribute",
        ),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(folder, package, capsys, options, message):
    assert message in refusal(
        capsys, *(str(folder) if option == "FOLDER" else option for option in options)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "sirec prepare"),
        ({"format": 9}, "of format 9, this script reads format 1"),
        ({"fields": None}, "does not describe a prepared data set"),
        ({"options": {"split": {"name": "temporal"}}}, "its split is temporal"),
    ],
)
def test_a_folder_that_is_no_data_set_for_peers_is_refused_in_one_line(
    folder, tmp_path, capsys, change, message
):
    """With or without a peer: the data are looked at first."""
    if change is not None:
        manifest = yaml.safe_load((folder / peer.MANIFEST).read_text())
        (tmp_path / peer.MANIFEST).write_text(yaml.safe_dump(manifest | change))
    assert message in refusal(capsys, "--list", "--data", str(tmp_path))


def test_a_damaged_file_is_refused_in_one_line(folder, tmp_path, package, capsys):
    (tmp_path / peer.MANIFEST).write_text((folder / peer.MANIFEST).read_text())
    (tmp_path / "interactions.parquet").write_text("cut off")
    assert "prepare it again" in refusal(capsys, "recbole-sasrec", "--data", str(tmp_path), *SMALL)


def test_rectools_is_given_what_training_may_see_in_the_order_of_time(folder):
    """Of every user all but the last interactions, oldest first; its validation targets are those
    of the other peers.
    """
    data = peer.read(folder, {})
    training = rectools.interactions_before(data, held_out=2)
    longer = rectools.interactions_before(data, held_out=1)
    targets = longer.groupby("user_id").tail(1)
    assert targets["item_id"].tolist() == data.items[data.validation()].tolist()
    assert len(longer) - len(training) == len(targets)
    for user, rows in training.groupby("user_id"):
        assert rows["item_id"].tolist() == data.items[user : user + len(rows)].tolist()
        assert rows["datetime"].is_monotonic_increasing


def test_rectools_is_asked_for_by_name_where_it_is_installed(capsys, monkeypatch):
    """Without it one line says what to install, with it the names are listed."""
    monkeypatch.setattr(rectools, "is_installed", lambda module: module != "rectools")
    with pytest.raises(SystemExit) as stopped:
        rectools.main(["--list"])
    assert stopped.value.code == 2
    assert "no rectools in this environment; install it" in capsys.readouterr().err
    monkeypatch.setattr(rectools, "is_installed", lambda module: True)
    rectools.main(["--list"])
    assert capsys.readouterr().out.split() == ["rectools-softmax", "rectools-sampled"]

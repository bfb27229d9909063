"""Recommend with an exported run, by onnxruntime alone: neither torch nor sirec is needed.

sirec export comif --to served
python serve.py served --history "D00023,D00685" --count 5
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import onnxruntime


def recommend(folder, history, count=10, user=None):
    """The best items after a history of raw ids, oldest first: rows of items.csv with a score."""
    call = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    items = read(folder / "items.csv")
    codes = {row["item"]: int(row["code"]) for row in items}
    known = [codes[item] for item in history if item in codes]
    if not known:
        raise SystemExit(f"none of these items is known; one is called {items[0]['item']}")
    row = np.array([known[-call["window"] :]], dtype=np.int64)
    feed = {each["name"]: np.zeros_like(row) for each in call["inputs"]}  # 0: not known
    feed["items"] = row
    if "users" in feed:
        users = {each["user"]: int(each["code"]) for each in read(folder / "users.csv")}
        feed["users"] = np.array([users.get(user, 0)], dtype=np.int64)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    [[scores]] = session.run(["scores"], feed)
    scores[known] = -np.inf  # nobody is recommended what is in the history
    best = np.argsort(-scores, kind="stable")[:count]
    return [items[code - 1] | {"score": float(scores[code])} for code in best]


def read(path):
    """The rows of a CSV file, by heading."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--history", required=True, help="raw ids, oldest first, with commas")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--user", help="raw id of a user, for models that read who it is")
    given = parser.parse_args()
    for place, found in enumerate(
        recommend(given.folder, given.history.split(","), given.count, given.user), start=1
    ):
        print(place, found["item"], found.get("title", ""), f"{found['score']:.4f}", sep="\t")

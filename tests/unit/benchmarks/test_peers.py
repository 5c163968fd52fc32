"""Peers: what they are given, how their vectors are ranked, and their rows of the tables. No library is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.accuracy import tables
from benchmarks.accuracy.peers.exchange import Vectors, hand_over
from benchmarks.accuracy.peers.recommended import PEERS
from engine.errors import InvalidInputError
from engine.evaluation.case import Case
from engine.settings import load_settings
from engine.training.data import Dataset, InteractionTable, ItemTable, leave_one_out

HERE = Path(tables.__file__).parent / "peers"
SEQUENCES = ((0, 1, 2, 3), (1, 2, 4))
ITEMS = 12


def case_of(sequences: tuple[tuple[int, ...], ...]) -> Case:
    users = np.repeat(np.arange(len(sequences)), [len(each) for each in sequences])
    items = np.concatenate(sequences)
    ids = [str(user) for user in range(len(sequences))]
    table = InteractionTable.from_columns(users, items, np.ones_like(items), np.arange(len(items)), ids)
    no_interests = sparse.csr_array(np.zeros((ITEMS, 0), dtype=np.float32))
    items_table = ItemTable([str(item) for item in range(ITEMS)], [""] * ITEMS, None, no_interests, [])
    data = Dataset(table, items_table, ("", "taken"), "toy")
    return Case(data, leave_one_out(data), np.array([0.0, 1.0]), load_settings(), "leave one out", {})


def test_the_test_target_is_not_handed_over(tmp_path: Path) -> None:
    hand_over(case_of(SEQUENCES), tmp_path / "split.npz")
    with np.load(tmp_path / "split.npz") as arrays:
        assert arrays["offsets"].tolist() == [0, 3, 5]
        assert arrays["items"].tolist() == [0, 1, 2, 1, 2]
        assert arrays["item_count"] == ITEMS


def test_a_user_who_is_not_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="fewer than three"):
        hand_over(case_of((*SEQUENCES, (0, 1))), tmp_path / "split.npz")


def test_history_is_removed_and_ties_stand_at_the_mean() -> None:
    case = case_of(SEQUENCES)
    items = np.zeros((ITEMS, 1), dtype=np.float32)
    items[:5, 0] = (9, 8, 7, 2, 2)  # the history scores highest, and is removed
    users = np.ones((2, 1), dtype=np.float32)
    vectors = Vectors(items, np.ones(ITEMS, dtype=bool), users, users)
    assert vectors.rank(vectors.test, case.split.test).ranks.tolist() == [1.5, 2.5]
    assert vectors.rank(vectors.valid, case.split.validation).ranks.tolist() == [1.0, 2.0]


def test_an_item_that_cannot_be_recommended_is_not_found() -> None:
    case = case_of(SEQUENCES)
    items = np.zeros((ITEMS, 1), dtype=np.float32)
    items[3] = 5
    ranked = np.ones(ITEMS, dtype=bool)
    ranked[3] = False
    users = np.ones((2, 1), dtype=np.float32)
    found = Vectors(items, ranked, users, users).rank(users, case.split.test)
    assert found.ranks[0] > ITEMS - 4
    assert found.by_user()["recall@5"][0] == 0


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_has_a_script_pins_and_an_end(name: str) -> None:
    peer = PEERS[name]
    assert (HERE / f"train_{peer.library}.py").exists()
    pins = [line for line in (HERE / f"{peer.library}.txt").read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in pins)
    assert {"epochs"} <= set(peer.recommended("beauty"))
    assert peer.recommended("ml-1m").keys() == peer.recommended("beauty").keys()


def test_torch_is_the_one_of_this_project() -> None:
    [torch] = [line for line in (HERE.parents[2] / "constraints.txt").read_text().splitlines() if line[:7] == "torch=="]
    for library in {peer.library for peer in PEERS.values()}:
        assert torch in {line.split(" ")[0] for line in (HERE / f"{library}.txt").read_text().splitlines()}


def test_the_table_has_ours_and_the_peer() -> None:
    numbers = {"recall@10": 0.1, "ndcg@10": 0.0607}
    run: dict[str, Any] = {
        "seed": 1,
        "epochs": 3,
        "best_epoch": 2,
        "train_cpu_seconds": 900.0,
        "valid": numbers,
        "test": numbers,
        "test_interval": {"ndcg@10": (0.05, 0.07)},
        "history": [{"cpu_seconds": 250.0}, {"cpu_seconds": 500.0}, {"cpu_seconds": 850.0}],
        "dataset": {"name": "beauty"},
    }
    peer = {**run, "peer": {"title": "RecBole LightGCN"}, "changed": {"reg_weight": 2}, "ended_by_limit": True}
    own = {**run, "variant": {"name": "ids", "title": "ids and behaviour only"}, "train_cpu_seconds": 125.0}
    slow = {**own, "variant": {"name": "ids-1-pass", "title": "ids, one pass"}, "train_cpu_seconds": 800.0}
    worse = {**slow, "train_cpu_seconds": 5.0, "test": {"recall@10": 0.1, "ndcg@10": 0.0606}}
    start = "1 | .1000 | .0607 | .0500 to .0700 | .0607 | 2 of 3"
    found = tables.peer_tables([own, slow, worse, peer])
    assert f"| interestgraph, ids and behaviour only | {start} | 500 | 125 |  |" in found
    # 125 s of ours are as good, the 5 s are not.
    assert f"| RecBole LightGCN (reg_weight 2) | {start}, cut | 500 | 900 | 0.25 |" in found
    assert "| not reached |" in tables.peer_tables([worse, peer])
    assert tables.peer_tables([own]) == ""

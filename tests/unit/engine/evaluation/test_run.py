"""A whole evaluation on a small planted set: content of the result, determinism, going on after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case, event_case, sequence_case, with_overrides
from engine.evaluation.run import Result, evaluate_seeds

pytestmark = pytest.mark.usefixtures("short_graph_stage")
ITEMS = 30


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    rng = np.random.default_rng(0)
    lines = []
    for user in range(60):
        start, length = rng.integers(ITEMS), rng.integers(4, 12)
        lines.append(f"u{user} " + " ".join(f"i{(start + step) % ITEMS}" for step in range(length)))
    folder = tmp_path_factory.mktemp("ring")
    path = folder / "ring.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    attributes = folder / "attributes.json"
    attributes.write_text(json.dumps({f"i{item}": [item // 5] for item in range(ITEMS)}), encoding="utf-8")
    settings = with_overrides(
        [
            "training.epochs=2",
            "training.threads=1",
            "training.batch_positions=64",
            "model.dim=16",
            "model.layers=1",
            "model.max_history=8",
        ]
    )
    return sequence_case(path, settings, attributes=attributes)


def _measured(result: Result) -> dict[str, object]:
    return {name: result[name] for name in ("valid", "test", "terms", "test_by_history_length", "term_parameters")}


def test_two_seeds_resume_and_repeat(case: Case, tmp_path: Path) -> None:
    first: list[Result] = []

    def stop(result: Result) -> None:
        first.append(result)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_seeds(case, [1, 2], folder=tmp_path, done=stop)
    trained: list[int] = []
    found = evaluate_seeds(case, [1, 2], folder=tmp_path, report=lambda seed, at: trained.append(seed))
    assert set(trained) == {2}  # the first seed was kept
    assert found["runs"][0] == json.loads(json.dumps(first[0]))
    assert not list(tmp_path.iterdir())

    one = first[0]
    assert one["dataset"]["split"] == "leave one out" and one["seed"] == 1 and one["epochs"] == 2
    assert set(one["terms"]) == {"sequence", "co_occurrence", "popularity", "interests"}
    assert set(one["test"]) >= {"recall@5", "ndcg@20", "mrr", "coverage@10", "gini@10", "novelty@10"}
    assert sum(part["users"] for part in one["test_by_history_length"].values()) == 60
    # A ring without noise: what is counted alone finds the next item nearly always.
    assert one["terms"]["co_occurrence"]["recall@5"] > 0.9
    assert one["test"]["recall@10"] > 0.8

    test = found["summary"]["test"]["ndcg@10"]
    values = [run["test"]["ndcg@10"] for run in found["runs"]]
    assert test["mean"] == pytest.approx(np.mean(values)) and test["spread"] == pytest.approx(np.std(values, ddof=1))
    assert test["interval"][0] <= test["mean"] <= test["interval"][1]

    again = evaluate_seeds(case, [1], folder=tmp_path)
    assert _measured(again) == _measured(one)


@pytest.mark.parametrize("seeds", [[1.5], ["1"], [True], [-1], []])
def test_wrong_seeds_are_refused(case: Case, tmp_path: Path, seeds: list[object]) -> None:
    with pytest.raises(InvalidInputError, match="seed"):
        evaluate_seeds(case, seeds, folder=tmp_path)  # type: ignore[arg-type]


def test_the_interval_covers_the_mean_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(3, 2, 2000)
    low, high = interval(values)
    width = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert low < values.mean() < high
    assert high - low == pytest.approx(width, rel=0.1)


def test_events_are_split_by_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,event,timestamp"]
    for user in range(30):
        start = rng.integers(ITEMS)
        for day in range(20):
            lines.append(f"u{user},i{(start + day) % ITEMS},{'buy' if day % 5 == 4 else 'view'},{86_400 * (day + 1)}")
    path = tmp_path / "events.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = with_overrides(
        [
            "training.epochs=1",
            "training.threads=1",
            "training.validation_days=2",
            "training.test_days=3",
            "model.dim=8",
            "model.layers=1",
        ]
    )
    case = event_case(path, settings)
    assert len(case.split.train) == 30 * 15
    found = evaluate_seeds(case, [1], folder=tmp_path / "work")
    assert found["dataset"]["split"] == "by time"
    assert found["test"]["users"] == 30 and found["test_with_repeats"]["users"] == 30
    assert found["terms"]["co_occurrence"]["recall@5"] > 0.9  # three new items each, the next ones of the ring

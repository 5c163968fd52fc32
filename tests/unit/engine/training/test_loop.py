"""The loop learns what is planted, and a killed run goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.errors import TrainingError
from engine.evaluation.baselines import popularity
from engine.evaluation.protocols import evaluate
from engine.settings import Settings, load_settings
from engine.training.checkpoint import Progress
from engine.training.data import Dataset, InteractionTable, ItemTable, split_by_time
from engine.training.loop import Report, Trainer

pytestmark = pytest.mark.usefixtures("short_graph_stage")
ITEMS, USERS, DAYS = 24, 150, 16
STRENGTHS = np.array([0.0, 1.0])


def _chain() -> Dataset:
    """Each user walks a ring of items, one a day: the next item is the present one plus one, with some noise."""
    rng = np.random.default_rng(0)
    start = rng.integers(0, ITEMS, USERS)
    steps = np.where(rng.random((USERS, DAYS)) < 0.9, 1, rng.integers(0, ITEMS, (USERS, DAYS)))
    items = (start[:, None] + np.cumsum(steps, axis=1)) % ITEMS
    users = np.repeat(np.arange(USERS), DAYS)
    times = np.tile(np.arange(DAYS) * MS_PER_DAY, USERS)
    table = InteractionTable.from_columns(
        users, items.ravel(), np.ones(USERS * DAYS, dtype=int), times, [str(user) for user in range(USERS)]
    )
    names = [str(item) for item in range(ITEMS)]
    about = sparse.csr_array(np.eye(ITEMS, 2, dtype=np.float32))
    return Dataset(table, ItemTable(names, names, None, about, ["x", "y"]), ["", "view"])


def _settings(epochs: int, **training: object) -> Settings:
    return load_settings(
        training={
            "epochs": epochs,
            "validation_days": 1,
            "test_days": 1,
            "threads": 1,
            "batch_positions": 96,
            "learning_rate": 5e-3,
            "patience": 50,
            **training,
        },
        model={"dim": 16, "layers": 1, "dropout": 0.1, "max_history": 8},
        ranking={"recommend_seen": True},
    )


def _trainer(folder: Path, epochs: int, report=None, **training: object) -> Trainer:
    settings = _settings(epochs, **training)
    data = _chain()
    split = split_by_time(data, validation_days=1, test_days=1)
    return Trainer(data, split, settings, strengths=STRENGTHS, folder=folder, report=report)


def test_a_planted_chain_is_learned_to_its_limit(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, 12)
    trainer.run()
    test = trainer.split.test
    newest = test.history.items[test.history.offsets[1:] - 1]

    def best(users: np.ndarray) -> np.ndarray:
        """Know the chain: nine of ten steps go to the next item of the ring, the rest anywhere."""
        return np.where(np.arange(ITEMS) == (newest[users][:, None] + 1) % ITEMS, 0.9, 0.1 / ITEMS)

    limit = evaluate(best, test, protocol="next")["mrr"]
    assert limit > 0.85
    assert evaluate(trainer.scorer(test.history), test, protocol="next")["mrr"] > 0.97 * limit
    assert evaluate(popularity(test.history, ITEMS), test, protocol="next")["mrr"] < 0.5 * limit


@pytest.mark.parametrize("inside", [False, True])
def test_a_killed_run_goes_on_exactly(tmp_path: Path, inside: bool) -> None:
    """Killed in the middle of a pass, with checkpoints after passes only or also inside of them."""
    seconds = 1e-9 if inside else 3600.0
    whole = _trainer(tmp_path / "whole", 4, checkpoint_seconds=seconds)
    whole.run()

    def die(report: Report) -> None:
        if report.epoch == 3 and report.ndcg is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _trainer(tmp_path / "cut", 4, report=die, checkpoint_seconds=seconds).run()
    (kept,) = (tmp_path / "cut").glob("epoch-*")
    assert kept.name == ("epoch-0002-0000009" if inside else "epoch-0002-0000000")
    resumed = _trainer(tmp_path / "cut", 4, checkpoint_seconds=seconds)
    progress = resumed.run()
    assert progress.epoch == 4
    for (name, one), (_, other) in zip(
        whole.model.state_dict().items(), resumed.model.state_dict().items(), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-6), name


def test_other_data_or_settings_begin_anew(tmp_path: Path) -> None:
    _trainer(tmp_path, 1).run()
    epochs: list[int] = []
    _trainer(tmp_path, 1, lambda r: epochs.append(r.epoch) if r.ndcg is not None else None, learning_rate=1e-3).run()
    assert epochs == [1]


def test_a_loss_that_is_not_finite_stops_with_the_step(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, 1)
    with torch.no_grad():
        trainer.model.log_scale.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite") as caught:
        trainer.run()
    assert caught.value.field == "step"


def test_the_seed_decides(tmp_path: Path) -> None:
    runs = [_trainer(tmp_path / str(number), 1, seed=seed) for number, seed in enumerate((1, 1, 2))]
    losses = [run.run().history[0]["loss"] for run in runs]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert losses[0] != losses[2]


def test_patience_waits_for_the_first_passes_where_counted_edges_lead(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, 40, patience=2)
    standing = Progress(epoch=5, best_epoch=1)
    trainer.start = replace(trainer.start, sets=False)
    assert trainer._passes_left(standing) == 8 + 2 - 5
    trainer.start = replace(trainer.start, sets=True)
    assert trainer._passes_left(standing) == 1 + 1 - 5
    assert trainer._passes_left(Progress(epoch=39, best_epoch=39)) == 1


def test_a_training_that_only_harms_leaves_the_counted_edges(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, 2, learning_rate=3.0)
    trainer.start = replace(trainer.start, sets=False)
    at_start = trainer.validate()
    progress = trainer.run()
    assert max(entry["ndcg@10"] for entry in progress.history) < at_start
    assert progress.best_epoch == 0 and progress.epoch == 2
    assert trainer.validate() == pytest.approx(at_start)


def _without_graph(trainer: Trainer) -> Trainer:
    """Leave out graph attention, which learns last in any run and takes most of its time."""
    trainer._hears = False
    return trainer


def test_a_run_that_goes_on_and_only_harms_leaves_what_was_learnt_before(tmp_path: Path) -> None:
    earlier = _without_graph(_trainer(tmp_path / "earlier", 2))
    earlier.run()
    later = _without_graph(_trainer(tmp_path / "later", 1, learning_rate=3.0))
    later.start = replace(later.start, sets=False)
    later.go_on_from(earlier)
    assert later.run().best_epoch == 0
    for (name, one), (_, other) in zip(
        earlier.model.state_dict().items(), later.model.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name


def test_an_id_that_nothing_has_taught_says_nothing_where_training_goes_on(tmp_path: Path) -> None:
    earlier, later = _trainer(tmp_path / "earlier", 1), _trainer(tmp_path / "later", 1)
    earlier.taught[3] = False
    later.go_on_from(earlier)
    assert not later.model.item_embedding.weight[3].any()
    assert torch.equal(later.model.item_embedding.weight[4], earlier.model.item_embedding.weight[4])


def test_a_number_of_passes_needs_no_validation(tmp_path: Path) -> None:
    chosen = _without_graph(_trainer(tmp_path / "chosen", 2))
    chosen.run()
    targets = chosen.split.validation
    nobody = replace(targets, users=targets.users[:0], positives=targets.positives[:0])
    settings = _settings(99)
    model = settings.model.model_copy(update={"id_dropout": chosen.config.id_dropout})
    again = Trainer(
        chosen.data,
        replace(chosen.split, validation=nobody),
        settings.model_copy(update={"model": model}),
        strengths=STRENGTHS,
        folder=tmp_path / "again",
        start=chosen.start,
    )
    # The start is made anew in the way that was chosen, and the same steps lead to the same average.
    assert np.allclose(again.start.vectors, chosen.start.vectors, atol=1e-6)
    _without_graph(again).run_for(2)
    expected = chosen._average.state()
    for name, one in again.model.named_parameters():
        assert torch.allclose(one, expected[name], atol=1e-5), name


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch.compile's own
@pytest.mark.parametrize("setting", [{"precision": "bfloat16"}, {"compile": True}])
def test_half_precision_and_a_compiled_encoder_learn_the_chain_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, object]
) -> None:
    """The graph is captured and differentiated as torch.compile does it; making its kernels would take minutes."""
    compiled = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **given: compiled(self, backend="aot_eager", **given))
    trainer = _trainer(tmp_path, 6, **setting)
    trainer.run()
    test = trainer.split.test
    assert evaluate(trainer.scorer(test.history), test, protocol="next")["mrr"] > 0.8

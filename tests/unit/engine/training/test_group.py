"""Several processes train one model: gloo on a CPU, started as a user starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.training.group import TrainingGroup

_SETTINGS = (
    "training.epochs=6", "training.learning_rate=0.01", "training.batch_positions=128", "training.threads=1",
    "model.dim=16", "model.dropout=0.1",
)  # fmt: skip
_STEP = """
import json, pathlib, sys, torch
from engine.training.group import TrainingGroup
group = TrainingGroup.join()
layer = torch.nn.Linear(2, 1, bias=False)
with torch.no_grad():
    layer.weight.fill_(1.0)
inputs = torch.tensor([[1.0, 0.0]]) if group.first else torch.tensor([[0.0, 3.0]])
shared = group.shared(layer)
sys.setswitchinterval(10)  # who ends without leaving the group is often aborted then
shared(inputs).sum().backward()
parts = list(group.part("abcde"))
found = [layer.weight.grad.tolist(), parts, group.mean(group.rank), group.told(7 + group.rank)]
pathlib.Path(sys.argv[1], f"{group.rank}.json").write_text(json.dumps(found))
for _ in range(20):
    group.mean(group.rank)
group.leave()
"""


def _torchrun(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "INTERESTGRAPH_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_alone_it_is_a_group_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # not by torchrun
    group = TrainingGroup.join()
    layer = torch.nn.Linear(2, 1)
    assert (group.rank, group.size, group.first) == (0, 1, True)
    assert group.shared(layer) is layer
    assert list(group.part("abc")) == list("abc")
    assert (group.mean(2.5), group.told(3.5)) == (2.5, 3.5)
    group.leave()


def test_two_processes_share_gradients_and_batches(tmp_path: Path) -> None:
    script = tmp_path / "step.py"
    script.write_text(_STEP, encoding="utf-8")
    _torchrun(tmp_path, str(script), str(tmp_path))
    found = [json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    assert found == [[[[0.5, 1.5]], letters, 0.5, 7.0] for letters in (["a", "c"], ["b", "d"])]


def test_a_chain_is_learned_by_two_processes(tmp_path: Path) -> None:
    """`torchrun -m interestgraph evaluate`: one result, one table, nothing left behind."""
    rng = np.random.default_rng(0)
    items, lines = 30, []
    for user in range(200):
        walk = (
            rng.integers(0, items) + np.cumsum(np.where(rng.random(12) < 0.9, 1, rng.integers(0, items, 12)))
        ) % items
        lines.append(" ".join(map(str, [user, *walk.tolist()])))
    (tmp_path / "sequences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "found.json"
    files = ("--sequences", str(tmp_path / "sequences.txt"), "--json", str(out))
    settings = [part for assignment in _SETTINGS for part in ("--set", assignment)]
    printed = _torchrun(tmp_path, "-m", "interestgraph", "evaluate", *files, *settings)
    assert printed.count("written to") == 1
    assert json.loads(out.read_text(encoding="utf-8"))["test"]["ndcg@5"] > 0.6
    assert not any((tmp_path / "home" / "evaluations").glob("*"))

"""State of a training run on disk: tensors in safetensors, the rest in JSON, replaced as one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.errors import TrainingError
from engine.training.average import WeightAverage


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        epoch: Epochs finished.
        step: Steps finished of the next one.
        loss_total: Sum of their losses.
        best_epoch: The one with the best validation.
        best_ndcg: Its NDCG@10.
        seconds: Seconds trained so far.
        cpu_seconds: Seconds of the processor so far.
        cpu_seconds_before: Those of the processes before the one that ended it.
        history: What was measured after each epoch.
    """

    epoch: int = 0
    step: int = 0
    loss_total: float = 0.0
    best_epoch: int = 0
    best_ndcg: float = -1.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    cpu_seconds_before: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


class CheckpointFolder:
    """Two slots: the last state, and the best model. A write goes to a new folder, then a pointer moves.

    Args:
        folder: Where.
        fingerprint: What must be equal for a run to go on: settings, data, code version.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint

    def save(
        self,
        progress: Progress,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: WeightAverage,
        *,
        best: bool,
    ) -> None:
        """Write the state after an epoch, or after a step inside of one; the best model is the averaged one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"epoch-{progress.epoch:04d}-{progress.step:07d}"
        shutil.rmtree(target, ignore_errors=True)
        temporary = self.folder / f".{target.name}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        save_file(_tensors(model), temporary / "model.safetensors")
        save_file(_copied(average.state()), temporary / "average.safetensors")
        save_file(_optimizer_tensors(optimizer), temporary / "optimizer.safetensors")
        save_file({"cpu": torch.get_rng_state()}, temporary / "random.safetensors")
        state = {"fingerprint": self.fingerprint, **asdict(progress)}
        (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
        temporary.rename(target)
        if best:
            best_temporary = self.folder / ".best.safetensors"
            with average.applied():
                save_file(_tensors(model), best_temporary)
            best_temporary.replace(self.folder / "best.safetensors")
        for old in self.folder.glob("epoch-*"):
            if old != target:
                shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer, average: WeightAverage) -> Progress | None:
        """Load the last state, where there is one of the same run; else begin anew."""
        for folder in sorted(self.folder.glob("epoch-*"), reverse=True):
            try:
                state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
                if state.pop("fingerprint") != self.fingerprint:
                    return None
                model.load_state_dict(load_file(folder / "model.safetensors"))
                average.load(load_file(folder / "average.safetensors"))
                _load_optimizer(optimizer, load_file(folder / "optimizer.safetensors"))
                torch.set_rng_state(load_file(folder / "random.safetensors")["cpu"])
                return Progress(**state)
            except (OSError, ValueError, KeyError, RuntimeError, TypeError):  # cut, or of another version of the code
                continue
        return None

    def load_best(self, model: nn.Module) -> None:
        """Load the best model.

        Raises:
            TrainingError: There is none.
        """
        path = self.folder / "best.safetensors"
        if not path.exists():
            raise TrainingError("No epoch gave a model.", remedy="Train for at least one epoch.")
        model.load_state_dict(load_file(path))

    def remove(self) -> None:
        """Remove everything, once the artefact is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return _copied(model.state_dict())


def _copied(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value).detach().cpu().contiguous().clone()
        for index, values in state.items()
        for name, value in values.items()
    }


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

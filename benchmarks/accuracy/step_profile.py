"""Where the time of a training step goes: one pass over real data, part by part.

    python -m benchmarks.accuracy.step_profile FOLDER … [--variant ids] [--set section.key=value …]

The first pass warms up, the second is measured. Graph attention is left out: it is learnt once, at the end. Writes
benchmarks/accuracy/results/step-profile-<data>-<variant>.json; `python -m benchmarks.tables` makes the table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

import torch
from rich.console import Console

from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation.case import Case
from engine.evaluation.run import versions
from engine.model.co_occurrence import OwnPairs
from engine.model.recommender import Recommender
from engine.model.sequence import SequenceEncoder
from engine.training import step
from engine.training.average import WeightAverage
from engine.training.batches import Batch, BatchSampler
from engine.training.loop import Trainer

PARTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("batches", BatchSampler, "__call__"),
    ("item vectors", Recommender, "base_vectors"),
    ("encoder, forward", SequenceEncoder, "forward"),
    ("counts without the user's own pairs", OwnPairs, "counts"),
    ("what is known leaves the softmax", step, "known_items"),
    ("softmax, loss and gradient", step, "full_softmax_loss"),
    ("softmax, loss and gradient", step, "sampled_softmax_loss"),
    ("encoder and vectors, backward", torch.Tensor, "backward"),
    ("clipping", torch.nn.utils, "clip_grad_norm_"),
    ("optimizer", torch.optim.AdamW, "step"),
    ("average of the weights", WeightAverage, "update"),
)
"""Parts of a step, with the function that each is spent in; none of them calls another."""


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--variant", choices=[*VARIANTS], default="ids")
    parser.add_argument("--set", nargs="*", default=[], help="settings, section.key=value")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    for folder in arguments.folders:
        case = read_case(folder, VARIANTS[arguments.variant], ["model.graph_attention=false", *arguments.set])
        found = measure(case)
        found["title"] = f"{case.data.name}, {VARIANTS[arguments.variant].title}"
        for name, milliseconds in found["step_ms"].items():
            console.print(f"{name:40} {milliseconds:8.2f} ms")
        target = arguments.out / f"step-profile-{case.data.name}-{arguments.variant}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        console.print(f"written to {target}")


def measure(case: Case) -> dict[str, Any]:
    """Train two passes and give what the second was spent on, in milliseconds a step."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            case.data, case.split, case.with_seed(1), strengths=case.strengths, folder=Path(folder) / "checkpoints"
        )
        trainer.run_for(1)
        with timed() as spent:
            begin = time.perf_counter()
            trainer.run_for(1)
            whole = time.perf_counter() - begin
        begin = time.perf_counter()
        trainer.validate()
        validation = time.perf_counter() - begin
    steps, positions, real = spent.pop("steps"), spent.pop("positions"), spent.pop("real")
    spent["everything else"] = whole - sum(spent.values())
    return {
        "profile": case.data.name,
        "dataset": case.describe(),
        "settings": case.settings_used(),
        "threads": torch.get_num_threads(),
        "steps": int(steps),
        "pass_seconds": round(whole, 2),
        "validation_seconds": round(validation, 2),
        "positions_of_a_step": round(positions / steps, 1),
        "padding": round(1 - real / positions, 4),
        "step_ms": {name: round(1000 * seconds / steps, 3) for name, seconds in spent.items()},
        "versions": versions(),
    }


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Add up the seconds of each part, and count steps, positions and those that are no padding."""
    spent = dict.fromkeys([*(part for part, _, _ in PARTS), "steps", "positions", "real"], 0.0)

    def of(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*arguments: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            result = function(*arguments, **named)
            if part == "batches":
                result = list(result)
                _count(spent, result)
            spent[part] += time.perf_counter() - begin
            return result

        return measured

    with ExitStack() as patches:
        for part, owner, name in PARTS:
            function = getattr(owner, name)
            patches.callback(setattr, owner, name, function)
            setattr(owner, name, of(part, function))
        yield spent


def _count(spent: dict[str, float], batches: list[Batch]) -> None:
    spent["steps"] += len(batches)
    spent["positions"] += sum(batch.mask.size for batch in batches)
    spent["real"] += sum(int(batch.mask.sum()) for batch in batches)


if __name__ == "__main__":
    main()

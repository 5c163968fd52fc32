"""Peers on public sequences: other libraries' models on the same files, split and metric code; results kept as JSON.

    python -m benchmarks.accuracy.peers FOLDER … [--models rectools-sasrec …] [--seed 1] [--cpu-minutes 60]

A folder holds sequences.txt.gz. Each library has an environment of its own in the project's cache, installed when it is
first needed. Settings are those that the authors recommend (benchmarks.accuracy.peers.recommended); what is set
otherwise by --epochs or --set is written into the result. With --cpu-minutes a peer ends after the first epoch at which
it has used so much of the processor, and the best of its epochs counts. Each result goes to
benchmarks/accuracy/results/<data>-peer-<model>.json, of a seed other than 1 with `-seed-<n>`; one that is there already
is kept, unless --again is given. A killed run begins anew. Seconds of the processor are those of all threads.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.accuracy.peers.environment import python_of, run_in
from benchmarks.accuracy.peers.exchange import Vectors, hand_over
from benchmarks.accuracy.peers.recommended import PEERS, Peer
from benchmarks.accuracy.public import RESULTS, VARIANTS, read_case
from engine.evaluation.baselines import popularity_counts
from engine.evaluation.bootstrap import interval
from engine.evaluation.case import Case


def main() -> None:
    """Run what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--models", nargs="+", choices=[*PEERS], default=[*PEERS])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="epochs at most; as recommended when empty")
    parser.add_argument("--cpu-minutes", type=float, help="minutes of the processor at most; no limit when empty")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the peer, key=value, the value as JSON")
    parser.add_argument("--threads", type=int, help="threads of the peer; those that ours has when empty")
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    changed = dict(_assignment(text) for text in arguments.set)
    if arguments.epochs is not None:
        changed["epochs"] = arguments.epochs
    console = Console(highlight=False)
    for folder in arguments.folders:
        case = read_case(folder, VARIANTS["ids"], [])
        for name in arguments.models:
            suffix = "" if arguments.seed == 1 else f"-seed-{arguments.seed}"
            target = arguments.out / f"{folder.resolve().name}-peer-{name}{suffix}.json"
            if target.exists() and not arguments.again:
                console.print(f"{target} is kept")
                continue
            console.print(f"{case.data.name}, {PEERS[name].title}")
            found = measure(
                case,
                name,
                changed,
                seed=arguments.seed,
                threads=arguments.threads or case.settings.training.threads,
                cpu_minutes=arguments.cpu_minutes,
            )
            console.print(
                f"  best epoch {found['best_epoch']} of {found['epochs']}, {found['train_seconds']:.0f} s, "
                f"{found['train_cpu_seconds']:.0f} s of the processor; NDCG@10 valid {found['valid']['ndcg@10']:.4f}, "
                f"test {found['test']['ndcg@10']:.4f}, recall@10 test {found['test']['recall@10']:.4f}"
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_suffix(".part")
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            temporary.replace(target)


def measure(
    case: Case, name: str, changed: dict[str, Any], *, seed: int, threads: int, cpu_minutes: float | None
) -> dict[str, Any]:
    """Train a peer in its environment and measure it here.

    Args:
        case: Data with the leave-one-out split.
        name: Which peer.
        changed: What is set otherwise than recommended.
        seed: Seed of its training.
        threads: Threads of its computations.
        cpu_minutes: Minutes of the processor after which it ends; no limit when empty.
    """
    peer: Peer = PEERS[name]
    settings = {**peer.recommended(case.data.name), **changed}
    python = python_of(peer.library, case.settings.cache)
    work = case.settings.home / "evaluations" / "peers" / f"{case.data.name}-{name}-{seed}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    hand_over(case, work / "split.npz")
    limit = None if cpu_minutes is None else 60 * cpu_minutes
    task = {"model": peer.model, "settings": settings, "seed": seed, "threads": threads, "cpu_seconds": limit}
    (work / "task.json").write_text(json.dumps(task), encoding="utf-8")
    began, before = time.monotonic(), _children_cpu_seconds()
    run_in(python, peer.library, work, threads=threads)
    seconds, cpu_seconds = time.monotonic() - began, _children_cpu_seconds() - before
    told: dict[str, Any] = json.loads((work / "told.json").read_text(encoding="utf-8"))
    vectors = Vectors.read(work / "vectors.npz")
    counts = popularity_counts(case.split.train, len(case.data.items))
    valid = vectors.rank(vectors.valid, case.split.validation)
    test = vectors.rank(vectors.test, case.split.test)
    shutil.rmtree(work)
    return {
        "dataset": case.describe(),
        "peer": {"name": name, "title": peer.title, "library": peer.library, "model": peer.model},
        "settings": settings,
        "changed": changed,
        "seed": seed,
        "threads": threads,
        **{key: value for key, value in told.items() if key != "versions"},
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "items_never_ranked": int((~vectors.ranked).sum()),
        "valid": valid.summary(counts),
        "test": test.summary(counts),
        "test_interval": {key: interval(values) for key, values in test.by_user().items()},
        "versions": {
            "interestgraph": metadata.version("interestgraph"),
            "python": platform.python_version(),
            **told["versions"],
        },
    }


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"--set {text}: give key=value")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

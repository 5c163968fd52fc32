"""Accuracy on TikTok: ids only, images, audio, and both fused, over seeds; the results are kept as JSON.

    python -m benchmarks.accuracy.tiktok FOLDER [--variants ids image audio both …] [--seeds 3] [--out FOLDER]

Images, audio and both stand beside ids, and, as image-alone, audio-alone and both-alone, in their place: without ids
and counted edges nothing but content tells the items apart.

The folder holds train, valid and test.csv.gz with user_id and item_id, and image_features.npy and audio_features.npy
with one row an item. The files have no times: a user's items stand in the order of the files. Each result is written to
<out>/tiktok-<variant>.json; one that is there already is kept. A killed run goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from scipy import sparse

from engine.evaluation.case import Case, with_overrides
from engine.evaluation.run import evaluate_seeds
from engine.training.data import Dataset, InteractionTable, ItemTable, Split, Targets
from engine.training.loop import Report
from interestgraph.cli.evaluate import result_table, summary_table

RESULTS: Final = Path(__file__).parent / "results" / "modalities"
VARIANTS: Final[Mapping[str, Sequence[str]]] = {
    "ids": (),
    "image": ("image",),
    "audio": ("audio",),
    "both": ("image", "audio"),
    "image-alone": ("image",),
    "audio-alone": ("audio",),
    "both-alone": ("image", "audio"),
}
ALONE: Final = ("model.item_ids=false", "model.counted_edges=false", "model.graph_attention=false")
"""What leaves content alone to tell items apart."""
Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def main() -> None:
    """Run what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=[*VARIANTS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], help="settings for all of them, section.key=value")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.variants:
        target = arguments.out / f"tiktok-{name}.json"
        if target.exists():
            console.print(f"{target} is kept")
            continue
        alone = name.endswith("-alone")
        case = read_case(arguments.folder, VARIANTS[name], [*(ALONE if alone else ()), *arguments.set])

        def report(seed: int, at: Report) -> None:
            if at.ndcg is not None:
                console.print(f"  seed {seed} epoch {at.epoch} loss {at.loss:.3f} valid NDCG@10 {at.ndcg:.4f}")

        found = evaluate_seeds(
            case,
            range(1, arguments.seeds + 1),
            folder=case.settings.home / "evaluations",
            report=report,
            done=lambda result: console.print(result_table(result)),
        )
        if "summary" in found:
            console.print(summary_table(found))
        title = " and ".join(VARIANTS[name]) or "ids only"
        found["variant"] = {"name": name, "title": f"{title}, without ids" if alone else title}
        temporary = target.with_suffix(".part")
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        temporary.replace(target)


def read_case(folder: Path, modalities: Sequence[str], assignments: Sequence[str]) -> Case:
    """Read the folder with some of its modalities."""
    train, valid, test = (_pairs(folder / f"{name}.csv.gz") for name in ("train", "valid", "test"))
    media = {name: np.load(folder / f"{name}_features.npy").astype(np.float32) for name in ("image", "audio")}
    items = len(media["image"])
    users = 1 + max(int(part[0].max()) for part in (train, valid, test))
    history = _table(users, train)
    known = _table(users, train, valid)
    split = Split(history, _targets(history, valid, items), _targets(known, test, items), counts_history=False)
    ids = [str(item) for item in range(items)]
    no_interests = sparse.csr_array(np.zeros((items, 0), dtype=np.float32))
    table = ItemTable(ids, [""] * items, None, no_interests, [], {name: media[name] for name in modalities})
    data = Dataset(_table(users, train, valid, test), table, ("", "taken"), "tiktok", timed=False)
    return Case(data, split, np.array([0.0, 1.0]), with_overrides(assignments), "by file", {})


def _pairs(path: Path) -> Pairs:
    rows = pl.read_csv(path)
    return rows["user_id"].to_numpy(), rows["item_id"].to_numpy()


def _table(users: int, *parts: Pairs) -> InteractionTable:
    user, item = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    kind = np.ones(len(user), dtype=np.int32)
    return InteractionTable.from_columns(user, item, kind, np.arange(len(user)), [str(each) for each in range(users)])


def _targets(history: InteractionTable, pairs: Pairs, items: int) -> Targets:
    users, rows = np.unique(pairs[0], return_inverse=True)
    ones = np.ones(len(rows), dtype=np.int32)
    positives = sparse.coo_array((ones, (rows, pairs[1])), shape=(len(users), items)).tocsr()
    positives.data = np.ones_like(positives.data, dtype=bool)
    return Targets(history, users.astype(np.int32), positives, start=0)


if __name__ == "__main__":
    main()

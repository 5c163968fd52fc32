"""Accuracy on public data: the defaults, and each part taken out, over seeds; the results are kept as JSON.

    python -m benchmarks.accuracy.public FOLDER … [--variants ids default …] [--seeds 3]

A folder holds sequences.txt.gz or events.csv.gz, and may hold items.csv.gz and item2attributes.json.gz. Each result is
written to benchmarks/accuracy/results/<data>-<variant>.json; one that is there already is kept, unless --again is
given. A killed run goes on. `python -m benchmarks.tables` makes the tables of docs/benchmarks.md from the
results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from engine.evaluation.case import Case, event_case, sequence_case, with_overrides
from engine.evaluation.run import evaluate_seeds
from engine.features.text import TextEncoder
from engine.training.loop import Report
from interestgraph.cli.evaluate import result_table, summary_table

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Variant:
    """The defaults with something taken out.

    Attributes:
        title: As the tables call it.
        content: Whether titles and attributes are given.
        settings: What is set otherwise.
    """

    title: str
    content: bool
    settings: Sequence[str] = ()


VARIANTS: Final[Mapping[str, Variant]] = {
    "ids": Variant("ids and behaviour only", False),
    "default": Variant("with attributes and titles (default)", True),
    "ids-1-pass": Variant("ids, one pass", False, ("training.epochs=1",)),
    "ids-no-graph": Variant("ids, without graph attention", False, ("model.graph_attention=false",)),
    "ids-no-counts": Variant("ids, without counted edges", False, ("model.counted_edges=false",)),
    "no-graph": Variant("default without graph attention", True, ("model.graph_attention=false",)),
    "no-counts": Variant("default without counted edges", True, ("model.counted_edges=false",)),
    "no-resemblance": Variant("default without resemblance", True, ("model.resembling=false",)),
    "no-id-dropout": Variant("default without id dropout", True, ("model.id_dropout=0",)),
    "no-time": Variant("default without the time between steps", True, ("model.time_gaps=false",)),
    "no-types": Variant("default without event types", True, ("model.event_types=false",)),
}


def main() -> None:
    """Run what is asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=["ids", "default"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], help="settings for all of them, section.key=value")
    parser.add_argument("--again", action="store_true", help="measure also what is there already")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    for folder in arguments.folders:
        for name in arguments.variants:
            target = arguments.out / f"{folder.resolve().name}-{name}.json"
            if target.exists() and not arguments.again:
                console.print(f"{target} is kept")
                continue
            case = read_case(folder, VARIANTS[name], arguments.set)
            console.print(f"{case.data.name}, {VARIANTS[name].title}")

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
            found["variant"] = {"name": name, "title": VARIANTS[name].title}
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_suffix(".part")
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            temporary.replace(target)


def read_case(folder: Path, variant: Variant, assignments: Sequence[str]) -> Case:
    """Read a folder's files as the variant wants them."""
    settings = with_overrides([*variant.settings, *assignments])
    items, attributes = folder / "items.csv.gz", folder / "item2attributes.json.gz"
    sequences = folder / "sequences.txt.gz"
    read, path = (sequence_case, sequences) if sequences.exists() else (event_case, folder / "events.csv.gz")
    return read(
        path,
        settings,
        items=items if variant.content and items.exists() else None,
        attributes=attributes if variant.content and attributes.exists() else None,
        encode=TextEncoder(settings.model.text_encoder, cache=settings.cache).encode if variant.content else None,
    )


if __name__ == "__main__":
    main()

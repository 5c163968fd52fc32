"""Sequences with the order of days broken, where items of one day stand in the order of a catalogue number.

    python -m benchmarks.accuracy.shuffled FOLDER TARGET [--seed 1]
    python -m benchmarks.accuracy.public TARGET

Beauty's files list the items of one day by their ASIN and say no days. Items of one day therefore lie within a run of
rising ASINs, so every such run is shuffled: more than was bought on one day, as later products have higher numbers and
half of all neighbours rise by chance. What is left of an accuracy is less than with the days' order shuffled alone.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import shutil
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console

from engine.errors import InvalidInputError

SEQUENCES: Final = "sequences.txt.gz"
ITEMS: Final = "items.csv.gz"


def main() -> None:
    """Write the folder and say how often neighbours rise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.target.exists() and arguments.target.samefile(arguments.folder):
        parser.error("TARGET is FOLDER, whose sequences would be lost: give another folder.")
    numbers = catalogue_numbers(arguments.folder / ITEMS)
    with gzip.open(arguments.folder / SEQUENCES, "rt", encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip()]
    if unknown := {item for _, *items in lines for item in items} - numbers.keys():
        parser.error(f"{len(unknown):,} items have no ASIN in {ITEMS}, such as {min(unknown)}: give it for each item.")
    rng = np.random.default_rng(arguments.seed)
    arguments.target.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.target / SEQUENCES, "wt", encoding="utf-8") as file:
        file.writelines(" ".join([user, *shuffled(items, numbers, rng)]) + "\n" for user, *items in lines)
    for path in arguments.folder.glob("*.gz"):
        if path.name != SEQUENCES:
            shutil.copy(path, arguments.target)
    neighbours = sum(len(items) - 1 for _, *items in lines)
    rising = neighbours - sum(len(runs(items, numbers)) - 1 for _, *items in lines)
    Console(highlight=False).print(
        f"{len(lines):,} users written to {arguments.target}; {rising / max(neighbours, 1):.1%} of {neighbours:,} "
        "neighbours rise and may have changed places"
    )


def catalogue_numbers(path: Path) -> dict[str, str]:
    """Read the ASIN of each item.

    Raises:
        InvalidInputError: The file has no such column.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if not {"item_id", "asin"} <= set(rows.fieldnames or ()):
            raise InvalidInputError(
                "The items have no catalogue number.",
                field="asin",
                value=str(path),
                remedy="Give items.csv.gz with the columns item_id and asin.",
            )
        return {row["item_id"]: row["asin"] for row in rows}


def runs(items: Sequence[str], numbers: Mapping[str, str]) -> list[list[str]]:
    """Cut a sequence where the catalogue number falls.

    Args:
        items: Items of a user, oldest first.
        numbers: Catalogue number of each.
    """
    found = [list(items[:1])] if items else []
    for before, item in pairwise(items):
        if numbers[before] < numbers[item]:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def shuffled(items: Sequence[str], numbers: Mapping[str, str], rng: np.random.Generator) -> list[str]:
    """Shuffle each run of rising catalogue numbers.

    Args:
        items: Items of a user, oldest first.
        numbers: Catalogue number of each.
        rng: Draws the order.
    """
    return [run[place] for run in runs(items, numbers) for place in rng.permutation(len(run))]


if __name__ == "__main__":
    main()

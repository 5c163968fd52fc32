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

SEQUENCES: Final = "sequences.txt.gz"
ITEMS: Final = "items.csv.gz"


def main() -> None:
    """Write the folder and say how often neighbours rise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with gzip.open(arguments.folder / ITEMS, "rt", encoding="utf-8") as file:
        numbers = {row["item_id"]: row["asin"] for row in csv.DictReader(file)}
    with gzip.open(arguments.folder / SEQUENCES, "rt", encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip()]
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

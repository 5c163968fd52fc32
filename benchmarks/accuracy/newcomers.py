"""People of whom nothing is known but whom they follow: what their friends took, against what is popular.

    python -m benchmarks.accuracy.newcomers [--seed 1] [--out FOLDER]

Reads lastfm-hetrec. A tenth of the users who follow somebody is held out: all that they played is the target, none of
it is in the graph, their friends are. The rest is imported into a Neo4j of its own, and the items of the users near
each of them are read from it as the API reads them for a newcomer. Writes newcomers-lastfm-hetrec-seed-<seed>.json
below <out>.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy import sparse

from benchmarks.accuracy.public import RESULTS
from benchmarks.ingest.stack import import_all, running
from engine.domain import EpochMs
from engine.evaluation import baselines
from engine.evaluation.bootstrap import interval
from engine.evaluation.cold import random_scores
from engine.evaluation.protocols import Scorer, rank
from engine.graph.store import GraphStore
from engine.importing.datasets import hetrec
from engine.importing.datasets.base import Dataset, Part, Request, data_folder
from engine.importing.reading import ROW, TableSource
from engine.importing.run import ImportOptions
from engine.importing.social import SocialMapping, import_social
from engine.ranking.card import TermParameters
from engine.ranking.cold_start import newcomer_parameters
from engine.ranking.score import log_evidence
from engine.settings import Settings
from engine.social.items import neighbours_items
from engine.training.data import InteractionTable, Targets
from engine.training.scoring import popularity_share

SHARE: Final = 0.1
METRICS: Final = ("recall@10", "recall@20", "ndcg@10")
DEPTHS: Final = (1, 2)


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    console = Console(highlight=False)
    found = measure(arguments.seed, console)
    table = Table(title=f"{found['users']} newcomers with friends", title_justify="left")
    for name in ("ranking", *METRICS):
        table.add_column(name, justify="left" if name == "ranking" else "right")
    for name, values in found["rankings"].items():
        table.add_row(name, *(f"{values[metric]:.4f}" for metric in METRICS))
    console.print(table)
    arguments.out.mkdir(parents=True, exist_ok=True)
    target = arguments.out / f"newcomers-lastfm-hetrec-seed-{arguments.seed}.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {target}")


def measure(seed: int, console: Console) -> dict[str, Any]:
    """Hold out, import the rest, rank for those held out."""
    source = hetrec.load(Request(data_folder(None), whole=True, shift=lambda newest: 0))
    artists, plays, friends = source.parts
    events, follows = _rows(plays), _rows(friends)
    held = drawn(events["user_id"].to_list(), follows["user_id"].to_list(), seed)
    past = events.filter(~pl.col("user_id").cast(pl.String).is_in(sorted(held)))
    known = Part(TableSource("plays", past, f"{plays.source.digest()} without a tenth, seed {seed}"), plays.mapping)
    item_ids = [str(name) for name in _rows(artists)["artist_id"].to_list()]
    newest: EpochMs = int(past["at"].max())  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "neo4j") as stack, stack.store() as store:
        console.print(f"imports {len(past):,} plays; {len(held)} users are held out")
        import_all(store, stack.settings, Dataset((artists, known)), lambda stage, done, total: None)
        if not isinstance(friends.mapping, SocialMapping):
            raise TypeError(type(friends.mapping).__name__)
        import_social(store, friends.source, friends.mapping, options=ImportOptions())
        console.print("reads what their friends took")
        near = {depth: _near(store, sorted(held), item_ids, stack.settings, newest, depth) for depth in DEPTHS}
        half_life_days = stack.settings.ranking.popularity_half_life_days
    table, targets = _tables(events, sorted(held), item_ids)
    scorers = _scorers(table, near, half_life_days, seed)
    measured = {name: rank(scorer, targets, protocol="discovery", with_lists=False) for name, scorer in scorers.items()}
    return {
        "newcomers": "lastfm-hetrec",
        "seed": seed,
        "users": len(targets.users),
        "with_items_of_friends": int((near[1] > 0).any(axis=1).sum()),
        "rankings": {
            name: {
                **{metric: float(ranks.by_user()[metric].mean()) for metric in METRICS},
                "recall@10_interval": interval(ranks.by_user()["recall@10"]),
            }
            for name, ranks in measured.items()
        },
    }


def drawn(players: list[Any], followers: list[Any], seed: int) -> set[str]:
    """Draw a tenth of the users who both played and follow somebody."""
    able = sorted({str(user) for user in players} & {str(user) for user in followers})
    return set(np.random.default_rng(seed).choice(able, size=round(SHARE * len(able)), replace=False).tolist())


def _near(
    store: GraphStore, users: list[str], item_ids: list[str], settings: Settings, at: EpochMs, depth: int
) -> npt.NDArray[np.float64]:
    """Give the weights of the items of the users near each one, [U, I]."""
    place = {item_id: number for number, item_id in enumerate(item_ids)}
    found = np.zeros((len(users), len(item_ids)))
    for row, user in enumerate(users):
        for item in neighbours_items(store, user, settings=settings, at=at, depth=depth):
            found[row, place[item.item_id]] = item.weight
    return found


def _tables(events: pl.DataFrame, held: list[str], item_ids: list[str]) -> tuple[InteractionTable, Targets]:
    """Give what the graph knows, the held-out users first and without an event, and what these played."""
    place = {item_id: number for number, item_id in enumerate(item_ids)}
    users = [*held, *sorted({str(user) for user in events["user_id"].to_list()} - set(held))]
    number = {user: index for index, user in enumerate(users)}
    user = np.array([number[str(name)] for name in events["user_id"].to_list()])
    item = np.array([place[str(name)] for name in events["artist_id"].to_list()])
    new = user < len(held)
    kind = np.ones(int((~new).sum()), dtype=np.int32)
    table = InteractionTable.from_columns(user[~new], item[~new], kind, events["at"].to_numpy()[~new], users)
    entries = (np.ones(int(new.sum()), dtype=np.int32), (user[new], item[new]))
    positives = sparse.coo_array(entries, shape=(len(held), len(item_ids))).tocsr()
    positives.data = np.ones_like(positives.data, dtype=bool)
    return table, Targets(table, np.arange(len(held), dtype=np.int32), positives, start=0)


def _scorers(
    table: InteractionTable, near: Mapping[int, npt.NDArray[np.float64]], half_life_days: float, seed: int
) -> dict[str, Scorer]:
    size = near[1].shape[1]
    weights = newcomer_parameters(TermParameters(), with_friends=True)
    popular = weights.popularity_scale * np.log(popularity_share(table, size, half_life_days))

    def evidence(depth: int) -> npt.NDArray[np.float64]:
        return log_evidence(near[depth], weights.neighbours_epsilon, weights.neighbours_scale)

    def of(scores: npt.NDArray[np.float64]) -> Scorer:
        return lambda users: scores[users]

    found: dict[str, Scorer] = {"random": random_scores(size, seed), "popularity": baselines.popularity(table, size)}
    for depth in DEPTHS:
        who = "friends" if depth == 1 else "friends and their friends"
        found[f"what {who} took"] = of(near[depth])
        found[f"popularity and what {who} took"] = of(popular[None, :] + evidence(depth))
    return found


def _rows(part: Part) -> pl.DataFrame:
    return pl.concat([chunk.table for chunk in part.source.chunks()]).drop(ROW)


if __name__ == "__main__":
    main()

"""What depends on the data set: where training starts, the shape of the model, and how much dropout it gets.

No setting is needed.

Two kinds of behaviour need two starts. Where the order of a sequence tells what comes next (shops, films), counted
edges rank best before anything is learnt, and popularity would only bury them. Where users take sets of things in no
order that matters (weekly baskets), the mean of the history ranks best, and popularity is the base to go beyond. The
two are measured on validation, and the better one decides:

| | item vectors from | mean of the history | popularity in the softmax | counted edges |
|---|---|---|---|---|
| order | counted edges | no | no | learnt from 1/2 |
| sets | what the same users took, or counted edges | yes | yes, learnt from 1/4 | learnt from 1/2 or .15 |

Of two in the row of sets the one that ranks better is taken, edges together with mean and popularity.
With sets, content and interests say nothing at first. What training starts from matters: weights move slower than the
vectors learn to make up for wrong ones (ADR 24). Then it is measured whether edges between items that resemble each
other add to that (`engine.training.resemblance`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from engine.errors import TrainingError
from engine.evaluation.baselines import latest_items, mean_of_history
from engine.evaluation.protocols import Scorer, rank
from engine.model.co_occurrence import CoOccurrenceTerm, graph_start, set_start
from engine.model.inferred_edges import ItemViews
from engine.model.recommender import COUNTED_WEIGHT, LOG_EPSILON, POPULARITY_WEIGHT, RecommenderConfig
from engine.model.resemblance import ResemblanceRule
from engine.model.sequence import mean_scale
from engine.settings import Settings
from engine.training.data import Dataset, InteractionTable, Split
from engine.training.resemblance import choose_resemblance

_DROPOUT: Final = ((25, 0.6), (100, 0.5))
"""Events per item below which a dropout holds; the more is known of an item, the less it needs."""
_DROPOUT_DENSE: Final = 0.2
_ID_DROPOUT: Final = (0.02, 0.2)
"""Fewest and most ids hidden: that content speaks for itself has to be learnt anyway, and ids must be learnt too."""
_COUNTED_WEIGHTS: Final = (COUNTED_WEIGHT, 0.15)
"""What λ may start with where sets lead. New items come into lists by inferred edges: a thousand times the evidence is
worth λ ln 1000, one nat at .15, and at less hardly anything."""
_FIRST_PASSES: Final = 8
_STEPS_OF_A_PASS: Final = 350
_BATCH: Final = (384, 1536)
"""Fewest and most positions of a step: below, a step's overhead outweighs what it learns; above, nothing is gained."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where training starts.

    Attributes:
        vectors: Id vectors of the items, float32 [I, D].
        of: What they were made of.
        sets: Whether the mean of the history and popularity take part.
        ndcg: NDCG@10 on validation of what was compared.
        counted_weight: λ to start with.
        resemblance: Which edges between items that resemble each other count too; none where that does not help.
    """

    vectors: npt.NDArray[np.float32]
    of: Literal["co_occurrence", "sets"]
    sets: bool
    ndcg: dict[str, float]
    counted_weight: float = COUNTED_WEIGHT
    resemblance: ResemblanceRule | None = None

    @property
    def first_passes(self) -> int:
        """Passes before patience counts.

        Where counted edges lead alone, the softmax first has to learn how popular each item is; meanwhile the ranking
        gets worse before it gets better than the edges.
        """
        return 0 if self.sets else _FIRST_PASSES

    def patience(self, passes: int) -> int:
        """Give the passes without a gain after which training ends: half of those set where sets lead.

        There the first passes are the best, and what comes after only falls.
        """
        return -(-passes // 2) if self.sets else passes


def choose_start(
    split: Split,
    term: CoOccurrenceTerm,
    config: RecommenderConfig,
    log_share: npt.NDArray[np.float32],
    views: ItemViews | None = None,
    *,
    seed: int,
    limit: int,
) -> Start:
    """Measure what can be ranked by before anything is learnt, on validation, and start from the best.

    Args:
        split: Its train and validation parts are read.
        term: Edges counted on the train part.
        config: Shape of the model.
        log_share: Logarithm of the popularity of the items, counted on the train part [I].
        views: What items may resemble each other by; none where that is not wanted.
        seed: Seed of the vectors.
        limit: Validation users measured at most.
    """
    start = _best_start(split, term, config, log_share, seed=seed, limit=limit)
    if views is None:
        return start
    rule, found = choose_resemblance(
        views,
        term,
        split.validation,
        partial(_untrained, start, split.validation.history, config, log_share),
        limit=limit,
    )
    return replace(start, resemblance=rule, ndcg={**start.ndcg, **found})


def _best_start(
    split: Split,
    term: CoOccurrenceTerm,
    config: RecommenderConfig,
    log_share: npt.NDArray[np.float32],
    *,
    seed: int,
    limit: int,
) -> Start:
    history = split.validation.history

    def ndcg(scorer: Scorer) -> float:
        ranks = rank(scorer, split.validation, protocol="discovery", limit=limit, with_lists=False)
        return ranks.summary().get("ndcg@10", 0.0)

    def mean_of(vectors: npt.NDArray[np.float32]) -> Scorer:
        return mean_of_history(history, vectors, config.max_history)

    by_order = graph_start(term.counted, config.dim, seed=seed)
    by_set = set_start(split.train, config.items, config.dim, seed=seed)
    found = {
        "counted edges": ndcg(_by_edges(history, term)),
        "mean of co_occurrence": ndcg(mean_of(by_order)),
        "mean of sets": ndcg(mean_of(by_set)),
    }
    if found["counted edges"] >= max(found["mean of co_occurrence"], found["mean of sets"]):
        return Start(by_order, "co_occurrence", False, found)
    if found["mean of sets"] > found["mean of co_occurrence"]:
        start = Start(by_set, "sets", True, found)
    else:
        start = Start(by_order, "co_occurrence", True, found)
    weighted = [replace(start, counted_weight=weight) for weight in _COUNTED_WEIGHTS]
    reached = [ndcg(_untrained(one, history, config, log_share, term)) for one in weighted]
    found.update(
        {f"all, counted edges at {weight:.2f}": value for weight, value in zip(_COUNTED_WEIGHTS, reached, strict=True)}
    )
    return weighted[int(np.argmax(reached))]


def _by_edges(history: InteractionTable, term: CoOccurrenceTerm) -> Scorer:
    def scorer(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        return np.asarray(term.counts(latest_items(history, users, term.latest)).toarray())

    return scorer


def _untrained(
    start: Start,
    history: InteractionTable,
    config: RecommenderConfig,
    log_share: npt.NDArray[np.float32],
    term: CoOccurrenceTerm,
) -> Scorer:
    """Give the score of the model as it begins, without its blocks: edges alone where order leads."""
    edges = _by_edges(history, term)
    if not start.sets:
        return edges
    mean = mean_of_history(history, start.vectors, config.max_history)

    def scorer(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        counted = start.counted_weight * np.log(math.exp(LOG_EPSILON) + edges(users))
        return np.asarray(mean_scale(config.dim) * mean(users) + POPULARITY_WEIGHT * log_share + counted)

    return scorer


def start_again(
    chosen: Start, train: InteractionTable, term: CoOccurrenceTerm, config: RecommenderConfig, *, seed: int
) -> Start:
    """Start on other data in the way that was chosen before: only the vectors are made anew."""
    by_set = chosen.of == "sets"
    vectors = (
        set_start(train, config.items, config.dim, seed=seed)
        if by_set
        else graph_start(term.counted, config.dim, seed=seed)
    )
    return replace(chosen, vectors=vectors)


def shape_for(data: Dataset, split: Split, settings: Settings) -> RecommenderConfig:
    """Give the shape of the model: the settings, and what the data say where a setting is empty.

    Raises:
        TrainingError: Items have neither ids nor anything else.
    """
    model, items = settings.model, len(data.items)
    if not model.item_ids and not has_content(data):
        raise TrainingError(
            "Without ids nothing tells items apart that have no texts, media or interests.",
            field="model.item_ids",
            value=False,
            remedy="Give titles, attributes or vectors of the items, or leave the ids in.",
        )
    dropout = dropout_for(split.train, items) if model.dropout is None else model.dropout
    id_dropout = id_dropout_for(split) if model.id_dropout is None else model.id_dropout
    return RecommenderConfig(
        items=items,
        interests=len(data.items.interest_ids),
        content=data.items.widths,
        event_types=len(data.event_types),
        dim=model.dim,
        layers=model.layers,
        heads=model.heads,
        dropout=dropout,
        # Without content and interests nothing is left of an item whose id is hidden.
        id_dropout=id_dropout if has_content(data) else 0.0,
        max_history=model.max_history,
        time_gaps=model.time_gaps and data.timed,
    )


def dropout_for(table: InteractionTable, items: int) -> float:
    """Give the dropout by the events per item: .6 below 25, .5 below 100, else .2."""
    per_item = len(table) / max(items, 1)
    return next((dropout for below, dropout in _DROPOUT if per_item < below), _DROPOUT_DENSE)


def id_dropout_for(split: Split) -> float:
    """Give the share of ids to hide: how often validation asks for items that nobody took in training, .02 to .2."""
    wanted = split.validation.positives.indices
    taken = np.zeros(split.validation.positives.shape[1], dtype=bool)
    taken[split.train.items] = True
    new = float(np.mean(~taken[wanted])) if len(wanted) else 0.0
    least, most = _ID_DROPOUT
    return min(max(new, least), most)


def batch_positions_for(table: InteractionTable) -> int:
    """Give the positions of a step, so that a pass has about 350 of them: few data are learnt in as many steps."""
    least, most = _BATCH
    return min(max(len(table) // _STEPS_OF_A_PASS, least), most)


def taught_ids(train: InteractionTable, config: RecommenderConfig) -> npt.NDArray[np.bool_]:
    """Tell which ids behaviour has taught something, bool [I].

    The others were only ever pushed away, as wrong answers. A model that never lost an id cannot do without.
    """
    taken = np.bincount(train.items, minlength=config.items) > 0
    return taken | (config.id_dropout == 0)


def has_content(data: Dataset) -> bool:
    """Tell whether items have anything but their id: texts, media or interests."""
    return bool(data.items.modalities) or data.items.about.nnz > 0

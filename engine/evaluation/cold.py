"""Items and users nobody has met: a part of both is held out of training altogether.

Of every sequence the last event is the target. The events of held-out items are taken out of everything that comes
before it, as though the items had come into the catalogue just then, and held-out users take no part in training at
all. The rest is learnt from; its last event of each user is chosen on. So three questions can be asked of one model:
how it ranks items it has never seen, what that costs the others, and what it tells users it has never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.errors import TrainingError
from engine.evaluation.baselines import latest_items
from engine.evaluation.protocols import Scorer
from engine.model.inferred_edges import ItemViews
from engine.training.data import Dataset, InteractionTable, Split, Targets

KNOWN_EVENTS: Final = (0, 1, 2, 5)
GAMMA: Final = 0.7
LATEST: Final = 10
Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """Users that are asked one of the questions.

    Attributes:
        name: Which.
        targets: Them, what is known of them, and what they took.
    """

    name: str
    targets: Targets


@dataclass(frozen=True, slots=True)
class Held:
    """Data with a part of items and users held out.

    Attributes:
        split: Train, validation and test; none has an event of a held-out item or user before the target.
        items: Which items are held out, bool [I].
        users: Which users are held out, bool [U].
        past: What is known of everybody before the target, events of held-out items left out; the histories of held-out
            users are here and nowhere else.
        targets: Item of the last event of each user, -1 for one too short to be measured, int64 [U].
    """

    split: Split
    items: Mask
    users: Mask
    past: InteractionTable
    targets: Int64

    def test(self, *, cold: bool) -> Part:
        """Give the test users whose target is a held-out item, or those whose target has behaviour in training.

        A few targets are neither: nobody else took them.
        """
        target = self.targets[self.split.test.users]
        trained = np.bincount(self.split.train.items, minlength=len(self.items)) > 0
        chosen = self.items[target] if cold else trained[target]
        return Part("items held out" if cold else "items with behaviour", _some(self.split.test, chosen))

    def newcomers(self, events: int) -> Part:
        """Give held-out users with only so many of their latest events known; targets are items that are not held out.

        The same users are measured for every number of events: those with five of them.
        """
        lengths = np.diff(self.past.offsets)
        chosen = np.flatnonzero(self.users & (self.targets >= 0) & (lengths >= max(KNOWN_EVENTS)))
        chosen = chosen[~self.items[self.targets[chosen]]]
        place = lengths.repeat(lengths) - (np.arange(len(self.past)) - np.repeat(self.past.offsets[:-1], lengths))
        keep = (place <= events) & np.repeat(self.users, lengths)
        known = _kept(self.past, keep)
        found = Targets(known, chosen.astype(np.int32), _positives(self.targets[chosen], len(self.items)), start=0)
        return Part(f"users held out, {events} events known", found)


def hold_out(data: Dataset, *, item_share: float, user_share: float, seed: int) -> Held:
    """Hold out items and users drawn by chance.

    Args:
        data: Items and behaviour.
        item_share: Share of the items.
        user_share: Share of the users.
        seed: Seed of the draw.

    Raises:
        TrainingError: No user is left to train on, or none to measure.
    """
    table, item_count = data.interactions, len(data.items)
    rng = np.random.default_rng(seed)
    items = drawn(item_count, item_share, rng)
    users = drawn(table.users, user_share, rng)
    lengths = np.diff(table.offsets)
    last = np.zeros(len(table), dtype=bool)
    last[table.offsets[1:][lengths > 0] - 1] = True
    past = _kept(table, ~last & ~items[table.items])
    targets = np.full(table.users, -1, dtype=np.int64)
    # One event to learn from, one to choose on.
    measured = (lengths > 0) & (np.diff(past.offsets) >= 2)
    targets[measured] = table.items[table.offsets[1:][measured] - 1]
    history = _kept(past, ~np.repeat(users, np.diff(past.offsets)))
    own = np.flatnonzero(measured & ~users).astype(np.int32)
    if len(own) == 0:
        raise TrainingError("No user is long enough to be measured.", field="users", value=table.users)
    train = history.shortened(np.where(measured & ~users, 1, 0))
    chosen_on = history.items[history.offsets[own + 1] - 1]
    validation = Targets(train, own, _positives(chosen_on, item_count), start=0)
    test = Targets(history, own, _positives(targets[own], item_count), start=0)
    return Held(Split(train, validation, test, counts_history=False), items, users, past, targets)


def content_only(views: ItemViews, view: str, history: InteractionTable) -> Scorer:
    """Rank by how much items resemble the latest of the history: Σ_k γ^k · sim(h_k, j), nothing counted."""

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        latest = latest_items(history, users, LATEST)
        rows, steps = np.nonzero(latest >= 0)
        entries = (GAMMA**steps, (rows, latest[rows, steps]))
        return views.scores(view, sparse.coo_array(entries, shape=(len(users), len(views))).tocsr())

    return scores


def random_scores(items: int, seed: int) -> Scorer:
    """Rank by chance; the same user gets the same ranking."""

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        return np.stack([np.random.default_rng([seed, int(user)]).random(items) for user in users])

    return scores


def drawn(number: int, share: float, rng: np.random.Generator) -> Mask:
    """Give a mask with a share of its places drawn by chance."""
    mask = np.zeros(number, dtype=bool)
    mask[rng.choice(number, size=round(share * number), replace=False)] = True
    return mask


def _kept(table: InteractionTable, keep: Mask) -> InteractionTable:
    """Give the table with some events only; users keep their place."""
    before = np.concatenate(([0], np.cumsum(keep)))
    return InteractionTable(
        table.user_ids, before[table.offsets].astype(np.int64), table.items[keep], table.types[keep], table.times[keep]
    )


def _some(targets: Targets, chosen: Mask) -> Targets:
    return Targets(targets.history, targets.users[chosen], targets.positives[np.flatnonzero(chosen)], targets.start)


def _positives(items: npt.NDArray[np.integer], item_count: int) -> sparse.csr_array:
    entries = (np.ones(len(items), dtype=bool), items, np.arange(len(items) + 1))
    return sparse.csr_array(entries, shape=(len(items), item_count))

"""Behaviour and items as columns: what training and evaluation read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import MS_PER_DAY
from engine.errors import TrainingError

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
TEXT: Final = "text"
"""Name of the modality of the text vectors."""


@dataclass(frozen=True, slots=True)
class InteractionTable:
    """Behaviour of all users, oldest first within each user.

    Attributes:
        user_ids: Id of each user, in order, length U.
        offsets: Where each user's events begin, int64 [U + 1].
        items: Index of the item of each event, int32 [N].
        types: Index of the event's type in the vocabulary, int32 [N]; 0 is unknown.
        times: UTC epoch milliseconds, int64 [N].
    """

    user_ids: Sequence[str]
    offsets: Int64
    items: Int32
    types: Int32
    times: Int64

    @property
    def users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    def __len__(self) -> int:
        return len(self.items)

    def until(self, time: int) -> InteractionTable:
        """Give the events before a time; users keep their place, also those left with none."""
        return self.keeping(self.times < time)

    def keeping(self, keep: npt.NDArray[np.bool_]) -> InteractionTable:
        """Give the events marked, bool [N]; users keep their place, also those left with none."""
        kept = np.concatenate(([0], np.cumsum(keep)))
        offsets = kept[self.offsets].astype(np.int64)
        return InteractionTable(self.user_ids, offsets, self.items[keep], self.types[keep], self.times[keep])

    def shortened(self, by: npt.NDArray[np.integer]) -> InteractionTable:
        """Give the table without the newest events of each user.

        Args:
            by: How many are left out of each [U].
        """
        lengths = np.diff(self.offsets)
        place = np.arange(len(self)) - np.repeat(self.offsets[:-1], lengths)
        return self.keeping(place < np.repeat(lengths - by, lengths))

    def of_user(self, user: int) -> slice:
        """Give where one user's events are."""
        return slice(int(self.offsets[user]), int(self.offsets[user + 1]))

    @classmethod
    def from_columns(
        cls,
        users: npt.NDArray[np.integer],
        items: npt.NDArray[np.integer],
        types: npt.NDArray[np.integer],
        times: npt.NDArray[np.integer],
        user_ids: Sequence[str],
    ) -> InteractionTable:
        """Build the table from columns in any order; equal times keep the order given."""
        order = np.lexsort((times, users))
        offsets = np.zeros(len(user_ids) + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=len(user_ids)), out=offsets[1:])
        return cls(
            user_ids,
            offsets,
            items[order].astype(np.int32),
            types[order].astype(np.int32),
            times[order].astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Everything known of the items, by index.

    Attributes:
        ids: Id of each item, length I.
        titles: Title of each item; empty where there is none.
        content: Vectors of the texts, float32 [I, C], or none.
        about: Weights of the items' interests, CSR float32 [I, X], rows sum to 1 or 0.
        interest_ids: Id of each interest, length X.
        media: Vectors of further modalities, `image`, `audio` or of another name, float32 [I, C_m].
        media_sources: Where each of them comes from, for the card.
    """

    ids: Sequence[str]
    titles: Sequence[str]
    content: Float32 | None
    about: sparse.csr_array
    interest_ids: Sequence[str]
    media: Mapping[str, Float32] = field(default_factory=dict)
    media_sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def modalities(self) -> dict[str, Float32]:
        """Vectors of texts and media by name; a row of zeros says that an item has none."""
        texts = {} if self.content is None else {TEXT: self.content}
        return {**texts, **self.media}

    @property
    def widths(self) -> dict[str, int]:
        """Length of the vectors of each modality."""
        return {name: vectors.shape[1] for name, vectors in self.modalities.items()}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Behaviour, items and the vocabulary of event types; index 0 of the vocabulary is unknown.

    Attributes:
        timed: Whether the times of the interactions are times, and not only an order.
    """

    interactions: InteractionTable
    items: ItemTable
    event_types: Sequence[str]
    name: str = "graph"
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Targets:
    """What users did in a held-out window.

    Attributes:
        history: Behaviour before the window.
        users: Index of each user who did something in the window and before it, int32 [T].
        positives: CSR bool [T, I]: the distinct items of the window.
        start: Begin of the window, epoch ms.
    """

    history: InteractionTable
    users: Int32
    positives: sparse.csr_array
    start: int


@dataclass(frozen=True, slots=True)
class Split:
    """Train, validation and test.

    Attributes:
        train: What is learnt from.
        validation: What is chosen on.
        test: What is reported.
        counts_history: Whether edges and popularity are counted anew on the history of validation and test, as serving
            does at that moment; else only the train part is counted.
    """

    train: InteractionTable
    validation: Targets
    test: Targets
    counts_history: bool = True


def split_by_time(data: Dataset, *, validation_days: float, test_days: float) -> Split:
    """Hold out the last days of all users.

    Raises:
        TrainingError: Too little is left for one of the parts.
    """
    table = data.interactions
    if len(table) == 0:
        raise TrainingError("There are no events to train on.", remedy="Import some: interestgraph import --help.")
    end = int(table.times.max()) + 1
    test_start = end - int(test_days * MS_PER_DAY)
    validation_start = test_start - int(validation_days * MS_PER_DAY)
    train = table.until(validation_start)
    validation = _targets(table, validation_start, test_start, len(data.items))
    test = _targets(table, test_start, end, len(data.items))
    if len(train) == 0 or len(validation.users) == 0 or len(test.users) == 0:
        raise TrainingError(
            "The events do not span enough days for a split by time.",
            field="training.validation_days",
            value=validation_days,
            remedy="Lower INTERESTGRAPH_TRAINING__VALIDATION_DAYS and __TEST_DAYS, or bring more events.",
        )
    return Split(train, validation, test)


def leave_one_out(data: Dataset) -> Split:
    """Hold out the last event of each user as the test and the one before it as validation.

    Users with fewer than three events are trained on with all they have and are not measured. The history of the test
    has the validation event.

    Raises:
        TrainingError: No user has three events.
    """
    table = data.interactions
    lengths = np.diff(table.offsets)
    measured = np.flatnonzero(lengths >= 3).astype(np.int32)
    if len(measured) == 0:
        raise TrainingError(
            "No user has three events: one to learn from, one to choose on, one to test.",
            field="sequences",
            value=int(lengths.max(initial=0)),
            remedy="Give longer sequences, or timestamped events, which are split by time.",
        )
    long = lengths >= 3
    return Split(
        train=table.shortened(np.where(long, 2, 0)),
        validation=_one_target(table, table.shortened(np.where(long, 2, 0)), measured, 2, len(data.items)),
        test=_one_target(table, table.shortened(np.where(long, 1, 0)), measured, 1, len(data.items)),
        counts_history=False,
    )


def _one_target(table: InteractionTable, history: InteractionTable, users: Int32, back: int, items: int) -> Targets:
    column = table.items[table.offsets[users + 1] - back]
    entries = (np.ones(len(users), dtype=bool), column, np.arange(len(users) + 1))
    return Targets(history, users, sparse.csr_array(entries, shape=(len(users), items)), start=0)


def _targets(table: InteractionTable, start: int, end: int, item_count: int) -> Targets:
    history = table.until(start)
    user_of = np.repeat(np.arange(table.users), np.diff(table.offsets))
    inside = (table.times >= start) & (table.times < end)
    known = np.diff(history.offsets)[user_of] > 0
    inside &= known
    users, rows = np.unique(user_of[inside], return_inverse=True)
    ones = np.ones(len(rows), dtype=np.int32)
    positives = sparse.coo_array((ones, (rows, table.items[inside])), shape=(len(users), item_count)).tocsr()
    positives.data = np.ones_like(positives.data, dtype=bool)
    return Targets(history, users.astype(np.int32), positives, start)


def recent(
    table: InteractionTable, users: npt.NDArray[np.integer], length: int
) -> tuple[Int32, Int32, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Give the latest events of users, right-aligned.

    Returns:
        Items int32 [B, L], types int32 [B, L], mask bool [B, L], times int64 [B, L] in ms; the newest event is last,
        padding is 0 and False.
    """
    ends = table.offsets[users + 1]
    positions = ends[:, None] - np.arange(length, 0, -1)[None, :]
    mask = positions >= table.offsets[users][:, None]
    safe = np.where(mask, positions, 0)
    if len(table) == 0:
        empty = np.zeros(mask.shape, dtype=np.int32)
        return empty, empty, mask, empty.astype(np.int64)
    items = np.where(mask, table.items[safe], 0).astype(np.int32)
    types = np.where(mask, table.types[safe], 0).astype(np.int32)
    times = np.where(mask, table.times[safe], 0).astype(np.int64)
    return items, types, mask, times


def seen(table: InteractionTable, users: npt.NDArray[np.integer], item_count: int) -> sparse.csr_array:
    """Give which items users have in their history, CSR bool [B, I]."""
    lengths = np.diff(table.offsets)[users]
    rows = np.repeat(np.arange(len(users)), lengths)
    starts = np.repeat(table.offsets[users] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    columns = table.items[np.arange(len(rows)) + starts] if len(rows) else np.zeros(0, dtype=np.int32)
    matrix = sparse.coo_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(len(users), item_count))
    found = matrix.tocsr()
    found.data = np.ones_like(found.data, dtype=bool)
    return found

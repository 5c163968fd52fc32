"""What people with the same attributes take more often than others: for newcomers of whom nothing else is known.

    demographics = ω / |A| · Σ_a lift(v_a, j),   lift(v, j) = log((g_j / p_j + m) / (G + m))

A are the attributes of the user that are used, v_a is the user's value of one. g_j is how many users with that value
took item j, each counted once, at the latest time, halved by a half-life; G is the sum of g over all items; p_j is the
same for all users who have any of the attributes, divided by its sum. m is a number of pseudo-events that follow p: the
lift of a value with few users is near 0. The k items most taken with a value have a lift of their own; all others share
one, made of their sums. Without m the lift is log((g_j / G) / p_j), the item's share in the group against its share
overall.

Numbers that take more than a few values are cut at quantiles into bins. A value is used only where enough users who
have it took something. The counts are made by `engine.pipelines.demographics`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BINS: Final = 5
"""Bins of numbers, and the most different numbers that stand for themselves."""
MOST_VALUES: Final = 50
"""Values of one attribute that are used, those with the most users first."""

_ROUNDING: Final = 1e-9

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an attribute, or a bin of numbers.

    Attributes:
        attribute: The attribute.
        label: The value as text; a bin says from where up to below what.
        low: Lowest number of a bin; none where the value is no bin, or the bin has no lower end.
        high: Number that the bin ends below; none likewise.
        users: Users who have it; of a group those who took something.
    """

    attribute: str
    label: str
    users: int
    low: float | None = None
    high: float | None = None

    @property
    def id(self) -> str:
        """Name of the value among all."""
        return f"{self.attribute}={self.label}"


@dataclass(frozen=True, slots=True)
class Group:
    """Users with the same value, and what they take.

    Attributes:
        value: The value.
        places: Items that have a lift of their own [K].
        lifts: Their lifts [K].
        rest: Lift of every other item.
    """

    value: Value
    places: Int64
    lifts: Float64
    rest: float

    def of_all(self, size: int) -> Float64:
        """Give the lift of every item [I]."""
        found = np.full(size, self.rest)
        found[self.places] = self.lifts
        return found


def values_of(attribute: str, counts: Iterable[tuple[object, int]], *, min_users: int) -> list[Value]:
    """Say which values of an attribute are used.

    Args:
        attribute: The attribute.
        counts: Values and how many users have each; texts, truth values and numbers count, lists do not.
        min_users: Users below whom a value is not used.
    """
    named: dict[str, int] = {}
    numbers: dict[float, int] = {}
    for value, users in counts:
        if isinstance(value, (bool, str)):
            label = _label(value)
            named[label] = named.get(label, 0) + users
        elif isinstance(value, (int, float)):
            numbers[float(value)] = numbers.get(float(value), 0) + users
    if len(numbers) <= BINS:
        for number, users in numbers.items():
            named[_label(number)] = named.get(_label(number), 0) + users
        numbers = {}
    found = [Value(attribute, label, users) for label, users in named.items()] + _bins(attribute, numbers)
    found = [value for value in found if value.users >= min_users]
    return sorted(found, key=lambda value: (-value.users, value.label))[:MOST_VALUES]


class Values:
    """The values in use, to look up what a user has.

    Args:
        values: All of them; their order gives the place of each.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self.all = list(values)
        self._named: dict[tuple[str, str], int] = {}
        self._cuts: dict[str, tuple[list[float], list[int]]] = {}
        for place, value in sorted(enumerate(values), key=lambda pair: -np.inf if pair[1].low is None else pair[1].low):
            if value.low is None and value.high is None:
                self._named[value.attribute, value.label] = place
            else:
                lows, places = self._cuts.setdefault(value.attribute, ([], []))
                lows.append(-np.inf if value.low is None else value.low)
                places.append(place)

    def places(self, attributes: Mapping[str, object]) -> list[int]:
        """Give the places of the values that a user has, at most one of each attribute."""
        found = (self._place(name, value) for name, value in attributes.items())
        return [place for place in found if place is not None]

    def _place(self, attribute: str, value: object) -> int | None:
        if not isinstance(value, (bool, str, int, float)):
            return None
        place = self._named.get((attribute, _label(value)))
        if place is not None or isinstance(value, (bool, str)) or attribute not in self._cuts:
            return place
        lows, places = self._cuts[attribute]
        number = bisect.bisect_right(lows, value) - 1
        if number < 0:
            return None
        high = self.all[places[number]].high
        # A bin that too few users have leaves a gap.
        return None if high is not None and value >= high else places[number]


def group_of(value: Value, mass: Float64, base: Float64, *, pseudo_events: float, keep: int) -> Group:
    """Make a group of what its users took.

    Args:
        value: The value that they have.
        mass: g [I].
        base: The same for all users who have any of the attributes [I].
        pseudo_events: m.
        keep: k.
    """
    kept = np.flatnonzero(mass > 0)
    if len(kept) > keep:
        kept = np.sort(kept[np.argpartition(-mass[kept], keep - 1)[:keep]])
    total, whole = float(mass.sum()), float(base.sum())

    def lift(own: Float64, among_all: Float64) -> Float64:
        return np.asarray(np.log((own * whole / among_all + pseudo_events) / (total + pseudo_events)))

    rest = whole - float(base[kept].sum())
    left = max(total - float(mass[kept].sum()), 0.0)
    other = float(lift(np.array(left), np.array(rest))) if rest > _ROUNDING * whole else 0.0
    return Group(value, kept, lift(mass[kept], base[kept]), other)


@dataclass(frozen=True, slots=True)
class Demographics:
    """All groups, as one process serves from them.

    Attributes:
        values: Their values, to look up those of a user.
        groups: The groups, in the order of the values.
    """

    values: Values
    groups: tuple[Group, ...] = ()

    @classmethod
    def none(cls) -> Demographics:
        """Make it of no group."""
        return cls(Values([]))

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Demographics:
        """Make it of groups."""
        return cls(Values([group.value for group in groups]), tuple(groups))

    def term(self, places: Sequence[int], size: int, scale: float) -> Float64:
        """Give the term of every item [I] for a user.

        Args:
            places: Places of the user's values; at least one.
            size: I.
            scale: ω.
        """
        total = np.zeros(size)
        for place in places:
            total += self.groups[place].of_all(size)
        return np.asarray(total * (scale / len(places)))

    def parts(self, places: Sequence[int], item: int, scale: float) -> list[tuple[Value, float, float]]:
        """Give each value of a user with its lift of one item and what that adds to the term, strongest first."""
        found = []
        for place in places:
            group = self.groups[place]
            own = np.flatnonzero(group.places == item)
            lift = float(group.lifts[own[0]]) if len(own) else group.rest
            found.append((group.value, lift, lift * scale / len(places)))
        return sorted(found, key=lambda part: (-part[2], part[0].id))


def _bins(attribute: str, numbers: Mapping[float, int]) -> list[Value]:
    """Cut numbers into bins that about as many users have."""
    if not numbers:
        return []
    ordered = sorted(numbers)
    users = np.cumsum([numbers[number] for number in ordered])
    wanted = users[-1] * np.arange(1, BINS) / BINS
    starts = sorted({0, *(int(place) + 1 for place in np.searchsorted(users, wanted))} - {len(ordered)})
    found = []
    for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
        low = ordered[start] if start else None
        high = ordered[end] if end < len(ordered) else None
        text = f"below {_label(high)}" if low is None and high is not None else f"from {_label(low)}"
        if low is not None and high is not None:
            text = f"{_label(low)} to below {_label(high)}"
        count = int(users[end - 1] - (users[start - 1] if start else 0))
        found.append(Value(attribute, text, count, low, high))
    return found


def _label(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) or abs(value) > 1e15 else str(int(value))
    return str(value).strip()

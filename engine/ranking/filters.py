"""Which items may not come back, and how many each filter took out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from engine.errors import UnknownReferenceError
from engine.ranking.profile import Profile
from engine.ranking.state import Mask, Snapshot

UNAVAILABLE: Final = "unavailable"
INTEREST: Final = "interest"
ATTRIBUTES: Final = "attributes"
EXCLUDED: Final = "excluded"
DISLIKED: Final = "disliked"
HIDDEN: Final = "hidden"
SEEN: Final = "seen"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request asks to leave out.

    Attributes:
        exclude: Items, by id; unknown ones are ignored.
        interest: Only items about this interest.
        attributes: Only items with these values; an item with a list has it when the list holds the value.
        recommend_seen: Whether items that the user has dealt with may come back.
    """

    exclude: Collection[str] = ()
    interest: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    recommend_seen: bool = False


def allowed_items(snapshot: Snapshot, profile: Profile, filters: Filters) -> tuple[Mask, dict[str, int]]:
    """Apply the filters, one after the other.

    Args:
        snapshot: The items.
        profile: What the user has seen, disliked and hidden.
        filters: What to leave out.

    Returns:
        Items that may come back, bool [I], and how many each filter took out; an item counts once, at the first filter
        that takes it. Filters that took none are not named.

    Raises:
        UnknownReferenceError: There is no such interest.
    """
    catalogue = snapshot.catalogue
    allowed = catalogue.alive.copy()
    cut: dict[str, int] = {}

    def take_out(name: str, gone: Mask) -> None:
        number = int(np.count_nonzero(allowed & gone))
        if number:
            cut[name] = number
            np.logical_and(allowed, ~gone, out=allowed)

    take_out(UNAVAILABLE, ~catalogue.available)
    if filters.interest is not None:
        take_out(INTEREST, ~_about(snapshot, filters.interest))
    if filters.attributes:
        take_out(ATTRIBUTES, ~_with_attributes(snapshot, filters.attributes))
    index = catalogue.index
    take_out(EXCLUDED, _mask(len(catalogue), [index[name] for name in filters.exclude if name in index]))
    take_out(DISLIKED, _mask(len(catalogue), profile.disliked))
    take_out(HIDDEN, _mask(len(catalogue), profile.hidden))
    if not filters.recommend_seen:
        take_out(SEEN, _mask(len(catalogue), (*profile.seen, *(step.index for step in profile.steps))))
    return allowed, cut


def _mask(size: int, places: Collection[int]) -> Mask:
    mask = np.zeros(size, bool)
    if places:
        mask[list(places)] = True
    return mask


def _about(snapshot: Snapshot, interest: str) -> Mask:
    place = snapshot.interests.index.get(interest)
    if place is None:
        raise UnknownReferenceError(
            "There is no such interest.",
            field="interest",
            value=interest,
            remedy="Use the id of an interest, for example category:fluid milk.",
        )
    about = snapshot.catalogue.about
    mask = np.zeros(len(snapshot.catalogue), bool)
    mask[about.item[about.interest == place]] = True
    return mask


def _with_attributes(snapshot: Snapshot, wanted: Mapping[str, Any]) -> Mask:
    pairs = tuple(wanted.items())

    def fits(attributes: Mapping[str, Any]) -> bool:
        return all(_has(attributes.get(name), value) for name, value in pairs)

    return np.fromiter(
        (fits(attributes) for attributes in snapshot.catalogue.attributes), bool, len(snapshot.catalogue)
    )


def _has(found: Any, value: Any) -> bool:
    if isinstance(found, (list, tuple)):
        return value in found
    # True == 1 in Python; an attribute that is a truth value is no number.
    return bool(found == value) and isinstance(found, bool) == isinstance(value, bool)

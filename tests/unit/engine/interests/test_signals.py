from __future__ import annotations

import pytest

from engine.domain import MS_PER_DAY
from engine.errors import InvalidInputError
from engine.interests.signals import half_life_ms, sequence_types, strength
from engine.settings import EventSettings, EventTypeSettings

SETTINGS = EventSettings()


@pytest.mark.parametrize(("value", "expected"), [(1.0, -1.0), (2.0, -0.5), (3.0, 0.0), (4.0, 0.5), (5.0, 1.0)])
def test_a_rating_runs_from_minus_the_weight_to_the_weight(value: float, expected: float) -> None:
    assert strength("rating", value, SETTINGS) == expected


def test_other_types_count_their_weight() -> None:
    assert strength("purchase", 12.0, SETTINGS) == 1.0
    assert strength("dislike", None, SETTINGS) == -1.0


def test_an_own_type_is_known_by_the_registry() -> None:
    own = EventSettings(types={"taste": EventTypeSettings(weight=0.5, half_life_days=2)})
    assert strength("taste", None, own) == 0.5
    assert half_life_ms("taste", own) == 2 * MS_PER_DAY
    assert sequence_types(own) == ("taste",)


def test_dislikes_and_searches_are_no_steps_of_a_sequence() -> None:
    assert sequence_types(SETTINGS) == ("cart", "like", "purchase", "rating", "share", "view")


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError) as caught:
        strength("stare", None, SETTINGS)
    assert caught.value.field == "type"
    assert caught.value.value == "stare"
    assert all(name in str(caught.value.remedy) for name in SETTINGS.types)


def test_a_rating_without_value_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        strength("rating", None, SETTINGS)

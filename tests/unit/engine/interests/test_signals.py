from __future__ import annotations

import math

import pytest

from engine.domain import MS_PER_DAY
from engine.errors import InvalidInputError
from engine.interests.signals import full_strength, half_life_ms, sequence_types, strength
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


def test_negative_types_impressions_follows_and_searches_are_no_steps_of_a_sequence() -> None:
    assert sequence_types(SETTINGS) == ("cart", "click", "dwell", "like", "purchase", "rating", "share", "view")


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError) as caught:
        strength("stare", None, SETTINGS)
    assert caught.value.field == "type"
    assert caught.value.value == "stare"
    assert all(name in str(caught.value.remedy) for name in SETTINGS.types)


def test_a_rating_without_value_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        strength("rating", None, SETTINGS)


@pytest.mark.parametrize(("seconds", "expected"), [(0, 0.0), (300, 0.5), (86_400, 0.5), (math.sqrt(301) - 1, 0.25)])
def test_a_dwell_counts_by_its_logarithm_up_to_the_full_weight(seconds: float, expected: float) -> None:
    assert strength("dwell", seconds, SETTINGS) == pytest.approx(expected, abs=1e-15)


def test_a_dwell_without_seconds_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        strength("dwell", None, SETTINGS)


def test_the_most_a_type_counts_is_its_weight() -> None:
    assert full_strength("rating", SETTINGS) == strength("rating", 5, SETTINGS)
    assert full_strength("dwell", SETTINGS) == strength("dwell", 9999, SETTINGS)


def test_built_in_names_keep_their_meaning_in_an_own_registry() -> None:
    plain = {name: EventTypeSettings(weight=1, half_life_days=1) for name in ("rating", "dwell", "search", "follow")}
    own = EventSettings(types={**plain, "stars": EventTypeSettings(weight=1, half_life_days=1, scale="rating")})
    assert [own.types[name].scale for name in ("rating", "dwell", "search", "stars")] == [
        "rating", "duration", "constant", "rating",
    ]  # fmt: skip
    assert [own.types[name].object for name in ("search", "follow", "stars")] == ["query", "user", "item"]
    told = EventSettings(types={"dwell": EventTypeSettings(weight=1, half_life_days=1, scale="constant")})
    assert told.types["dwell"].scale == "constant"


def test_a_follow_has_to_have_a_weight() -> None:
    with pytest.raises(ValueError, match="above 0"):
        EventSettings(types={"follow": EventTypeSettings(weight=0, half_life_days=1)})

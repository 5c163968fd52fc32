from __future__ import annotations

import pytest

from engine.ranking.answers import new_recommendation_id, version_of
from engine.ranking.refresher import pause_after, sweep_pause


def test_a_recommendation_id_tells_its_version() -> None:
    made = new_recommendation_id("v20260101000000")
    assert version_of(made) == "v20260101000000"
    assert version_of(new_recommendation_id(None)) == "none"
    assert made != new_recommendation_id("v20260101000000")


@pytest.mark.parametrize(
    "name", [None, 3, "", "r1", "v20260101000000", "v20260101000000.xyz", "other." + "0" * 32, "none." + "0" * 33]
)
def test_other_names_have_none(name: object) -> None:
    assert version_of(name) is None


def test_a_look_ends_before_the_state_is_too_old() -> None:
    for took_s in (0.0, 0.01, 0.2, 0.45):
        # As old as the beginning of one look, until the end of the next.
        assert took_s + pause_after(1.0, took_s) + took_s <= 1.0 + 1e-9
    assert pause_after(1.0, 30.0) == 0.1


def test_only_listings_that_stay_long_are_put_off() -> None:
    assert sweep_pause(3.0, 0.0) == 0  # the first one, slow with a cold cache
    assert sweep_pause(0.02, 3.0) == pytest.approx(0.2)
    assert sweep_pause(3.0, 2.0) == pytest.approx(20)

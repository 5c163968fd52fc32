"""How old events may become."""

from __future__ import annotations

import pytest

from engine.domain import MS_PER_DAY
from engine.errors import SettingsError
from engine.retention.limits import least_days, limits_at
from engine.settings import Settings

NOW = 20_000 * MS_PER_DAY


def test_events_must_have_faded_below_the_share_that_may_be_lost() -> None:
    # 1/1024 is ten half-lives of the slower of the two.
    settings = Settings(
        _env_file=None, co_occurrence={"half_life_days": 30}, retention={"events_days": 300, "lost_share": 1 / 1024}
    )
    assert least_days(settings) == 300
    assert limits_at(settings, NOW).before == NOW - 300 * MS_PER_DAY
    shorter = settings.model_copy(update={"retention": settings.retention.model_copy(update={"events_days": 299.0})})
    with pytest.raises(SettingsError) as caught:
        limits_at(shorter, NOW)
    assert caught.value.field == "INTERESTGRAPH_RETENTION__EVENTS_DAYS"
    assert "300 days" in str(caught.value.remedy)


def test_types_without_a_weight_have_a_limit_of_their_own() -> None:
    limits = limits_at(Settings(_env_file=None, retention={"impressions_days": 7}), NOW)
    assert "impression" in limits.light
    assert "view" not in limits.light
    assert (limits.before, limits.light_before) == (0, NOW - 7 * MS_PER_DAY)
    assert limits.anything


def test_nothing_goes_where_no_limit_is_set() -> None:
    limits = limits_at(Settings(_env_file=None, retention={"impressions_days": None}), NOW)
    assert not limits.anything
    assert limits.light == ()

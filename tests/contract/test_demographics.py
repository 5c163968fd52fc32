"""Groups of users with the same attributes, counted on every supported server."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.graph.entities import Item, User, upsert_items, upsert_users
from engine.graph.store import GraphStore
from engine.pipelines.demographics import count_demographics, demographics_due
from engine.settings import Settings, load_settings
from tests.support.profile import db_hits, profile

NOW = 20_000 * MS_PER_DAY


@pytest.fixture
def settings() -> Settings:
    return load_settings(
        ranking={"demographics": ["city"], "demographics_min_users": 2, "demographics_pseudo_events": 1.0}
    )


def test_what_users_took_counts_once_and_fades(store: GraphStore, settings: Settings) -> None:
    assert not demographics_due(store, settings)
    upsert_items(store, [Item(name) for name in ("a", "b", "c")])
    upsert_users(store, [User(f"u{n}", {"city": "Rome" if n < 2 else "Oslo"}) for n in range(4)] + [User("none")])
    taken = [("u0", "a", 0), ("u0", "a", 60), ("u1", "a", 60), ("u2", "b", 0), ("u3", "c", 0), ("none", "c", 0)]
    events = [
        Event(f"{n}", "purchase", user, name, NOW - days * MS_PER_DAY) for n, (user, name, days) in enumerate(taken)
    ]
    # What is taken back, looked for too long ago, or only shown, is nothing taken.
    events.append(Event("shown", "impression", "u0", "c", NOW))
    events.append(Event("old", "purchase", "u1", "b", NOW - 601 * MS_PER_DAY))
    apply_events(store, events, settings=settings, mark_unfolded=False)
    assert demographics_due(store, settings)
    found = count_demographics(store, settings, run="one", at=NOW)
    assert found == {"attributes": 1, "users": 4, "groups": 2}
    groups = {row["label"]: row for row in store.read("ranking/demographics")}
    # Rome took a: one whole and one half; of 3.5 takings a has 1.5. The lift is log((3.5 + 1) / (1.5 + 1)).
    assert (groups["Rome"]["items"], groups["Rome"]["users"]) == (["a"], 2)
    assert groups["Rome"]["lifts"] == pytest.approx([np.log(4.5 / 2.5)])
    assert groups["Rome"]["rest"] == pytest.approx(np.log(1 / 2.5))
    assert groups["Oslo"]["items"] == ["b", "c"]
    assert store.read("ranking/attributes", user_id="u0", names=["city", "age"]) == [{"attributes": [["city", "Rome"]]}]
    assert store.read("ranking/attributes", user_id="nobody", names=["city"]) == []


def test_a_page_costs_what_it_gives(store: GraphStore) -> None:
    upsert_users(store, [User(f"u{n:04}", {"city": "Rome"}) for n in range(2_000)])
    parameters = {"names": ["city"], "limit": 10, "types": ["purchase"], "since": 0, "most": 5}
    found = profile(store, "demographics/page", after="u0500", **parameters)
    assert found[0].rows == 10
    assert db_hits(found) < 300
    assert db_hits(profile(store, "ranking/attributes", user_id="u0007", names=["city"])) < 20

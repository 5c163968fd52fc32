"""The statements of serving, on every supported server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cypher import catalogue
from engine.cooccurrence.fold import fold
from engine.domain import MS_PER_DAY, Event, now_ms
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.read import read_interests
from engine.ranking.feedback import shown_at
from engine.ranking.profile import read_user
from engine.ranking.refresher import Refresher
from engine.settings import RankingSettings, Settings
from tests.contract.test_event_plans import explain

NOW = 20_000 * MS_PER_DAY
WHOLE = {
    "ranking/inferred",
    "ranking/resembling",
    "ranking/items",
    "ranking/rows",
    "ranking/census",
    "ranking/interests",
    "ranking/waiting",
}
"""Statements that read a whole label: at the first load, or seldom; the last one looks at a hundred at most."""


@pytest.mark.parametrize(
    "name", [s.name for s in catalogue.statements() if s.name.startswith("ranking/") and s.name not in WHOLE]
)
def test_what_runs_often_reads_by_index(store: GraphStore, name: str) -> None:
    for operator, details in explain(store, name):
        assert not operator.endswith(("LabelScan", "TypeScan", "IndexScan", "AllNodesScan")), (operator, details)


def test_a_snapshot_and_a_user(store: GraphStore) -> None:
    settings = Settings()
    about = [About("category", "Dairy"), About("brand", "Mill", 3.0)]
    upsert_items(
        store, [Item("a", title="A", attributes={"size": 2, "text": "long " * 100}, about=about), Item("b"), Item("c")]
    )
    events = [
        Event("1", "purchase", "u", "a", NOW - 3 * MS_PER_DAY),
        Event("2", "view", "u", "b", NOW - 2 * MS_PER_DAY),
        Event("3", "dislike", "u", "c", NOW - MS_PER_DAY),
        Event("4", "view", "u", "c", NOW - 4 * MS_PER_DAY),
    ]
    apply_events(store, events, settings=settings)
    fold(store, settings)
    refresher = Refresher(store, settings)
    refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    index = snapshot.catalogue.index
    assert sorted(index) == ["a", "b", "c"]
    assert snapshot.catalogue.attributes[index["a"]] == {"size": 2}
    interests, weights = snapshot.catalogue.about.of_item(index["a"])
    assert dict(zip([snapshot.interests.ids[x] for x in interests], weights.tolist(), strict=True)) == {
        "category:dairy": 0.25,
        "brand:mill": 0.75,
    }
    # c, a, b were seen one after the other: from c to a 1, to b 1/2, the row divided by the root of its sum.
    targets, strengths = snapshot.following(index["c"])
    order = [snapshot.catalogue.ids[place] for place in targets[np.argsort(-strengths)]]
    assert order == ["a", "b"]
    assert refresher.refresh() is False

    user = read_user(store, "u", settings=settings, at=NOW, with_seen=True)
    assert [(step.item_id, step.type) for step in user.history] == [("b", "view"), ("a", "purchase"), ("c", "view")]
    assert sorted(user.seen) == ["a", "b", "c"]
    assert list(user.disliked) == ["c"]
    expected = read_interests(store, "u", settings=settings, at=NOW).interests
    assert dict(user.shares) == pytest.approx(
        {interest.id: interest.share for interest in expected if interest.share > 0}
    )
    assert read_user(store, "u", settings=settings, at=NOW, with_seen=False).seen == []
    assert read_user(store, "nobody", settings=settings, at=NOW, with_seen=True).known is False


def test_feedback_as_the_formula_has_it(store: GraphStore) -> None:
    settings = Settings()
    half_life_ms, since = days_ms(settings.ranking.fatigue_half_life_days), NOW - 15 * MS_PER_DAY
    upsert_items(
        store, [Item(name) for name in ("shown", "clicked", "bought", "old", "hid", "again", "long ago", "no")]
    )

    def days_ago(day: float) -> int:
        return NOW - int(day * MS_PER_DAY)

    days = [0.0, 0.25, 2.0, 2.0, 9.0, 14.9, 15.0, 40.0]
    kinds: list[tuple[str, str, float]] = [
        *(("impression", "shown", day) for day in days),
        *(("impression", name, day) for name in ("clicked", "bought", "old") for day in (20.0, 3.0, 1.0)),
        ("click", "clicked", 2.0),
        ("purchase", "bought", 0.5),
        ("impression", "old", 0.0),
        ("view", "old", 5.0),
        ("hide", "hid", 29.0),
        ("hide", "again", 3.0),
        ("view", "again", 2.0),
        ("hide", "long ago", 31.0),
        ("dislike", "no", 1.0),
    ]
    events = [Event(f"e{place}", kind, "u", item_id, days_ago(day)) for place, (kind, item_id, day) in enumerate(kinds)]
    # One by one and in no order: late ones move it as well.
    for event in sorted(events, key=lambda event: event.id[::-1]):
        apply_events(store, [event], settings=settings)
    user = read_user(store, "u", settings=settings, at=NOW, with_seen=True)
    assert sorted(user.hidden) == ["hid"]
    assert sorted(user.seen) == ["again", "bought", "clicked", "no", "old"]
    assert sorted(user.disliked) == ["no"]
    found = dict(user.shown)
    shown_events = [event for event in events if event.type == "impression"]
    times = {name: [event.at for event in shown_events if event.item_id == name] for name in found}
    expected = {
        name: shown_at(times[name], NOW, since=since, half_life_ms=half_life_ms, liked_at=liked_at)
        for name, liked_at in [("shown", None), ("clicked", days_ago(2.0)), ("old", days_ago(5.0))]
    }
    assert sorted(found) == sorted(expected)
    for name, shown in expected.items():
        assert (found[name].count, found[name].first_at) == (shown.count, shown.first_at)
        assert found[name].mass == pytest.approx(shown.mass, abs=1e-9)
    assert expected["shown"].count == 6


def test_steps_are_found_behind_many_impressions_up_to_a_bound(store: GraphStore) -> None:
    upsert_items(store, [Item("a"), Item("b")])
    events = [Event("bought", "purchase", "u", "a", NOW - MS_PER_DAY)]
    events += [Event(f"s{second}", "impression", "u", "b", NOW - second) for second in range(60)]
    for scan, steps in [(61, 1), (60, 0)]:
        settings = Settings(ranking=RankingSettings(history_scan=scan))
        apply_events(store, events, settings=settings)
        assert len(read_user(store, "u", settings=settings, at=NOW, with_seen=True).history) == steps


def test_what_is_first_counted_during_a_look_has_a_measure(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, now = Settings(), now_ms()
    refresher = Refresher(store, settings)
    refresher.refresh()
    upsert_items(store, [Item("a"), Item("b")])
    takes = [("a", "u"), ("b", "u"), ("b", "v")]
    events = [Event(f"{number}", "purchase", user, item, now) for number, (item, user) in enumerate(takes)]
    apply_events(store, events, settings=settings)
    read = refresher._with_items

    def folded_meanwhile(*known: Any) -> Any:
        # The look has read that nothing is counted; then comes the first fold, and then the items are read.
        fold(store, settings)
        return read(*known)

    monkeypatch.setattr(refresher, "_with_items", folded_meanwhile)
    assert refresher.refresh()
    snapshot = refresher.snapshot
    assert snapshot is not None
    assert snapshot.as_of is None
    # A purchase is 1: a has 1 + 1 of 5, b 2 + 1.
    shares = {name: float(np.exp(snapshot.log_share[place])) for name, place in snapshot.catalogue.index.items()}
    assert shares == pytest.approx({"a": 0.4, "b": 0.6}, rel=1e-3)

"""The one path in: partial acceptance, on every database."""

from __future__ import annotations

import pytest

from engine.events.history import history
from engine.events.identity import digest
from engine.events.ingest import ingest
from engine.events.parse import parse_event
from engine.forgetting.items import forget_item
from engine.graph.store import GraphStore
from engine.settings import load_settings

NOW = 1_760_000_000_000


def _view(item: str, **more: object) -> dict[str, object]:
    return {"type": "view", "user_id": "ann", "item_id": item, "at": NOW - 1000, **more}


def test_bad_events_are_refused_by_name_and_the_rest_goes_in(store: GraphStore) -> None:
    settings = load_settings()
    store.write("events/create_items", items=["a", "b"], now=NOW)
    raws = [
        _view("a", id="1"),
        _view("nowhere", id="2"),
        _view("b", type="gaze"),
        _view("b", id="1"),
        "no object",
        _view("b", at=NOW + 10**9),
        _view("b", id="6"),
    ]
    result = ingest(store, raws, settings=settings, now=NOW)
    assert [outcome.outcome for outcome in result.outcomes] == [
        "accepted", "refused", "refused", "refused", "refused", "refused", "accepted",
    ]  # fmt: skip
    named = [outcome.error.field for outcome in result.outcomes if outcome.error is not None]
    assert named == ["events[1].item_id", "events[2].type", "events[3].id", "events[4]", "events[5].at"]
    assert (result.accepted, result.duplicates, result.refused) == (2, 0, 5)
    again = ingest(store, raws, settings=settings, now=NOW)
    assert (again.accepted, again.duplicates, again.refused) == (0, 2, 5)
    changed = ingest(store, [_view("b", id="1"), _view("a", id="7")], settings=settings, now=NOW)
    assert [outcome.outcome for outcome in changed.outcomes] == ["refused", "accepted"]
    assert changed.outcomes[0].error is not None and changed.outcomes[0].error.code == "conflict"


def test_a_thousand_events_of_one_user_at_one_time_are_a_thousand_events(store: GraphStore) -> None:
    settings = load_settings()
    store.write("events/create_items", items=["a", "b"], now=NOW)
    raws = [_view("ab"[n % 2]) for n in range(1000)]
    result = ingest(store, raws, settings=settings, now=NOW)
    assert (result.accepted, result.duplicates, result.refused) == (1000, 0, 0)
    assert len({outcome.id for outcome in result.outcomes}) == 1000
    again = ingest(store, raws, settings=settings, now=NOW)
    assert (again.accepted, again.duplicates) == (0, 1000)
    # Of equal times the larger id is the later one.
    found = history(store, "ann", limit=1000)
    ids = sorted(((outcome.id or "", raw["item_id"]) for outcome, raw in zip(result.outcomes, raws, strict=True)))
    assert [entry.item_id for entry in found] == [item for _, item in reversed(ids)]


def test_what_an_event_says_beside_is_kept_and_belongs_to_it(store: GraphStore) -> None:
    settings = load_settings()
    store.write("events/create_items", items=["a"], now=NOW)
    raws: list[dict[str, object]] = [
        _view("a", id="1", context={"page": "home", "depth": 2}, recommendation_id="r1"),
        _view("a", id="2", type="dwell", value=30),
        {"id": "3", "type": "follow", "user_id": "ann", "followed_id": "bob", "at": NOW - 5},
    ]
    assert ingest(store, raws, settings=settings, now=NOW).accepted == 3
    text = "MATCH (e:Event) RETURN e.context AS context, e.followed_id AS followed, e.value AS value ORDER BY e.id"
    assert store.read_transaction(lambda tx: tx.run_text(text).data()) == [
        {"context": '{"depth":2,"page":"home"}', "followed": None, "value": None},
        {"context": None, "followed": None, "value": 30.0},
        {"context": None, "followed": "bob", "value": None},
    ]
    raws[0]["context"] = {"page": "cart"}
    changed = ingest(store, raws, settings=settings, now=NOW)
    assert [outcome.outcome for outcome in changed.outcomes] == ["refused", "duplicate", "duplicate"]
    assert changed.outcomes[0].error is not None and changed.outcomes[0].error.field == "events[0].id"


def test_an_item_that_was_just_deleted_refuses_its_events_only(store: GraphStore) -> None:
    settings = load_settings()
    store.write("events/create_items", items=["a", "b"], now=NOW)
    assert ingest(store, [_view("a"), _view("b")], settings=settings, now=NOW).accepted == 2
    forget_item(store, settings, "b")
    result = ingest(store, [_view("a", at=NOW), _view("b", at=NOW)], settings=settings, now=NOW)
    assert [outcome.outcome for outcome in result.outcomes] == ["accepted", "refused"]
    error = result.outcomes[1].error
    assert error is not None and (error.code, error.field) == ("unknown_reference", "events[1].item_id")


def test_a_repeat_is_told_from_what_is_stored(store: GraphStore) -> None:
    """No fingerprint is kept: it is counted from the stored event, whatever the event says."""
    settings = load_settings()
    store.write("events/create_items", items=["a"], now=NOW)
    raws: list[dict[str, object]] = [
        {"id": "1", "type": "view", "user_id": "ann", "item_id": "a"},
        _view("a", id="2", type="rating", value=3),
        _view("a", id="3", context={"page": "home"}, recommendation_id="r1"),
        {"id": "4", "type": "search", "user_id": "ann", "query": "oat milk", "at": NOW},
        {"id": "5", "type": "follow", "user_id": "ann", "followed_id": "bob", "at": NOW},
    ]
    assert ingest(store, raws, settings=settings, now=NOW).accepted == 5
    text = "MATCH (e:Event) WHERE e.digest IS NOT NULL OR e.at_given IS NOT NULL RETURN e.id AS id, e.at_given AS given"
    assert store.read_transaction(lambda tx: tx.run_text(text).data()) == [{"id": "1", "given": False}]
    # A time that was not given says nothing: the first is the same event a minute later.
    assert ingest(store, raws, settings=settings, now=NOW + 60_000).duplicates == 5
    others = [{**raw, "user_id": "eve"} for raw in raws] + [{**raws[0], "at": NOW}, {**raws[1], "value": 4}]
    for other in others:
        [outcome] = ingest(store, [other], settings=settings, now=NOW).outcomes
        assert outcome.error is not None and outcome.error.code == "conflict", other


def test_the_fingerprint_that_older_versions_stored_still_counts(store: GraphStore) -> None:
    settings = load_settings()
    store.write("events/create_items", items=["a"], now=NOW)
    raw = _view("a", id="1")
    kept = digest(parse_event(raw, settings=settings.events, now=NOW))
    text = "CREATE (:Event {id: '1', type: 'view', user_id: 'ann', item_id: 'a', at: 5, digest: $digest})"
    store.write_transaction(lambda tx: tx.run_text(text, digest=kept).consume())
    assert ingest(store, [raw], settings=settings, now=NOW).duplicates == 1
    assert ingest(store, [_view("a", id="1", at=5)], settings=settings, now=NOW).refused == 1


def test_users_of_a_long_past_are_moved_like_others(store: GraphStore) -> None:
    """Few items against many that a user has are looked for one by one, many by one look through all of them."""
    settings = load_settings()
    names = [f"i{number:03d}" for number in range(100)]
    store.write("events/create_items", items=names, now=NOW)
    past = {user: [_view(name, user_id=user, at=NOW - 5000 + place) for place, name in enumerate(names[:90])]
            for user in ("ann", "bob")}  # fmt: skip
    for raws in past.values():
        assert ingest(store, raws, settings=settings, now=NOW).accepted == 90
    new = [("i003", "view"), ("i003", "cart"), ("i007", "view"), ("i095", "view"), ("i003", "view")]
    raws = [_view(name, type=kind, at=NOW - 100 + place) for place, (name, kind) in enumerate(new)]
    for raw in raws:  # one item a batch: 90 relationships are more than 32
        assert ingest(store, [{**raw, "user_id": "ann"}], settings=settings, now=NOW).accepted == 1
    assert ingest(store, [{**raw, "user_id": "bob"} for raw in raws], settings=settings, now=NOW).accepted == 5
    text = """MATCH (u:User)-[r:INTERACTED]->(i) WITH u, i, r ORDER BY u.id, i.id, r.event
        RETURN u.id AS user, collect(r {.event, .count, .times, .weight, item: i.id}) AS rows ORDER BY user"""
    ann, bob = (row["rows"] for row in store.read_transaction(lambda tx: tx.run_text(text).data()))
    assert len(ann) == len(bob) == 92
    for one, other in zip(ann, bob, strict=True):
        assert one["weight"] == pytest.approx(other["weight"], rel=1e-9)
        assert {**one, "weight": 0} == {**other, "weight": 0}
    counts = {(row["item"], row["event"]): row["count"] for row in ann}
    assert counts["i003", "view"] == 3
    assert counts["i003", "cart"] == counts["i095", "view"] == 1
    assert counts["i007", "view"] == 2

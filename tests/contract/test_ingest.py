"""The one path in: partial acceptance, on every database."""

from __future__ import annotations

from engine.events.history import history
from engine.events.ingest import ingest
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

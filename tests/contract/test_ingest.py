"""The one path in: partial acceptance, on every database."""

from __future__ import annotations

from engine.events.ingest import ingest
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

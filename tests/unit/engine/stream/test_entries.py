from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import InvalidInputError, PayloadTooLargeError
from engine.stream.entries import Entry, dead_fields, encode

EVENT = {"type": "view", "user_id": "ü", "item_id": "i"}
LIMIT = 1024


def entry(data: bytes | None, entry_id: str = "1700000000000-3", **more: Any) -> Entry:
    return Entry(entry_id, data, **more)


def test_reads_what_redis_gives() -> None:
    found = Entry.of((b"1700000000000-3", {b"event": b"{}", b"create_missing": b"1"}))
    assert (found.id, found.data, found.create_missing, found.at) == ("1700000000000-3", b"{}", True, 1_700_000_000_000)
    assert Entry.of((b"1-0", {})).data is None


def test_what_is_put_in_comes_out() -> None:
    data = encode(EVENT, limit_bytes=LIMIT)
    raw = entry(data).raw(limit_bytes=LIMIT)
    assert {name: raw[name] for name in EVENT} == EVENT
    assert encode(json.dumps(EVENT), limit_bytes=LIMIT) == json.dumps(EVENT).encode()


def test_given_id_stays_and_an_absent_one_is_that_of_entry_and_content() -> None:
    assert entry(encode({**EVENT, "id": "mine"}, limit_bytes=LIMIT)).raw(limit_bytes=LIMIT)["id"] == "mine"
    data, other = encode(EVENT, limit_bytes=LIMIT), encode({**EVENT, "item_id": "j"}, limit_bytes=LIMIT)
    first = entry(data).raw(limit_bytes=LIMIT)["id"]
    assert first == entry(data).raw(limit_bytes=LIMIT)["id"]
    # A stream that was emptied may count from the same entry again.
    assert first != entry(other).raw(limit_bytes=LIMIT)["id"]
    assert first != entry(data, "1700000000000-4").raw(limit_bytes=LIMIT)["id"]
    assert first.startswith("s:") and len(first) == 34


def test_event_that_was_a_dead_letter_keeps_id_and_time() -> None:
    data = encode(EVENT, limit_bytes=LIMIT)
    again = Entry.of((b"1800000000000-0", {b"event": data, b"origin": b"1700000000000-3"}))
    assert again.raw(limit_bytes=LIMIT)["id"] == entry(data).raw(limit_bytes=LIMIT)["id"]
    assert again.at == 1_700_000_000_000
    assert Entry.of((b"1800000000000-0", {b"event": data, b"origin": b"nonsense"})).at == 1_800_000_000_000


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"1",
        b'{"user_id": "\xff"}',
        b'{"value": NaN}',
        b"[" * 900,
        b"\x00",
        b'{"a": ' + b"1" * 5,
    ],
    ids=["none", "empty", "cut", "list", "number", "latin", "nan", "deep", "zero", "open"],
)
def test_unreadable_entry_is_named(data: bytes | None) -> None:
    with pytest.raises(InvalidInputError) as caught:
        entry(data).raw(limit_bytes=LIMIT)
    assert caught.value.field == "event" and caught.value.remedy


def test_long_event_is_refused_on_both_sides() -> None:
    long = {**EVENT, "query": "x" * LIMIT}
    with pytest.raises(PayloadTooLargeError):
        encode(long, limit_bytes=LIMIT)
    with pytest.raises(PayloadTooLargeError):
        entry(json.dumps(long).encode()).raw(limit_bytes=LIMIT)


@pytest.mark.parametrize("event", [{"a": object()}, {"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud800"}])
def test_what_json_cannot_say_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        encode(event, limit_bytes=LIMIT, field="events[2]")
    assert caught.value.field == "events[2]"


def test_dead_letter_says_why() -> None:
    error = InvalidInputError("It is wrong.", field="event.value", value=7.5, remedy="Give another.")
    fields = dead_fields(entry(b"{}", create_missing=True), error, at=5)
    told = dict(zip(fields[::2], fields[1::2], strict=True))
    assert told == {
        "event": b"{}",
        "create_missing": "1",
        "entry": "1700000000000-3",
        "at": "5",
        "code": "invalid_input",
        "message": "It is wrong.",
        "field": "event.value",
        "value": "7.5",
        "remedy": "Give another.",
    }

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.domain import Event
from engine.errors import ConflictError, InvalidInputError, PayloadTooLargeError
from engine.events.identity import content_id, digest
from engine.events.parse import FIELDS, check_id, parse_event, parse_events
from engine.settings import EventSettings, EventTypeSettings

SETTINGS = EventSettings()
NOW = 1_800_000_000_000
VIEW = {"type": "view", "user_id": "u1", "item_id": "i1"}


def one(**changes: Any) -> Event:
    return parse_event({**VIEW, **changes}, settings=SETTINGS, now=NOW)


def test_a_full_event() -> None:
    event = one(id="e1", type="rating", at=NOW - 5, value=4, recommendation_id="r1")
    assert event == Event("e1", "rating", "u1", "i1", NOW - 5, 4.0, None, "r1")


def test_what_is_left_out_or_null_is_filled() -> None:
    event = one(at=None, id=None, value=None)
    assert event.at == NOW
    assert not event.at_given
    assert event.id == content_id("u1", "i1", "view", NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1970-01-01T02:00:00+01:00", 3_600_000),
        ("2026-01-31T12:00:00-05:30", 1_769_880_600_000),
    ],
)
def test_times_in_iso_8601(text: str, expected: int) -> None:
    assert one(at=text).at == expected


def test_a_search_has_a_query_and_no_item() -> None:
    raw = {"type": "search", "user_id": "u1", "query": "oat milk"}
    event = parse_event(raw, settings=SETTINGS, now=NOW)
    assert (event.item_id, event.query) == (None, "oat milk")


def test_an_own_type_is_accepted() -> None:
    own = EventSettings(types={"taste": EventTypeSettings(weight=1, half_life_days=1)})
    assert parse_event({**VIEW, "type": "taste"}, settings=own, now=NOW).type == "taste"


def test_a_clock_that_is_a_little_ahead_is_accepted() -> None:
    assert one(at=NOW + 300_000).at == NOW + 300_000


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ("text", "event", "object"),
        (None, "event", "object"),
        ([], "event", "object"),
        ({**VIEW, "colour": "red"}, "event.colour", "no such field"),
        ({**VIEW, 7: "red"}, "event.7", "no such field"),
        ({**VIEW, "type": "stare"}, "event.type", "not known"),
        ({**VIEW, "type": 3}, "event.type", "a text"),
        ({**VIEW, "type": None}, "event.type", "a text"),
        ({**VIEW, "type": ["view"]}, "event.type", "a text"),
        ({**VIEW, "user_id": None}, "event.user_id", "required"),
        ({**VIEW, "user_id": 12}, "event.user_id", "is a text"),
        ({**VIEW, "user_id": ""}, "event.user_id", "empty"),
        ({**VIEW, "user_id": " \t"}, "event.user_id", "empty"),
        ({**VIEW, "user_id": "u" * 10_000}, "event.user_id", "10000 characters"),
        ({**VIEW, "user_id": "a\x00b"}, "event.user_id", "control"),
        ({**VIEW, "user_id": "a\x85b"}, "event.user_id", "control"),
        ({**VIEW, "user_id": "a\nb"}, "event.user_id", "control"),
        ({**VIEW, "item_id": "a\ud800b"}, "event.item_id", "halves"),
        ({**VIEW, "item_id": None}, "event.item_id", "required"),
        ({**VIEW, "id": ""}, "event.id", "empty"),
        ({**VIEW, "id": 5}, "event.id", "is a text"),
        ({**VIEW, "query": "milk"}, "event.query", "on an item"),
        ({**VIEW, "recommendation_id": "\x1b[0m"}, "event.recommendation_id", "control"),
        ({**VIEW, "type": "search"}, "event.item_id", "no item"),
        ({"type": "search", "user_id": "u"}, "event.query", "required"),
        ({"type": "search", "user_id": "u", "query": "  "}, "event.query", "empty"),
        ({"type": "search", "user_id": "u", "query": "m" * 1001}, "event.query", "1001 characters"),
        ({**VIEW, "at": NOW + 300_001}, "event.at", "in the future"),
        ({**VIEW, "at": NOW * 1_000_000}, "event.at", "nanoseconds"),
        ({**VIEW, "at": NOW * 1_000}, "event.at", "microseconds"),
        ({**VIEW, "at": NOW // 1_000}, "event.at", "like seconds"),
        ({**VIEW, "type": "dwell"}, "event.value", "needs a value"),
        ({**VIEW, "type": "dwell", "value": -1}, "event.value", "out of range"),
        ({**VIEW, "type": "dwell", "value": 10**12}, "event.value", "out of range"),
        ({**VIEW, "type": "follow", "followed_id": "u2"}, "event.item_id", "on another user"),
        ({"type": "follow", "user_id": "u1"}, "event.followed_id", "required"),
        ({"type": "follow", "user_id": "u1", "followed_id": "u1"}, "event.followed_id", "themselves"),
        ({**VIEW, "followed_id": "u2"}, "event.followed_id", "on an item"),
        ({**VIEW, "context": "home"}, "event.context", "an object"),
        ({**VIEW, "context": {"k": [1]}}, "event.context.k", "short text"),
        ({**VIEW, "context": {"k": float("nan")}}, "event.context.k", "finite"),
        ({**VIEW, "context": {"k": 2**53 + 1}}, "event.context.k", "too large"),
        ({**VIEW, "context": {"k": "x" * 257}}, "event.context.k", "256"),
        ({**VIEW, "context": {"": 1}}, "event.context", "A name"),
        ({**VIEW, "context": {str(n): n for n in range(17)}}, "event.context", "at most 16"),
        ({**VIEW, "at": -1}, "event.at", "before 1970"),
        ({**VIEW, "at": "1969-12-31T23:59:59Z"}, "event.at", "before 1970"),
        ({**VIEW, "at": "0001-01-01T00:00:00+23:59"}, "event.at", "before 1970"),
        ({**VIEW, "at": "9999-12-31T23:59:59-23:59"}, "event.at", "in the future"),
        ({**VIEW, "at": "2026-01-31T12:00:00"}, "event.at", "no zone"),
        ({**VIEW, "at": "yesterday"}, "event.at", "not a time"),
        ({**VIEW, "at": True}, "event.at", "not a time"),
        ({**VIEW, "at": 1.5}, "event.at", "not a time"),
        ({**VIEW, "at": float("nan")}, "event.at", "not a time"),
        ({**VIEW, "value": "3"}, "event.value", "not a number"),
        ({**VIEW, "value": True}, "event.value", "not a number"),
        ({**VIEW, "value": float("nan")}, "event.value", "finite"),
        ({**VIEW, "value": float("inf")}, "event.value", "finite"),
        ({**VIEW, "value": float("-inf")}, "event.value", "finite"),
        ({**VIEW, "value": -0.5}, "event.value", "out of range"),
        ({**VIEW, "value": 10**400}, "event.value", "out of range"),
        ({**VIEW, "type": "rating"}, "event.value", "needs a value"),
        ({**VIEW, "type": "rating", "value": 0.99}, "event.value", "out of range"),
        ({**VIEW, "type": "rating", "value": 5.01}, "event.value", "out of range"),
    ],
)
def test_bad_input_is_named(raw: object, field: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_event(raw, settings=SETTINGS, now=NOW)
    assert caught.value.field == field
    assert words in caught.value.message
    assert caught.value.remedy


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError) as caught:
        one(type="stare")
    assert all(name in str(caught.value.remedy) for name in SETTINGS.types)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_json_gives_an_event_or_a_named_error(changes: dict[str, Any]) -> None:
    try:
        event = one(**changes)
    except InvalidInputError as error:
        assert error.field is not None
        assert error.field.startswith("event")
    else:
        assert 0 <= event.at <= NOW + 300_000
        event.user_id.encode()


def test_a_batch_names_the_place_of_what_it_refuses() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_events([VIEW, {**VIEW, "item_id": ""}], settings=SETTINGS, now=NOW)
    assert caught.value.field == "events[1].item_id"


@pytest.mark.parametrize("raws", [[], "events", b"events", {}, None, 3])
def test_a_batch_is_a_list(raws: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_events(raws, settings=SETTINGS, now=NOW)
    assert caught.value.field == "events"


def test_a_batch_has_a_limit() -> None:
    small = EventSettings(max_batch=2)
    assert len(parse_events([VIEW] * 2, settings=small, now=NOW)) == 2
    with pytest.raises(PayloadTooLargeError) as caught:
        parse_events([VIEW] * 3, settings=small, now=NOW)
    assert caught.value.value == 3


def test_the_same_id_twice() -> None:
    twice = [{**VIEW, "id": "e1"}, {**VIEW, "id": "e1"}]
    assert [event.id for event in parse_events(twice, settings=SETTINGS, now=NOW)] == ["e1", "e1"]
    with pytest.raises(ConflictError) as caught:
        parse_events([*twice, {**VIEW, "id": "e1", "item_id": "i2"}], settings=SETTINGS, now=NOW)
    assert (caught.value.field, caught.value.value) == ("events[2].id", "e1")


def test_equal_events_without_ids_are_events_of_their_own_and_stay_themselves() -> None:
    batch = [{**VIEW, "at": 5}, {**VIEW, "at": 6}, {**VIEW, "at": 5}]
    first = [event.id for event in parse_events(batch, settings=SETTINGS, now=NOW)]
    again = [event.id for event in parse_events(batch, settings=SETTINGS, now=NOW + 99)]
    assert len(set(first)) == 3
    assert first == again
    assert all(event_id.startswith("h:") and len(event_id) == 34 for event_id in first)


def test_a_retry_without_a_time_says_the_same() -> None:
    now, later = one(id="e"), parse_event({**VIEW, "id": "e"}, settings=SETTINGS, now=NOW + 1)
    assert digest(now) == digest(later)
    assert digest(now) != digest(one(id="e", at=NOW))


@pytest.mark.parametrize(
    "changes",
    [{"type": "cart"}, {"user_id": "u2"}, {"item_id": "i2"}, {"at": 2}, {"value": 1}, {"recommendation_id": "r"}],
)
def test_any_other_content_has_another_digest(changes: dict[str, Any]) -> None:
    assert digest(one(**{"at": 1, **changes})) != digest(one(at=1))


@pytest.mark.parametrize("value", ["a", "a" * 512, "ünï", "a b", "😀", "h:1"])
def test_good_ids_come_back(value: str) -> None:
    assert check_id(value, field="id") == value

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidInputError
from engine.stream.replay import Replay, parse_speed

START = 1_000_000


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def replay(clock: Clock, speed: float | None, **options: Any) -> Replay:
    return Replay(speed, clock=clock, sleep=clock.sleep, start=START, **options)


def events(*at: int) -> list[dict[str, Any]]:
    return [{"id": f"e{place}", "at": each} for place, each in enumerate(at)]


@pytest.mark.parametrize(("text", "speed"), [("100x", 100), ("2.5", 2.5), (" 1X ", 1), ("max", None), ("10×", 10)])
def test_speed(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "0x", "-1x", "fast", "1e3x", "nan"])
def test_no_speed(text: str) -> None:
    with pytest.raises(InvalidInputError, match="speed"):
        parse_speed(text)


def test_gaps_are_divided_by_the_speed() -> None:
    clock = Clock()
    seen = [(clock.now, [e["id"] for e in due.events]) for due in replay(clock, 10).due(events(0, 0, 20_000, 70_000))]
    assert seen == [(0.0, ["e0", "e1"]), (pytest.approx(2.0), ["e2"]), (pytest.approx(7.0), ["e3"])]


def test_as_fast_as_possible_waits_for_nothing_and_keeps_times() -> None:
    clock = Clock()
    found = list(replay(clock, None, most=2).due(events(5, 10**9, 10**12)))
    assert [[e["at"] for e in due.events] for due in found] == [[5, 10**9], [10**12]]
    assert clock.now == 0.0


def test_groups_have_a_bound() -> None:
    found = list(replay(Clock(), 1, most=3).due(events(*[7] * 8)))
    assert [len(due.events) for due in found] == [3, 3, 2]


def test_says_how_late_it_is_and_catches_up() -> None:
    clock = Clock()
    late = []
    for due in replay(clock, 1).due(events(0, 1_000, 2_000, 60_000)):
        late.append(due.late_s)
        if len(late) == 1:
            clock.now += 5
    assert late == pytest.approx([0, 4, 3, 0])
    assert clock.now == pytest.approx(60)


def test_shifted_events_are_other_events_of_now() -> None:
    found = list(replay(Clock(), 2, shift=True).due(events(50_000, 54_000)))
    assert [[(e["id"], e["at"]) for e in due.events] for due in found] == [
        [(f"r:{START}:e0", START)],
        [(f"r:{START}:e1", START + 2_000)],
    ]


def test_nothing_gives_nothing() -> None:
    assert list(replay(Clock(), 1).due([])) == []

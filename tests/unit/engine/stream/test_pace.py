from __future__ import annotations

import pytest

from engine.stream.pace import Pace


@pytest.mark.parametrize(
    ("waiting", "pause_s", "over"),
    [
        (0, 0.0, False),
        (1000, 0.0, False),
        (1250, 0.25, False),
        (1999, 0.999, False),
        (2000, 1.0, True),
        (9**9, 1.0, True),
    ],
)
def test_pause_grows_with_what_waits(waiting: int, pause_s: float, over: bool) -> None:
    pace = Pace(1000)
    assert pace.pause_s(lambda: waiting) == pytest.approx(pause_s)
    assert pace.is_over is over


def test_what_was_written_since_the_count_waits_too() -> None:
    now = 0.0
    pace = Pace(100, clock=lambda: now)
    assert pace.pause_s(lambda: 0) == 0
    pace.wrote(150)
    assert pace.pause_s(lambda: 0) == pytest.approx(0.5)
    pace.wrote(50)
    assert pace.is_over
    now = 1.0
    assert pace.pause_s(lambda: 0) == 0
    assert not pace.is_over


def test_asks_four_times_a_second_at_most() -> None:
    now, asked = 0.0, []

    def count() -> int:
        asked.append(now)
        return 0

    pace = Pace(10, clock=lambda: now)
    for step in range(100):
        now = step / 10
        pace.pause_s(count)
    assert len(asked) == 34

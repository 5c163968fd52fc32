"""The beat goes by a clock that nobody can set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry, Scheduler

from workers.beat import SteadyScheduler

SCHEDULE = {"often": {"task": "often", "schedule": 1.0}, "seldom": {"task": "seldom", "schedule": 5.0}}


class Clocks:
    """A wall clock and a steady one; both go on, one can be set."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.set_by = timedelta()

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds) + self.set_by


def sent_in(scheduler: Scheduler, clocks: Clocks, seconds: float) -> list[str]:
    """Run the beat's loop for some seconds of the steady clock."""
    sent: list[str] = []
    scheduler.apply_entry = lambda entry, producer=None: sent.append(entry.name)
    end = clocks.seconds + seconds
    while clocks.seconds < end:
        clocks.seconds += max(scheduler.tick(), 0.001)
    return sent


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr("workers.beat.time.monotonic", lambda: made.seconds)
    monkeypatch.setattr(ScheduleEntry, "default_now", lambda self: made.wall())
    return made


def scheduler_of(kind: type[Scheduler], clocks: Clocks) -> Any:
    app = Celery("test", broker="memory://")
    app.now = clocks.wall
    made = kind(app, schedule={}, max_interval=5)
    made.producer = None
    made.update_from_dict(SCHEDULE)
    return made


def test_a_clock_set_back_changes_nothing(clocks: Clocks) -> None:
    scheduler = scheduler_of(SteadyScheduler, clocks)
    before = sent_in(scheduler, clocks, 20)
    clocks.set_by = -timedelta(hours=1)
    after = sent_in(scheduler, clocks, 20)
    for sent in (before, after):
        assert sent.count("often") in (19, 20, 21)
        assert sent.count("seldom") in (3, 4, 5)


def test_a_clock_set_forward_sends_nothing_twice(clocks: Clocks) -> None:
    scheduler = scheduler_of(SteadyScheduler, clocks)
    sent_in(scheduler, clocks, 10)
    clocks.set_by = timedelta(hours=1)
    assert sent_in(scheduler, clocks, 10).count("often") in (9, 10, 11)


def test_the_usual_scheduler_would_wait_for_the_hour(clocks: Clocks) -> None:
    """Why there is one of our own."""
    scheduler = scheduler_of(Scheduler, clocks)
    assert sent_in(scheduler, clocks, 20)
    clocks.set_by = -timedelta(hours=1)
    assert not sent_in(scheduler, clocks, 20)

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.slots import Slots
from engine.errors import BusyError


def test_refuses_at_once_when_places_and_queue_are_taken() -> None:
    slots = Slots("writes", 1, queue=1, wait_s=180)
    go, inside = threading.Event(), threading.Event()

    def work() -> None:
        with slots.take():
            inside.set()
            go.wait(180)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(work)
        inside.wait(180)
        second = pool.submit(work)
        while slots.inside < 2:
            pass
        with pytest.raises(BusyError) as caught, slots.take():
            pass
        go.set()
        first.result(180)
        second.result(180)
    assert caught.value.retry_after_s >= 1 and caught.value.remedy
    with slots.take():
        assert slots.inside == 1
    assert slots.inside == 0


def test_waits_no_longer_than_it_may() -> None:
    slots = Slots("writes", 1, queue=5, wait_s=0.01)
    with slots.take(), pytest.raises(BusyError), slots.take():
        pass
    with slots.take():
        pass


def test_one_that_bounds_itself_may_wait_beside_the_queue() -> None:
    slots = Slots("writes", 1)
    with slots.take(), pytest.raises(BusyError), slots.take(wait_s=0.01):
        pass
    assert slots.inside == 0


def test_place_comes_back_after_an_error() -> None:
    slots = Slots("writes", 1)
    with pytest.raises(ZeroDivisionError), slots.take():
        raise ZeroDivisionError
    with slots.take():
        assert slots.inside == 1

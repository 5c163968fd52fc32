from __future__ import annotations

import threading

import pytest

from engine.errors import FreshnessTimeoutError, NotFoundError
from engine.graph.fresh import FreshReads


def test_gives_what_the_read_gives() -> None:
    assert FreshReads(180.0).run(lambda: [1, 2]) == [1, 2]


def test_gives_the_error_of_the_read() -> None:
    def read() -> None:
        raise NotFoundError("It is not there.")

    with pytest.raises(NotFoundError):
        FreshReads(180.0).run(read)


def test_waits_no_longer_than_it_may_and_takes_no_more_than_it_can() -> None:
    reads = FreshReads(0.05, most=2)
    release = threading.Event()
    for _ in range(3):
        # The third one does not even begin.
        with pytest.raises(FreshnessTimeoutError) as caught:
            reads.run(release.wait)
        assert caught.value.field == "freshness"
    begun = [thread for thread in threading.enumerate() if thread.name == "fresh-read"]
    assert len(begun) == 2
    release.set()
    for thread in begun:
        thread.join()
    assert FreshReads.run(FreshReads(180.0), lambda: 1) == 1
    reads.wait_s = 180.0
    assert reads.run(lambda: 3) == 3

"""The collector is held back, and comes back."""

from __future__ import annotations

import gc

import pytest

from engine.collector import collector_held


def test_it_is_off_inside_and_back_outside() -> None:
    assert gc.isenabled()
    with collector_held():
        assert not gc.isenabled()
        with collector_held():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_blocks_that_overlap_do_not_keep_it_off() -> None:
    first, second = collector_held(), collector_held()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.isenabled(), "the second block still lasts"
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), collector_held():
        raise ValueError("broken")
    assert gc.isenabled()


def test_whoever_has_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with collector_held():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()

"""Less memory held by glibc: one arena, and what is free given back."""

from __future__ import annotations

import ctypes
from typing import Any, Final

_M_ARENA_MAX: Final = -8


def _libc() -> Any:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def use_one_arena() -> bool:
    """Let every thread allocate from one arena; threads take turns for Python's lock anyway. False without glibc."""
    mallopt = getattr(_libc(), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, 1) == 1


def give_back() -> bool:
    """Give free pages back to the system, for when a whole state was replaced. False without glibc."""
    trim = getattr(_libc(), "malloc_trim", None)
    return trim is not None and trim(0) == 1

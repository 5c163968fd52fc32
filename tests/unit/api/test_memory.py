from __future__ import annotations

import platform

from api.memory import give_back, use_one_arena


def test_on_glibc_and_elsewhere() -> None:
    on_glibc = platform.libc_ver()[0] == "glibc"
    assert use_one_arena() is on_glibc
    assert give_back() in ((True, False) if on_glibc else (False,))

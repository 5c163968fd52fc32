from __future__ import annotations

import pytest

from api.request_ids import accept


@pytest.mark.parametrize("given", ["a", "6f1c3c0e-4d0b", "trace:1.2_3", "x" * 128])
def test_sane_one_is_kept(given: str) -> None:
    assert accept(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\nb", "-a", "é", "<script>", "a\n"])
def test_else_one_is_made(given: str | None) -> None:
    made = accept(given)
    assert made != given
    assert len(made) == 32
    assert accept(given) != made

from __future__ import annotations

from engine.pipelines.fold import Pace


def test_quick_folds_take_more_and_slow_ones_less() -> None:
    pace = Pace(2_000)
    pace.after(0.5, most=10_000)
    assert pace.events == 4_000
    pace.after(2.5, most=10_000)
    assert pace.events == 4_000
    for _ in range(3):
        pace.after(0.1, most=10_000)
    assert pace.events == 10_000
    for _ in range(20):
        pace.after(60.0, most=10_000)
    assert 0 < pace.events < 500
    pace.after(0.1, most=100)
    assert pace.events == 100

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.cooccurrence.delta import Segment, Step, as_columns, count_changes, join_runs
from engine.interests.decay import merge, value_at

DAY = 86_400_000
HALF_LIFE_MS = 5.0 * DAY
WINDOW = 3


def whole(steps: list[Step], new: set[str]) -> Segment:
    ordered = sorted(steps)
    return Segment(tuple(ordered), tuple(step.id in new for step in ordered))


class EdgeDelta(NamedTuple):
    source: str
    target: str
    weight: float
    count: int
    updated_at: int


def changes(*segments: Segment, window: int = WINDOW, backward: float = 0.3) -> dict[tuple[str, str], EdgeDelta]:
    columns = as_columns(segments, [0.0 for segment in segments for _ in segment.steps])
    found = count_changes(columns, window=window, backward=backward, half_life_ms=HALF_LIFE_MS)
    names = columns.names
    return {
        (names[source], names[target]): EdgeDelta(names[source], names[target], weight, count, at)
        for source, target, weight, count, at in zip(
            found.source.tolist(),
            found.target.tolist(),
            found.weight.tolist(),
            found.count.tolist(),
            found.updated_at.tolist(),
            strict=True,
        )
    }


def test_a_new_event_at_the_end_only_adds() -> None:
    steps = [Step(0, "1", "a"), Step(DAY, "2", "b"), Step(2 * DAY, "3", "c")]
    assert changes(whole(steps, {"3"}), backward=0.0) == {
        ("a", "c"): EdgeDelta("a", "c", 0.5, 1, 2 * DAY),
        ("b", "c"): EdgeDelta("b", "c", 1.0, 1, 2 * DAY),
    }


def test_a_late_event_pushes_others_apart() -> None:
    steps = [Step(0, "1", "a"), Step(DAY, "2", "b"), Step(2 * DAY, "3", "c")]
    assert changes(whole(steps, {"2"}), backward=0.0, window=2) == {
        ("a", "b"): EdgeDelta("a", "b", 1.0, 1, DAY),
        ("b", "c"): EdgeDelta("b", "c", 1.0, 1, 2 * DAY),
        ("a", "c"): EdgeDelta("a", "c", -0.5, 0, 2 * DAY),
    }


def test_a_late_event_pushes_a_pair_out_of_the_window() -> None:
    steps = [Step(0, "1", "a"), Step(DAY, "2", "b"), Step(2 * DAY, "3", "c")]
    found = changes(whole(steps, {"2"}), backward=0.0, window=1)
    assert found["a", "c"] == EdgeDelta("a", "c", -1.0, -1, 2 * DAY)


def test_nothing_new_changes_nothing() -> None:
    assert changes(whole([Step(0, "1", "a"), Step(1, "2", "b")], set())) == {}
    assert changes() == {}


def test_overlapping_runs_are_joined_and_others_stay_apart() -> None:
    a, b, c, d, e = (Step(number, str(number), "x") for number in range(5))
    segments = join_runs([[c, b], [a, b], [e], [], [d]], frozenset({"1", "4"}))
    assert [segment.steps for segment in segments] == [(a, b, c), (d,), (e,)]
    assert segments[0].new == (False, True, False)


steps_of_one_user = st.lists(
    st.tuples(st.integers(0, 20 * DAY), st.sampled_from("abcde"), st.integers(0, 4)), min_size=1, max_size=14
)


@hypothesis_settings(deadline=None)
@given(st.lists(steps_of_one_user, min_size=1, max_size=2), st.booleans())
def test_batches_in_any_order_sum_to_counting_at_once(users: list[list[tuple[int, str, int]]], cut: bool) -> None:
    """The third number of an event is the batch it comes in: late events included."""
    total: dict[tuple[str, str], tuple[float, int, int]] = {}
    for batch in range(5):
        segments = []
        for user in users:
            steps = [(Step(at, f"{n:02}", item), when) for n, (at, item, when) in enumerate(user)]
            present = sorted(step for step, when in steps if when <= batch)
            new = frozenset(step.id for step, when in steps if when == batch)
            runs = [present]
            if cut:  # only the windows around new steps, as the fold reads them
                places = [place for place, step in enumerate(present) if step.id in new]
                runs = [present[max(0, place - WINDOW) : place + WINDOW + 1] for place in places]
            segments += join_runs(runs, new)
        for edge, delta in changes(*segments).items():
            weight, count, updated_at = total.get(edge, (0.0, 0, 0))
            weight, updated_at = merge(weight, updated_at, delta.weight, delta.updated_at, HALF_LIFE_MS)
            total[edge] = (weight, count + delta.count, updated_at)
    at_once = changes(
        *(
            whole([Step(at, f"{n:02}", i) for n, (at, i, _) in enumerate(u)], {f"{n:02}" for n in range(20)})
            for u in users
        )
    )
    assert {edge for edge, (_, count, _) in total.items() if count} == at_once.keys()
    now = 20 * DAY
    for edge, (weight, count, updated_at) in total.items():
        expected = at_once.get(edge)
        assert count == (expected.count if expected else 0)
        value = value_at(expected.weight, expected.updated_at, now, HALF_LIFE_MS) if expected else 0.0
        assert value_at(weight, updated_at, now, HALF_LIFE_MS) == pytest.approx(value, rel=1e-9, abs=1e-12)

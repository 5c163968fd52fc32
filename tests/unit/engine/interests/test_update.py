from __future__ import annotations

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest import approx

from engine.domain import MS_PER_DAY, Event
from engine.interests.decay import value_at
from engine.interests.update import UserUpdate, summarise
from engine.settings import EventSettings, EventTypeSettings, InterestSettings, Settings

SETTINGS = Settings(
    _env_file=None,
    events=EventSettings(
        types={
            "buy": EventTypeSettings(weight=1.0, half_life_days=10),
            "no": EventTypeSettings(weight=-1.0, half_life_days=5, in_sequence=False),
            "search": EventTypeSettings(weight=0.5, half_life_days=5, in_sequence=False),
        }
    ),
    interests=InterestSettings(half_life_days=20),
)


def event(number: int, user: str, item: str | None, day: float, kind: str = "buy", query: str | None = None) -> Event:
    return Event(f"e{number}", kind, user, item, int(day * MS_PER_DAY), query=query)


def test_one_batch_by_hand() -> None:
    updates = summarise(
        [
            event(1, "b", "x", 10),
            event(2, "b", "x", 0),
            event(3, "a", "x", 0, "no"),
            event(4, "b", "y", 20, "no"),
            event(5, "b", None, 3, "search", "oat milk"),
        ],
        SETTINGS,
    )
    assert [update.user_id for update in updates] == ["a", "b"]
    of_b = updates[1]
    assert [entry.id for entry in of_b.events] == ["e1", "e2", "e4", "e5"]
    bought = of_b.interactions["x", "buy"]
    assert (bought.weight, bought.updated_at) == (1.5, 10 * MS_PER_DAY)
    assert bought.times == [0, 10 * MS_PER_DAY]
    assert set(of_b.interactions) == {("x", "buy"), ("y", "no")}
    assert of_b.items["x"].mass == approx(1.0 + 0.5**0.5)
    assert of_b.items["y"].mass == -1.0
    assert (of_b.searches["oat milk"].mass, of_b.searches["oat milk"].updated_at) == (0.5, 3 * MS_PER_DAY)


def seen(updates: list[UserUpdate]) -> dict[tuple[str, ...], float]:
    """Every value as of day 100, so that sums in another order can be compared."""
    now = 100 * MS_PER_DAY
    values = {}
    for update in updates:
        for key, move in update.interactions.items():
            values[(update.user_id, *key)] = value_at(move.weight, move.updated_at, now, move.half_life_ms)
            values[(update.user_id, *key, "count")] = float(len(move.times))
            values[(update.user_id, *key, "times")] = float(sum(move.times))
        for item, mass in update.items.items():
            values[(update.user_id, item)] = value_at(mass.mass, mass.updated_at, now, 20 * MS_PER_DAY)
    return values


@hypothesis_settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.floats(0, 100), st.sampled_from(["buy", "no"])),
        max_size=15,
    ),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter(rows: list[tuple[str, str, float, str]], random: object) -> None:
    events = [event(number, *row) for number, row in enumerate(rows)]
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = seen(summarise(events, SETTINGS)), seen(summarise(shuffled, SETTINGS))
    assert one.keys() == other.keys()
    assert all(one[key] == approx(other[key], rel=1e-9, abs=1e-12) for key in one)

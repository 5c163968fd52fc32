"""The worked example of docs/interests.md: one user, two items, three interests, five events, every number by hand.

Half-lives: interests 60 days. Weights: view 0.2, cart 0.6, purchase 1, dislike -1.

    oat drink  is about  dairy .5   plant .5
    cheddar    is about  dairy .75  snack .25

    day   0   ann views the oat drink         dairy +0.1                      plant +0.1
    day   0   ann puts it into the cart       dairy +0.3                      plant +0.3
    day  60   ann buys the oat drink          dairy 0.4/2 + 0.5 = 0.7         plant 0.4/2 + 0.5 = 0.7
    day 120   ann buys cheddar                dairy 0.7/2 + 0.75 = 1.1        snack 0.25
    day 180   ann dislikes cheddar            dairy 1.1/2 - 0.75 = -0.2       snack 0.25/2 - 0.25 = -0.125

On day 180 nothing touched plant since day 60: 0.7 / 2 / 2 = 0.175.
"""

from __future__ import annotations

import itertools

import pytest

from engine.domain import MS_PER_DAY, Event
from engine.interests.history import InterestState, interest_mass, interests_at, shares
from engine.interests.read import share_out
from engine.settings import EventSettings, InterestSettings, Settings

SETTINGS = Settings(_env_file=None, events=EventSettings(), interests=InterestSettings(half_life_days=60))
ABOUT = {"oat drink": [("dairy", 0.5), ("plant", 0.5)], "cheddar": [("dairy", 0.75), ("snack", 0.25)]}
DAY = MS_PER_DAY
EVENTS = [
    Event("1", "view", "ann", "oat drink", 0),
    Event("2", "cart", "ann", "oat drink", 0),
    Event("3", "purchase", "ann", "oat drink", 60 * DAY),
    Event("4", "purchase", "ann", "cheddar", 120 * DAY),
    Event("5", "dislike", "ann", "cheddar", 180 * DAY),
]


def state(mass: float, count: int, day: int) -> InterestState:
    return InterestState(pytest.approx(mass), count, day * DAY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, {"dairy": state(0.4, 2, 0), "plant": state(0.4, 2, 0)}),
        (60, {"dairy": state(0.7, 3, 60), "plant": state(0.7, 3, 60)}),
        (120, {"dairy": state(1.1, 4, 120), "plant": state(0.7, 3, 60), "snack": state(0.25, 1, 120)}),
        (180, {"dairy": state(-0.2, 5, 180), "plant": state(0.7, 3, 60), "snack": state(-0.125, 2, 180)}),
    ],
)
def test_mass_by_mass(day: int, expected: dict[str, InterestState]) -> None:
    assert interests_at(EVENTS, ABOUT, SETTINGS, day * DAY) == expected


@pytest.mark.parametrize(
    ("day", "mass", "expected"),
    [
        (0, 0.8, {"dairy": 0.5, "plant": 0.5}),
        (60, 1.4, {"dairy": 0.5, "plant": 0.5}),
        # Snack enters with what its evidence earns, .25 of 1.7; the others give way.
        (120, 1.7, {"dairy": 1.1 / 1.7, "plant": 0.35 / 1.7, "snack": 0.25 / 1.7}),
        (180, 0.175, {"dairy": 0.0, "plant": 1.0, "snack": 0.0}),
    ],
)
def test_share_by_share(day: int, mass: float, expected: dict[str, float]) -> None:
    states = interests_at(EVENTS, ABOUT, SETTINGS, day * DAY)
    assert interest_mass(states, day * DAY, SETTINGS) == pytest.approx(mass)
    assert shares(states, SETTINGS) == pytest.approx(expected)


def test_a_share_changes_with_events_only() -> None:
    states = interests_at(EVENTS[:4], ABOUT, SETTINGS)
    later = interest_mass(states, 240 * DAY, SETTINGS)
    assert later == pytest.approx(1.7 / 4)
    dairy = states["dairy"].weight * 2.0 ** ((states["dairy"].updated_at - 240 * DAY) / (60 * DAY))
    assert dairy / later == pytest.approx(1.1 / 1.7)


def test_the_order_does_not_matter() -> None:
    whole = interests_at(EVENTS, ABOUT, SETTINGS)
    for order in itertools.permutations(EVENTS):
        assert interests_at(order, ABOUT, SETTINGS) == whole


def test_declared_and_inferred_beside_it() -> None:
    # On day 120: behaviour 1.1, .35 and .25; plant declared with 1; the merged share of plant is 1.35 of 2.7.
    states = interests_at(EVENTS, ABOUT, SETTINGS, 120 * DAY)
    rows = [
        {
            "id": name, "kind": "category", "name": name, "source": "behaviour", "updated_at": found.updated_at,
            "value": found.weight * 2.0 ** ((found.updated_at - 120 * DAY) / (60 * DAY)), "count": found.count,
        }
        for name, found in states.items()
    ]  # fmt: skip
    declared = {"id": "plant", "kind": "category", "name": "plant", "source": "declared", "value": 1.0, "updated_at": 0}
    merged = {interest.id: interest.share for interest in share_out([*rows, declared])}
    assert merged == pytest.approx({"dairy": 1.1 / 2.7, "plant": 1.35 / 2.7, "snack": 0.25 / 2.7})

from __future__ import annotations

from engine.events.ingest import EventOutcome
from engine.ranking.answers import new_recommendation_id
from engine.ranking.click_through import MOST_VERSIONS, OTHER, FollowUps


def accepted(place: int) -> EventOutcome:
    return EventOutcome(place, f"e{place}", "accepted")


def test_counts_what_was_accepted_by_version_and_type() -> None:
    first, second = "v20260101000000", "v20260202000000"
    raws = [
        {"type": "impression", "recommendation_id": new_recommendation_id(first)},
        {"type": "impression", "recommendation_id": new_recommendation_id(first)},
        {"type": "click", "recommendation_id": new_recommendation_id(first)},
        {"type": "click", "recommendation_id": new_recommendation_id(second)},
        {"type": "click", "recommendation_id": new_recommendation_id(None)},
        {"type": "click", "recommendation_id": "of somebody else"},
        {"type": "click"},
        "no event",
        {"type": "click", "recommendation_id": new_recommendation_id(first)},
        {"type": "click", "recommendation_id": new_recommendation_id(first)},
    ]
    outcomes = [accepted(place) for place in range(8)]
    outcomes += [EventOutcome(8, "e2", "duplicate"), EventOutcome(9, "e9", "refused")]
    assert FollowUps().count(raws, outcomes) == {
        (first, "impression"): 2,
        (first, "click"): 1,
        (second, "click"): 1,
        ("none", "click"): 1,
    }


def test_made_up_versions_are_bounded() -> None:
    follow_ups = FollowUps()
    raws = [
        {"type": "click", "recommendation_id": new_recommendation_id(f"v{number:014d}")}
        for number in range(MOST_VERSIONS + 3)
    ]
    counts = follow_ups.count(raws, [accepted(place) for place in range(len(raws))])
    assert len(counts) == MOST_VERSIONS + 1
    assert counts[OTHER, "click"] == 3
    assert follow_ups.count(raws[:1], [accepted(0)]) == {("v" + "0" * 14, "click"): 1}

"""Reasons in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.domain import MS_PER_DAY, EpochMs, Term

_DID: Final = {
    "purchase": "bought",
    "view": "viewed",
    "cart": "put into your cart",
    "rating": "rated",
    "like": "liked",
    "share": "shared",
    "click": "clicked on",
    "dwell": "looked at",
}
_OFTEN: Final = {
    "purchase": "people who bought it often take {this} next",
    "view": "people who viewed it often go on to {this}",
}
_LONGEST_TITLE: Final = 80


def sentence(terms: Sequence[Term], now: EpochMs) -> str:
    """Give the strongest reason as one sentence.

    The graph's paths come first, because they can be checked: of co-occurrence, interests and similar users the one
    with the largest value. Without any, the history as a whole is the reason, then what people with the same attributes
    take, and at last popularity. An item that was passed by says so in a second sentence.

    Args:
        terms: Terms of an item with their paths.
        now: The time of the answer, epoch ms.
    """
    by_name = {term.name: term for term in terms}
    shown = by_name.get("fatigue")
    if shown is None or not shown.path:
        return _best(by_name, now)
    return f"{_best(by_name, now)} {_by_fatigue(shown.path[0], now)}"


def _best(by_name: Mapping[str, Term], now: EpochMs) -> str:
    graph = [by_name[name] for name in ("co_occurrence", "interests", "neighbours") if name in by_name]
    best = max((term for term in graph if term.path and term.value > 0), key=lambda term: term.value, default=None)
    if best is not None:
        first = best.path[0]
        if best.name == "neighbours":
            return "Because people like you, or whom you follow, took it lately."
        return _by_co_occurrence(first, now) if best.name == "co_occurrence" else _by_interest(first)
    sequence = by_name.get("sequence")
    if sequence is not None:
        return _by_sequence(sequence, now)
    demographics = by_name.get("demographics")
    if demographics is not None and demographics.path and demographics.value > 0:
        return _by_demographics(demographics.path[0])
    popularity = by_name.get("popularity")
    if popularity is not None and popularity.path:
        return _by_popularity(popularity.path[0])
    return "Because it fits what is known of you."


def ago(at: EpochMs, now: EpochMs) -> str:
    """Say how long ago a time was, in whole days, months or years."""
    days = max(0, int((now - at) // MS_PER_DAY))
    if days == 0:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 60:
        return f"{days} days ago"
    if days < 730:
        return f"{round(days / 30.44)} months ago"
    return f"{round(days / 365.25)} years ago"


def _by_co_occurrence(step: Mapping[str, Any], now: EpochMs) -> str:
    did = _DID.get(step["event"], "chose")
    if step.get("source") == "resembles":
        return f"Because it resembles {_name(step)}, which you {did} {ago(step['at'], now)}."
    often = _OFTEN.get(step["event"], "people who did often take {this} next")
    # Of an inferred edge nobody has taken the item; what it resembles was taken.
    this = "things like this" if step.get("source") == "inferred" else "this"
    return f"Because you {did} {_name(step)} {ago(step['at'], now)}: {often.format(this=this)}."


def _by_fatigue(step: Mapping[str, Any], now: EpochMs) -> str:
    days = max(1, math.ceil((now - step["first_at"]) / MS_PER_DAY))
    times = "once" if step["count"] == 1 else f"{step['count']} times"
    return f"It was shown {times} in the last {'day' if days == 1 else f'{days} days'} and fades."


def _by_interest(step: Mapping[str, Any]) -> str:
    name = step["name"] or step["interest_id"]
    percent = round(100 * step["user_share"])
    share = f", {percent} % of your interests" if percent >= 1 else ""
    return f"Because you like {name}{share}."


def _by_sequence(term: Term, now: EpochMs) -> str:
    steps: Sequence[Mapping[str, Any]] = term.path
    if not steps:
        return "Because of what you did lately."
    step = steps[0]
    return f"Because of what you did lately, above all that you {_DID.get(step['event'], 'chose')} {_name(step)} " + (
        f"{ago(step['at'], now)}."
    )


def _by_demographics(step: Mapping[str, Any]) -> str:
    attribute = str(step["attribute"]).replace("_", " ")
    return f"Because people with the same {attribute} as you ({step['name']}) take it more often than others."


def _by_popularity(step: Mapping[str, Any]) -> str:
    return f"Because many people take it at present: number {step['rank']} of {step['of']}."


def _name(step: Mapping[str, Any]) -> str:
    title = str(step["title"] or step["item_id"])
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"

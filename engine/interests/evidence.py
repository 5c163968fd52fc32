"""What is behind a user's interests: the items that behaviour was on, with what each gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.domain import EpochMs
from engine.events.log import Log
from engine.graph.store import Tx
from engine.interests.decay import days_ms
from engine.interests.history import gifts
from engine.settings import Settings

Wider = Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one type of behaviour on one item gave to an interest.

    Attributes:
        item_id: The item; none for searches.
        title: Its title, where it has one.
        type: Type of the events.
        gave: Sum of what they gave, decayed to the time asked for; negative where they lowered the interest. Over
            everything that is behind an interest these sum to its mass.
        count: How many events.
        last_at: Time of the newest, epoch ms.
    """

    item_id: str | None
    title: str | None
    type: str
    gave: float
    count: int
    last_at: EpochMs


def evidence_of(
    tx: Tx,
    log: Log,
    interest_ids: Sequence[str],
    settings: Settings,
    *,
    at: EpochMs,
    limit: int,
    wider: Wider = MappingProxyType({}),
) -> dict[str, tuple[Evidence, ...]]:
    """Give the evidence of interests, what moved them most first.

    Args:
        tx: The transaction.
        log: The user's events.
        interest_ids: Interests asked for.
        settings: Registry of types, half-life of interests.
        at: The time that gifts are decayed to, epoch ms.
        limit: Most items of an interest.
        wider: Interests that one is part of, with what they get for each 1 that it gets, by its id.
    """
    half_life_ms = days_ms(settings.interests.half_life_days)
    wanted = set(interest_ids)
    sums: dict[str, dict[tuple[str | None, str], tuple[float, int, EpochMs]]] = {}
    for event in log.events:
        for interest_id, part in _with_wider(gifts(event, log.about, settings), wider):
            if interest_id not in wanted:
                continue
            by_item = sums.setdefault(interest_id, {})
            key = (event.item_id, event.type)
            gave, count, last_at = by_item.get(key, (0.0, 0, 0))
            # An event of the near future has not begun to fade.
            faded = part * 2.0 ** (min(0, event.at - at) / half_life_ms)
            by_item[key] = (gave + faded, count + 1, max(last_at, event.at))
    strongest = {
        interest_id: sorted(by_item.items(), key=lambda pair: (-abs(pair[1][0]), pair[0][0] or "", pair[0][1]))[:limit]
        for interest_id, by_item in sums.items()
    }
    items = sorted({key[0] for pairs in strongest.values() for key, _ in pairs if key[0] is not None})
    titles = {row["id"]: row["title"] for row in tx.run("interests/titles", ids=items)} if items else {}
    return {
        interest_id: tuple(
            Evidence(item_id, titles.get(item_id) if item_id is not None else None, event_type, gave, count, last_at)
            for (item_id, event_type), (gave, count, last_at) in pairs
        )
        for interest_id, pairs in strongest.items()
    }


def _with_wider(given: Iterable[tuple[str, float]], wider: Wider) -> Iterator[tuple[str, float]]:
    for interest_id, part in given:
        yield interest_id, part
        for name, weight in wider.get(interest_id, ()):
            yield name, part * weight

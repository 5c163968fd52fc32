"""The course of one interest: how it appeared, grew and faded, read through the API at past times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.domain import MS_PER_DAY
from engine.graph.analyst import ask
from engine.graph.store import GraphStore
from interestgraph.client import Client

STEP_DAYS: Final = 7
_LEAST_EVENTS: Final = 10
_QUIET_DAYS: Final = 21

# Appeared after four weeks of other purchases, and then was left alone again: of such, the one with the most events.
_FOUND: Final = """
MATCH (e:Event) WITH min(e.at) AS begin, max(e.at) AS end
MATCH (u:User)-[r:INTERACTED {event: 'purchase'}]->(:Item)-[:ABOUT]->(x:Interest {kind: 'category'})
UNWIND r.times AS at
WITH begin, end, u, x, min(at) AS first, max(at) AS last, count(*) AS events
WHERE events >= $least AND first > begin + 28 * $day AND last < end - $quiet * $day
WITH begin, end, u, x, first, events ORDER BY events DESC, u.id, x.id LIMIT 20
WHERE EXISTS { MATCH (e:Event {user_id: u.id}) WHERE e.at >= begin AND e.at < first - 7 * $day }
RETURN u.id AS user, x.id AS interest, x.name AS name, events, begin, end
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Course:
    """One interest of one user over time.

    Attributes:
        user_id: The user.
        interest_id: The interest.
        name: Its name.
        events: Events behind it.
        at: Times, epoch ms, one a week.
        share: Its part of the user's interests at each.
        weight: What behaviour had made of it at each.
    """

    user_id: str
    interest_id: str
    name: str
    events: int
    at: tuple[int, ...]
    share: tuple[float, ...]
    weight: tuple[float, ...]


def find_course(store: GraphStore, client: Client) -> Course | None:
    """Find an interest that came and went, and read its course; none where the data have no such.

    Args:
        store: The graph, for the search.
        client: The API, for the interests at each time.
    """
    parameters = {"least": _LEAST_EVENTS, "day": MS_PER_DAY, "quiet": _QUIET_DAYS}
    rows = ask(store, _FOUND, parameters, limit=1).rows
    if not rows:
        return None
    found = rows[0]
    step = STEP_DAYS * MS_PER_DAY
    times = range(int(found["begin"]) + step, int(found["end"]) + 1, step)
    share, weight = [], []
    for at in times:
        interests = {entry.id: entry for entry in client.interests(found["user"], 1000, at=at)}
        entry = interests.get(found["interest"])
        share.append(0.0 if entry is None else entry.share)
        weight.append(0.0 if entry is None else entry.behaviour or 0.0)
    return Course(
        found["user"], found["interest"], found["name"], found["events"], tuple(times), tuple(share), tuple(weight)
    )

"""From all items to the best few.

Every item is scored, exactly; a partial sort then takes the best that the filters let through. So a filter never
leaves fewer than asked for while more exist: it is applied to the scores of all items, not to a cut list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.ranking.state import Float64, Mask, Snapshot


def best_items(snapshot: Snapshot, total: Float64, allowed: Mask, number: int) -> npt.NDArray[np.int64]:
    """Give the best allowed items, best first; equal scores by id.

    Args:
        snapshot: The items.
        total: Score of each [I].
        allowed: Which may come back [I].
        number: Most items.

    Returns:
        Indices; as many as asked for, or all that are allowed.
    """
    places = np.flatnonzero(allowed)
    if len(places) > number:
        scores = total[places]
        # Everything at or above the last place's score stays, so that the tie is broken by id and not by chance.
        bar = np.partition(scores, len(scores) - number)[len(scores) - number]
        places = places[scores >= bar]
    ids = snapshot.catalogue.ids
    ordered = sorted(places.tolist(), key=lambda place: (-total[place], ids[place]))
    return np.array(ordered[:number], np.int64)

"""Interests that a user states, beside those that behaviour shows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.domain import EpochMs
from engine.errors import InvalidInputError, UnknownReferenceError
from engine.graph.store import GraphStore, Tx


def declare_interests(store: GraphStore, user_id: str, weights: Mapping[str, float], *, at: EpochMs) -> int:
    """Replace what a user had declared; a user who is not there is made.

    Args:
        store: The graph.
        user_id: The user.
        weights: Weight of each interest, by its id; 1 is as much as one fresh purchase.
        at: When it was declared, epoch ms.

    Returns:
        How many interests are declared now.

    Raises:
        InvalidInputError: A weight is not a positive finite number.
        UnknownReferenceError: An interest is not in the graph; nothing is written then.
    """
    for interest_id, weight in weights.items():
        if isinstance(weight, bool) or not (isinstance(weight, (int, float)) and 0 < weight < math.inf):
            raise InvalidInputError(
                "The weight of an interest is a positive finite number.",
                field=f"interests.{interest_id}",
                value=weight,
                remedy="Leave an interest out to withdraw it.",
            )
    rows = [{"id": interest_id, "weight": float(weights[interest_id])} for interest_id in sorted(weights)]

    def work(tx: Tx) -> int:
        [found] = tx.run("interests/declare", user_id=user_id, interests=rows, at=at)
        if found["missing"]:
            raise UnknownReferenceError(
                "The interest is not in the graph.",
                field="interests",
                value=found["missing"][0],
                remedy="Import items that are about it first.",
            )
        return int(found["declared"])

    return store.write_transaction(work)

"""What a peer is given and what it gives back; our metrics on it.

It is given the histories and the validation targets as arrays, never the test targets. It gives back vectors whose dot
products are its scores, so all items are ranked here, by the code that ranks ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidInputError
from engine.evaluation.case import Case
from engine.evaluation.protocols import Ranks, rank
from engine.training.data import Targets

Float32 = npt.NDArray[np.float32]


def hand_over(case: Case, path: Path) -> None:
    """Write the histories that end with the validation target; all but the last event of each is what is trained on.

    Args:
        case: Data with the leave-one-out split.
        path: File, .npz with `offsets` [U + 1], `items` [N] and `item_count`.

    Raises:
        InvalidInputError: A user is too short to be measured; the libraries hold out an event of every user.
    """
    history = case.split.test.history
    if len(case.split.test.users) != history.users:
        raise InvalidInputError(
            "A user has fewer than three events.",
            field="sequences",
            value=history.users - len(case.split.test.users),
            remedy="Give data whose users have three events at least.",
        )
    np.savez(path, offsets=history.offsets, items=history.items, item_count=len(case.data.items))


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a peer has learnt.

    Attributes:
        items: Vector of each item [I, D].
        ranked: Whether the library can recommend the item, bool [I]; others are never found.
        valid: Vector of each user who is asked for the validation target [U, D].
        test: Vector of each user who is asked for the test target [U, D].
    """

    items: Float32
    ranked: npt.NDArray[np.bool_]
    valid: Float32
    test: Float32

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what the peer wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["items"], arrays["ranked"], arrays["valid"], arrays["test"])

    def rank(self, users: Float32, targets: Targets) -> Ranks:
        """Rank the targets among the whole catalogue, history removed.

        Args:
            users: Vectors, `valid` or `test`.
            targets: What is asked for.
        """

        def scores(asked: npt.NDArray[np.integer]) -> Float32:
            found: Float32 = users[asked] @ self.items.T
            found[:, ~self.ranked] = -np.inf
            return found

        return rank(scores, targets, protocol="discovery")

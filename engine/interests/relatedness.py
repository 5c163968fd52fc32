"""How related interests are, by how users and items share them: normalised pointwise mutual information.

Draw a user with a chance that goes with how much is known of them, w_u = m_u / (1 + m_u) for a decayed mass m_u, then
two interests by the user's shares s_u. With W = Σ w_u the chance of the two, and of each, is

    P(x, y) = Σ_u w_u/W · s_u(x) · s_u(y)        P(x) = Σ_u w_u/W · s_u(x) = Σ_y P(x, y)

    npmi(x, y) = ln( P(x, y) / (P(x) · P(y)) ) / −ln P(x, y)

which is 0 where the two are independent, 1 where neither comes without the other, and negative where they avoid each
other (Bouma 2009, Normalized (Pointwise) Mutual Information in Collocation Extraction). Items say the same by their
ABOUT weights, each item alike. Two interests are related by

    weight(x, y) = part · sure_users · npmi_users(x, y) + (1 − part) · sure_items · npmi_items(x, y)

    sure = n / (n + n_min) for n users or items that have both, 0 where n < n_min

so that a rare pair cannot win by chance. Those above 0 are kept, the strongest k of each interest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Carriers:
    """Users or items, and what part each interest has in them.

    Attributes:
        shares: CSR [carriers, interests]; rows sum to 1.
        chance: Chance of each to be drawn; sums to 1.
    """

    shares: sparse.csr_array
    chance: Floats

    @classmethod
    def of(cls, weights: sparse.csr_array, mass: Floats) -> Carriers:
        """Make carriers of weights of any scale.

        Args:
            weights: CSR [carriers, interests], none negative; a row without weights is left out.
            mass: How much each carrier counts, [carriers].
        """
        sums = np.asarray(weights.sum(axis=1)).ravel()
        kept = (sums > 0) & (mass > 0)
        rows = weights[kept]
        shares = sparse.csr_array(sparse.diags_array(1.0 / sums[kept]) @ rows)
        total = float(mass[kept].sum())
        return cls(shares, mass[kept] / total if total > 0 else mass[kept])

    def marginals(self) -> Floats:
        """Give P(x) of each interest."""
        return np.asarray(self.shares.T @ self.chance, dtype=np.float64).ravel()


@dataclass(frozen=True, slots=True)
class Related:
    """The strongest relations of some interests, sorted by source, then strongest first.

    Attributes:
        source: Index of the interest, [E].
        target: Index of the other one, [E].
        weight: How related they are, [E].
        by_users: Its npmi by users, 0 below the minimum, [E].
        by_items: Its npmi by items, 0 below the minimum, [E].
        users: Users who have both, [E].
        items: Items that are about both, [E].
    """

    source: Ints
    target: Ints
    weight: Floats
    by_users: Floats
    by_items: Floats
    users: Ints
    items: Ints


def known_weight(mass: Floats) -> Floats:
    """Give how much of a user of this decayed mass is known, m / (1 + m): between 0 and 1."""
    return np.asarray(mass / (1.0 + mass), dtype=np.float64)


def related_blocks(
    users: Carriers,
    items: Carriers,
    *,
    part: float,
    min_users: int,
    min_items: int,
    keep: int,
    block: int,
) -> Iterator[Related]:
    """Give the relations of all interests, some interests at a time.

    Memory: `block` times the number of interests at most.

    Args:
        users: Users and their interests.
        items: Items and what they are about; the same interests.
        part: Part of the users in the weight.
        min_users: Users who must have both, at least 1.
        min_items: Items that must be about both, at least 1.
        keep: Strongest relations kept of one interest.
        block: Interests compared with all others at once.
    """
    number = users.shares.shape[1]
    sides = [_Side(users, min_users), _Side(items, min_items)]
    for start in range(0, number, block):
        end = min(start + block, number)
        npmi_users, sure_users, count_users = sides[0].rows(start, end)
        npmi_items, sure_items, count_items = sides[1].rows(start, end)
        weight = sparse.csr_array(part * sure_users + (1.0 - part) * sure_items)
        source, target, value = _strongest(weight, start, keep)
        row = source - start
        yield Related(
            source=source,
            target=target,
            weight=value,
            by_users=_at(npmi_users, row, target),
            by_items=_at(npmi_items, row, target),
            users=_at(count_users, row, target).astype(np.int64),
            items=_at(count_items, row, target).astype(np.int64),
        )


class _Side:
    """One kind of carriers, made ready for blocks."""

    def __init__(self, carriers: Carriers, least: int) -> None:
        self._least = least
        self._p = carriers.marginals()
        self._shares = carriers.shares
        # By interest: rows of the products below.
        self._weighted = sparse.csr_array(carriers.shares.T @ sparse.diags_array(carriers.chance))
        self._present = sparse.csr_array(
            (np.ones(carriers.shares.nnz), carriers.shares.indices, carriers.shares.indptr),
            shape=carriers.shares.shape,
        )
        self._present_by_interest = sparse.csr_array(self._present.T)

    def rows(self, start: int, end: int) -> tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]:
        """Give npmi, npmi by how sure it is, and number of carriers of some interests with all.

        Where there are too few carriers the first two are 0.
        """
        count = sparse.csr_array(self._present_by_interest[start:end] @ self._present)
        joint = sparse.coo_array(self._weighted[start:end] @ self._shares)
        row, column = joint.coords
        chance = np.asarray(joint.data, dtype=np.float64)
        carriers = _at(count, row, column)
        enough = (carriers >= self._least) & (row + start != column) & (chance > 0)
        row, column, chance, carriers = row[enough], column[enough], chance[enough], carriers[enough]
        value = np.log(chance / (self._p[row + start] * self._p[column])) / -np.log(chance)
        shape = (end - start, self._shares.shape[1])
        sure = value * carriers / (carriers + self._least)
        return (
            sparse.csr_array((value, (row, column)), shape=shape),
            sparse.csr_array((sure, (row, column)), shape=shape),
            count,
        )


def _at(matrix: sparse.csr_array, row: npt.NDArray[np.integer], column: npt.NDArray[np.integer]) -> Floats:
    """Give some entries of a matrix; 0 where there is none."""
    if not len(row):
        return np.zeros(0)
    return np.asarray(matrix[row, column], dtype=np.float64).ravel()


def _strongest(weight: sparse.csr_array, start: int, keep: int) -> tuple[Ints, Ints, Floats]:
    entries = weight.tocoo()
    row, column = (np.asarray(part, dtype=np.int64) for part in entries.coords)
    value = np.asarray(entries.data, dtype=np.float64)
    positive = value > 0
    row, column, value = row[positive], column[positive], value[positive]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    kept = place < keep
    return row[kept] + start, column[kept], value[kept]

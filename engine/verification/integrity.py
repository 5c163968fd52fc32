"""What must not be in any graph: events without their ends, relationships with impossible numbers."""

from __future__ import annotations

from typing import Final

from engine.graph.store import GraphStore
from engine.verification.report import Check, Difference

_MOST: Final = 100
_TIMEOUT_S: Final = 600.0


def verify_integrity(store: GraphStore, check: Check) -> None:
    """Look for what cannot be; at most 100 of each kind are counted.

    Events and what they belong to are written and deleted in one transaction, so what this finds is never on its way.
    """
    for row in store.read("verification/dangling", timeout_s=_TIMEOUT_S, limit=_MOST):
        check.differs(Difference(row["kind"], {"id": row["found"]}, row["events"], 0))
    for row in store.read("verification/impossible", timeout_s=_TIMEOUT_S, limit=_MOST):
        check.differs(Difference(row["kind"], {"from": row["found"], "to": row["example"]}))
    check.compared += 1

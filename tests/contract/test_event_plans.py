"""No statement on the path of an event reads a whole label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cypher import catalogue
from engine.graph.store import GraphStore

WHOLE = {"events/sequences", "cooccurrence/counted_items"}
"""Statements of the recount, which reads everything."""

STATEMENTS = [
    statement.name
    for statement in catalogue.statements()
    if statement.name.split("/")[0] in ("events", "interests", "cooccurrence") and statement.name not in WHOLE
]


def operators(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield plan["operatorType"].split("@")[0], str(plan["args"].get("Details", ""))
    for child in plan.get("children", []):
        yield from operators(child)


def explain(store: GraphStore, name: str) -> list[tuple[str, str]]:
    statement = catalogue.statement(name)
    parameters: dict[str, Any] = {}
    for parameter, meaning in statement.parameters.items():
        kind = meaning.split()[0].rstrip(",")
        parameters[parameter] = {"INTEGER": 1, "FLOAT": 1.0, "STRING": "x"}.get(kind, [])
    plan = store.write_transaction(lambda tx: tx.run_text(f"EXPLAIN {statement.text}", **parameters).consume().plan)
    assert plan is not None
    return list(operators(plan))


@pytest.mark.parametrize("name", STATEMENTS)
def test_nodes_are_found_by_index(store: GraphStore, name: str) -> None:
    for operator, details in explain(store, name):
        assert operator != "AllNodesScan"
        if operator.endswith(("LabelScan", "TypeScan", "IndexScan")):
            assert operator == "NodeByLabelScan" and details.endswith((":Unfolded", ":Move")), (operator, details)


@pytest.mark.parametrize(
    "name",
    [
        "events/history",
        "events/history_of_types",
        "events/log_of_user",
        "cooccurrence/windows",
    ],
)
def test_only_the_newest_events_of_a_user_are_read(store: GraphStore, name: str) -> None:
    found = [operator for operator, _ in explain(store, name)]
    assert "PartialTop" in found
    assert "Top" not in found

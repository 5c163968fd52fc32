"""What the server does for a statement: its operators, and how much of the store they touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cypher import catalogue
from engine.graph.names import (
    attention_property,
    embedded_at_property,
    embedding_property,
    learned_property,
    vector_index,
)
from engine.graph.store import GraphStore, render

VERSION = "v20260131120000"
IDENTIFIERS = {
    "label": "Item",
    "embedding": embedding_property(VERSION),
    "embedded_at": embedded_at_property(VERSION),
    "attention": attention_property(VERSION),
    "learned": learned_property(VERSION),
    "index": vector_index("Item", VERSION),
}
"""Something for every placeholder."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of a plan."""

    name: str
    details: str
    db_hits: int
    rows: int

    @property
    def reads_everything(self) -> bool:
        """Whether it reads a whole label, a whole type, or all nodes."""
        return self.name in {"AllNodesScan", "NodeByLabelScan", "UnionNodeByLabelsScan"} or self.name.endswith(
            ("TypeScan", "TypesScan", "RelationshipsScan", "IndexScan")
        )


def explain(store: GraphStore, name: str, **parameters: Any) -> list[Operator]:
    """Give the plan of a statement without running it; parameters left out are made up by their type."""
    return _operators(store, "EXPLAIN", name, {**made_up(name), **parameters})


def profile(store: GraphStore, name: str, **parameters: Any) -> list[Operator]:
    """Run a statement and give what each step touched; what it wrote is taken back."""
    return _operators(store, "PROFILE", name, parameters)


def made_up(name: str) -> dict[str, Any]:
    """Give a parameter of the right type for each that a statement has."""
    values: dict[str, Any] = {"INTEGER": 1, "FLOAT": 1.0, "STRING": "x", "BOOLEAN": True, "MAP": {}}
    return {
        parameter: values.get(meaning.split()[0].rstrip(","), [])
        for parameter, meaning in catalogue.statement(name).parameters.items()
    }


def db_hits(operators: list[Operator]) -> int:
    """Give how often the store was touched in all."""
    return sum(operator.db_hits for operator in operators)


class _TakeBackError(Exception):
    def __init__(self, operators: list[Operator]) -> None:
        self.operators = operators


def _operators(store: GraphStore, mode: str, name: str, parameters: Mapping[str, Any]) -> list[Operator]:
    wanted = catalogue.statement(name).placeholders
    text = render(name, {key: IDENTIFIERS[key] for key in wanted})
    # The version of the language comes first.
    prefix, _, rest = text.partition("\n") if text.startswith("CYPHER") else ("", "", text)

    def work(tx: Any) -> None:
        summary = tx.run_text(f"{prefix} {mode} {rest}", **parameters).consume()
        plan = summary.profile if mode == "PROFILE" else summary.plan
        assert plan is not None
        raise _TakeBackError(list(_walk(plan)))

    try:
        store.write_transaction(work)
    except _TakeBackError as done:
        return done.operators
    raise AssertionError("not reached")


def _walk(plan: Mapping[str, Any]) -> Iterator[Operator]:
    yield Operator(
        name=plan["operatorType"].split("@")[0],
        details=str(plan["args"].get("Details", "")),
        db_hits=int(plan.get("dbHits") or 0),
        rows=int(plan.get("rows") or 0),
    )
    for child in plan.get("children", []):
        yield from _walk(child)

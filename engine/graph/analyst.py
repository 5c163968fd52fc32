"""Statements of analysts: read only, bounded in time and rows.

A READ transaction refuses writes, but it still runs `LOAD CSV`, `SHOW` and administrative procedures, so those are
refused before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import InvalidInputError, PermissionDeniedError
from engine.graph.store import GraphStore, Tx

MAX_CHARS: Final = 20_000

_ALLOWED_PROCEDURES: Final = frozenset(
    {
        "db.labels",
        "db.relationshiptypes",
        "db.propertykeys",
        "db.schema.visualization",
        "db.schema.nodetypeproperties",
        "db.schema.reltypeproperties",
        "db.index.vector.querynodes",
        "db.index.fulltext.querynodes",
    }
)
_TOKENS: Final = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REFUSED: Final = re.compile(
    r"\b(LOAD\s+CSV|SHOW|TERMINATE|USE|IN\s+(?:\d+\s+CONCURRENT\s+)?TRANSACTIONS)\b", re.IGNORECASE
)
_CALL: Final = re.compile(r"\bCALL\s+([A-Za-z_][\w.\s]*)", re.IGNORECASE)


def check_read_only(text: str) -> str:
    """Give the statement back if an analyst may run it in a READ transaction.

    Raises:
        InvalidInputError: It is empty, too long, or has escapes outside strings.
        PermissionDeniedError: It would leave the graph or administer the server.
    """
    if not text.strip():
        raise InvalidInputError("The statement is empty.", field="cypher")
    if len(text) > MAX_CHARS:
        raise InvalidInputError(f"The statement is longer than {MAX_CHARS} characters.", field="cypher", value=text)
    bare = _without_literals(text)
    if "\\" in bare:
        raise InvalidInputError("Escapes may stand only inside strings.", field="cypher", value=text)
    if found := _REFUSED.search(bare):
        raise _refusal(found.group(1))
    for match in _CALL.finditer(bare):
        name = re.sub(r"\s+", "", match.group(1)).lower()
        if name not in _ALLOWED_PROCEDURES:
            raise _refusal(f"CALL {match.group(1).strip()}")
    return text


def _refusal(what: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"{' '.join(what.split())} is not for analysts.",
        field="cypher",
        remedy="Ask with MATCH, WITH, RETURN and the procedures db.labels, db.schema.* and db.index.*.queryNodes.",
    )


def _without_literals(text: str) -> str:
    """Blank out comments and strings and take the quotes off names: only the words of the language are left."""
    parts = []
    for token in _TOKENS.finditer(text):
        if token.lastgroup == "quoted":
            parts.append(token.group()[1:-1])
        elif token.lastgroup == "other":
            parts.append(token.group())
        else:
            parts.append(" ")
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of an analyst's question.

    Attributes:
        columns: Names, in order.
        rows: At most as many as were asked for.
        cut: Whether there were more.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    cut: bool


def ask(
    store: GraphStore,
    text: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: int = 100,
    timeout_s: float = 30,
) -> Answer:
    """Run an analyst's statement in a READ transaction, bounded in time and rows.

    Raises:
        PermissionDeniedError: It would write, leave the graph, or administer the server.
        InvalidInputError: The server cannot read it.
        QueryTimeoutError: It took too long.
    """
    check_read_only(text)

    def work(tx: Tx) -> Answer:
        result = tx.run_text(text, **(parameters or {}))
        columns = list(result.keys())
        rows: list[dict[str, Any]] = []
        cut = False
        for record in result:
            if len(rows) == limit:
                cut = True
                break
            rows.append(dict(zip(columns, record.values(), strict=True)))
        return Answer(columns=columns, rows=rows, cut=cut)

    return store.read_transaction(work, timeout_s=timeout_s)

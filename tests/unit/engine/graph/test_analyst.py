from __future__ import annotations

import pytest

from engine.errors import InvalidInputError, PermissionDeniedError
from engine.graph.analyst import check_read_only


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (u:User) RETURN count(u)",
        "MATCH (i:Item) WHERE i.title = 'load csv; SHOW USERS' RETURN i // TERMINATE",
        "CALL db.labels() YIELD label RETURN label",
        "MATCH (u:User) CALL (u) { MATCH (u)-[r:INTERESTED_IN]->(x) RETURN x LIMIT 3 } RETURN u.id, x.name",
        "CALL db.index.vector.queryNodes('item_v', 5, $v)",
        "RETURN '\\u0041'",
    ],
)
def test_questions_pass(text: str) -> None:
    assert check_read_only(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
        "load /* x */ csv from 'file:///etc/passwd' as row return row",
        "SHOW USERS",
        "SHOW  TRANSACTIONS",
        "TERMINATE TRANSACTIONS 'x'",
        "CALL dbms.killConnections(['x'])",
        "CALL `dbms`.`killConnections`(['x'])",
        "CALL db . clearQueryCaches()",
        "USE system MATCH (n) RETURN n",
        "MATCH (n) CALL (n) { SET n.x = 1 } IN TRANSACTIONS OF 10 ROWS",
    ],
)
def test_what_leaves_the_graph_is_refused(text: str) -> None:
    with pytest.raises(PermissionDeniedError):
        check_read_only(text)


@pytest.mark.parametrize("text", ["", "  ", "RETURN 1" + " " * 30_000, "CALL \\u0064bms.killConnections()"])
def test_odd_statements_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        check_read_only(text)

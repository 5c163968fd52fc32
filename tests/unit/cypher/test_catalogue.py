from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cypher import catalogue
from cypher.catalogue import Statement, StatementError, parse

ROOT = Path(__file__).parents[3]
ALL = [*catalogue.statements(), *catalogue.migrations()]
TYPE = re.compile(r"(STRING|INTEGER|FLOAT|BOOLEAN|BYTES|MAP|LIST(<[A-Z<>]+>)?)\b")
CYPHER = re.compile(r"\b(MATCH|MERGE|CREATE|UNWIND|DETACH DELETE)\s+[($\[]|\bCREATE (CONSTRAINT|INDEX)\b|\bCALL db\.")
PACKAGES = ("engine", "workers", "api", "interestgraph")

GOOD = """// purpose: Give an item
// param: id STRING
// returns: title STRING
// mode: read
MATCH (i:Item {id: $id}) RETURN i.title AS title
"""


@pytest.fixture(params=ALL, ids=lambda statement: statement.name)
def statement(request: pytest.FixtureRequest) -> Statement:
    found: Statement = request.param
    return found


def test_parameters_have_a_type(statement: Statement) -> None:
    for name, meaning in statement.parameters.items():
        assert TYPE.match(meaning), f"{statement.name}: {name} {meaning}"


def test_columns_are_those_of_the_header(statement: Statement) -> None:
    """The names after the last RETURN stand in the header."""
    code = re.sub(r"//[^\n]*", "", statement.text)
    tail = re.split(r"\bRETURN\b", code)[-1] if re.search(r"\n\s*RETURN\b|^RETURN\b", code) else ""
    tail = re.split(r"\b(ORDER BY|LIMIT|SKIP)\b", tail)[0]
    if tail.count("}") > tail.count("{"):  # it belongs to a subquery; the statement itself returns nothing
        return
    for column in re.findall(r"\bAS\s+(\w+)\s*(?:,|$)", tail.strip()):
        assert re.search(rf"\b{column}\b", statement.returns), f"{statement.name}: {column}"


def test_placeholders_stand_for_identifiers_only(statement: Statement) -> None:
    for match in re.finditer(r"<<[a-z_]+>>", statement.text):
        before = statement.text[: match.start()].rstrip()
        assert before.endswith((":", ".", "INDEX")), f"{statement.name}: {match.group()}"
        assert statement.text[: match.start()].count("'") % 2 == 0


WITHIN_A_TRANSACTION = {
    *("events/admit", "events/create_items", "events/interact_first", "events/write"),
    *("interests/first", "interests/nodes", "interests/searched"),
}
"""Statements that tell each other where nodes are (ADR 20)."""


def test_identity_is_never_the_element_id(statement: Statement) -> None:
    assert "elementid" not in statement.text.lower()
    assert bool(re.search(r"\bid\(", statement.text)) == (statement.name in WITHIN_A_TRANSACTION)


def test_nothing_reaches_outside_the_graph(statement: Statement) -> None:
    assert not re.search(r"\bLOAD\s+CSV\b|\bapoc\.|\bgds\.", statement.text, re.IGNORECASE)


def test_reading_statements_hold_no_writing_clause(statement: Statement) -> None:
    code = re.sub(r"//[^\n]*|'[^']*'", "", statement.text)
    writes = re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP)\b", code)
    assert bool(writes) == (statement.mode == "write"), statement.name


@pytest.mark.parametrize(
    "name",
    [
        "events/history",
        "events/history_of_types",
        "events/page_of_user",
        "interests/of_user",
        "interests/list",
        "items/get",
        "items/list",
        "users/get",
        "users/list",
        "subgraph/about",
        "subgraph/co_occurs",
        "subgraph/interacted",
        "subgraph/interested_in",
        "subgraph/items_of_interests",
        "subgraph/page",
        "vectors/read_some",
        "vectors/write",
    ],
)
def test_statements_of_requests_and_workers_are_bounded(name: str) -> None:
    text = catalogue.statement(name).text
    keyed = re.search(r"\{id: (\$\w+|\w+|row\.\w+)\}", text)
    assert keyed or re.search(r"LIMIT \$\w+", text)


def test_python_holds_no_cypher() -> None:
    """Statements are files: no string in the code looks like one, docstrings and help aside."""
    allowed = {"interestgraph/cli/query.py", "engine/graph/analyst.py"}
    found = [
        f"{path}: {text[:60]!r}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in allowed and "demo" not in path.parts
        for text in _strings(path)
        if CYPHER.search(text)
    ]
    assert not found, found


def _strings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_migrations_are_numbered_and_repeatable() -> None:
    for migration in catalogue.migrations():
        assert re.fullmatch(r"migrations/V\d{4}__[a-z0-9_]+", migration.name)
        assert "IF NOT EXISTS" in migration.text
        assert migration.name not in {statement.name for statement in catalogue.statements()}


def test_an_unknown_name_is_answered_with_close_ones() -> None:
    with pytest.raises(StatementError, match="Did you mean events/history"):
        catalogue.statement("events/histories")


def test_a_good_file_is_read_whole() -> None:
    found = parse("items/one", GOOD)
    assert found == Statement(
        name="items/one",
        text="MATCH (i:Item {id: $id}) RETURN i.title AS title",
        purpose="Give an item",
        mode="read",
        parameters={"id": "STRING"},
        returns="title STRING",
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("// purpose: Give an item\n", ""), "lacks purpose"),
        (("// mode: read\n", ""), "lacks mode"),
        (("// returns: title STRING\n", ""), "lacks returns"),
        (("mode: read", "mode: both"), "read or write"),
        (("// param: id STRING\n", ""), "the text uses"),
        (("// param: id STRING\n", "// param: id STRING\n// param: limit INTEGER\n"), "header names"),
        (("// param: id STRING\n", "// param: id STRING\n// param: id STRING\n"), "stands twice"),
        (("// param: id STRING", "// param: id"), "has no type"),
        (("// mode: read\n", "// mode: read\n// mode: write\n"), "stands twice"),
        (("AS title\n", "AS title; MATCH (n) RETURN n\n"), "one statement"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(StatementError, match=complaint):
        parse("items/one", GOOD.replace(*change))


def test_a_dollar_in_a_comment_is_no_parameter() -> None:
    assert parse("items/one", GOOD.replace("MATCH", "// not $this\nMATCH")).parameters == {"id": "STRING"}


def test_identifiers_fill_exactly_the_placeholders() -> None:
    found = parse("items/one", GOOD.replace(":Item", ":<<label>>"))
    assert found.render({"label": "User"}) == "MATCH (i:User {id: $id}) RETURN i.title AS title"
    for wrong in (None, {"label": "User", "other": "x"}, {"other": "x"}):
        with pytest.raises(StatementError, match="needs the identifiers"):
            found.render(wrong)


def test_the_description_has_every_statement() -> None:
    rows = catalogue.describe()
    assert [row["name"] for row in rows] == [statement.name for statement in catalogue.statements()]
    history = next(row for row in rows if row["name"] == "events/history")
    assert history["mode"] == "read"
    assert "user_id STRING" in history["parameters"]

"""Every statement of docs/cypher.md and docs/interests.md runs and gives rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("cypher.md", "interests.md"))
STATEMENTS = re.findall(r"^```cypher\n(.*?)^```", PAGES, re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("number", range(len(STATEMENTS)))
def test_statement_runs(stack: Stack, number: int) -> None:
    done = stack.run("cypher", "--json", STATEMENTS[number])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), STATEMENTS[number]

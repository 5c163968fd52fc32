"""Every statement of docs/cypher.md runs and gives rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cypher.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"^```cypher\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize("number", range(len(STATEMENTS)))
def test_statement_runs(stack: Stack, number: int) -> None:
    done = stack.run("cypher", "--json", STATEMENTS[number])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), STATEMENTS[number]

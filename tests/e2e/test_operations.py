"""Every command of docs/operations.md that is in a `bash` block runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(stack: Stack, command: str) -> None:
    name, *arguments = shlex.split(command)
    assert name == "interestgraph"
    done = stack.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_demo_leaves_a_graph_that_is_what_its_events_say(stack: Stack) -> None:
    done = stack.run("verify", "--json")
    found = json.loads(done.stdout)
    assert {check["name"]: check["examples"] for check in found["checks"] if check["differing"]} == {}
    assert found["ok"]
    assert found["events"] > 1_000

"""`down` leaves no process. The file's name puts it last: it ends the stack that the others use."""

from __future__ import annotations

import json

import psutil
import pytest

from tests.e2e.conftest import Stack

pytestmark = pytest.mark.timeout(3600)


def test_down_leaves_no_process(stack: Stack) -> None:
    rows = json.loads(stack.run("status", "--json").stdout)
    processes = [psutil.Process(row["pid"]) for row in rows]
    family = [member for process in processes for member in (process, *process.children(recursive=True))]
    done = stack.run("down")
    assert done.returncode == 0, done.stderr
    assert not [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE]
    home = stack.environment["INTERESTGRAPH_HOME"]
    left = [process for process in psutil.process_iter(["cmdline"]) if home in " ".join(process.info["cmdline"] or [])]
    assert left == []
    assert stack.run("down").stdout.strip() == "nothing was running"

"""The commands of docs/api.md, run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
import time

import pytest

from engine.graph.store import GraphStore
from tests.support.api_server import ROOT, ApiServer

# Names that stand for something which is made in another example.
PLACEHOLDERS = ("JOB", "VERSION", "$KEY", "interestgraph keys", "reembed")
_TRIES = 20


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written for curl")
def test_examples_work(api_server: ApiServer, store: GraphStore) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    commands: list[str] = []
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        commands.extend(re.findall(r"^curl .*?(?=^curl |\Z)", block, re.DOTALL | re.MULTILINE))
    runnable = [command for command in commands if not any(name in command for name in PLACEHOLDERS)]
    assert len(runnable) >= 9
    for command in runnable:
        strict = command.replace("curl -s", "curl -sS --fail-with-body", 1)
        # Edges, items and vectors may be a refresh old in a process: a reader waits a moment too.
        for _ in range(_TRIES):
            done = subprocess.run(
                ["bash", "-c", strict],
                env={"API": api_server.url, "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
            )
            if done.returncode == 0:
                break
            time.sleep(0.5)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_every_code_of_a_problem_is_explained() -> None:
    from api.problems import TABLE

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for cls, kind in TABLE.items():
        assert f"| {kind.status} |" in text or kind.status == 500, cls
        if kind.status not in (409, 500, 503):
            assert f"`{cls.code}`" in text, cls.code

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
        end = time.monotonic() + 120
        while (done := run(strict, api_server.url)).returncode != 0:
            assert time.monotonic() < end, (command, done.stdout, done.stderr)
            time.sleep(0.5)


def run(command: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], env={"API": url, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )


def test_every_code_of_a_problem_is_explained() -> None:
    from api.problems import TABLE

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for cls, kind in TABLE.items():
        assert f"| {kind.status} |" in text or kind.status == 500, cls
        if kind.status not in (409, 500, 503):
            assert f"`{cls.code}`" in text, cls.code

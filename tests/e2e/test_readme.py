"""Every shell command of the README runs, in order, against a running stack."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.timeout(3600)


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text(encoding="utf-8")
    commands = BLOCKS[0].split("\n")
    assert commands[:2] == ["make demo", "make test"]
    for command in commands[:2]:
        assert re.search(rf"^{command.removeprefix('make ')}:", makefile, re.MULTILINE)


def test_all_commands_run_from_top_to_bottom(stack: Stack) -> None:
    # The environment is active already; a household of the slice stands in for household 1.
    script = "".join(BLOCKS[1:]).replace("source .venv/bin/activate\n", "")
    user = stack.run("cypher", "--json", "MATCH (u:User) RETURN u.id AS id ORDER BY u.id LIMIT 1").stdout
    household = re.search(r'"id": "(\d+)"', user)
    assert household is not None
    known = household.group(1)
    script = script.replace("/users/1/", f"/users/{known}/").replace("'1'", f"'{known}'")
    script = script.replace("--users 1 ", f"--users {known} ").replace('\\"1\\"', f'\\"{known}\\"')
    script = script.replace('"user_id": "1"', f'"user_id": "{known}"')
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status":"ready"' in done.stdout.replace(" ", "")
    assert '"terms"' in done.stdout
    assert "problem" not in done.stdout

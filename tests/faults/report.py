"""What the tests of faults found, as a table at the end and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

JSON_VARIABLE = "INTERESTGRAPH_FAULTS_JSON"
_rows: list[dict[str, Any]] = []


def add(fault: str, **found: Any) -> None:
    """Keep what a test found; it is called when everything was as it had to be."""
    _rows.append({"fault": fault, **found})


def rows() -> list[dict[str, Any]]:
    """Give what was kept, in a form that goes from process to process."""
    return list(json.loads(json.dumps(_rows)))


def show() -> str:
    """Give the table; write the file that the environment names."""
    if not _rows:
        return ""
    if path := os.environ.get(JSON_VARIABLE):
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        content = {"commit": commit, "at": datetime.now(UTC).isoformat(timespec="seconds"), "faults": _rows}
        Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    table = Table("fault", "what happened", title="faults survived")
    for row in _rows:
        rest = {name: value for name, value in row.items() if name != "fault"}
        table.add_row(row["fault"], "\n".join(f"{name}: {value}" for name, value in rest.items()))
    console = Console(width=118)
    with console.capture() as captured:
        console.print(table)
    return captured.get()

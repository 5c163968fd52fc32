"""What an API process loads, seen from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
import api.gunicorn_conf, api.wsgi, api.worker
heavy = {
    "torch", "torch_geometric", "transformers", "pandas", "polars", "pyarrow", "sklearn", "typer", "hypothesis",
    "workers.tasks", "engine.model", "engine.training", "engine.features", "engine.pipelines", "engine.evaluation",
}
print(sorted(heavy & set(sys.modules)))
"""


def test_neither_torch_nor_other_heavy_parts(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "INTERESTGRAPH_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"

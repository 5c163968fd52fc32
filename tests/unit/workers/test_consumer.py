from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workers import consumer

ROOT = Path(__file__).resolve().parents[3]


def test_process_holds_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "from workers import consumer\n"
        "with consumer._without(*consumer._UNUSED):\n"
        "    import engine.stream.connection, engine.stream.consumer, engine.logs\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    heavy = {"torch", "celery", "kombu", "flask", "polars", "pandas", "pyarrow", "scipy", "sklearn", "transformers"}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_hidden_modules_can_be_imported_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seldom_needed.py").write_text("ANSWER = 42\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with consumer._without("seldom_needed"), pytest.raises(ImportError):
        importlib.import_module("seldom_needed")
    assert importlib.import_module("seldom_needed").ANSWER == 42
    del sys.modules["seldom_needed"]


def test_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        consumer.main(["--nmae", "x"])
    assert caught.value.code == 2 and "--nmae" in capsys.readouterr().err

"""An environment for each library, made once with uv from pinned requirements."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from engine.errors import InvalidInputError

_HERE: Final = Path(__file__).parent
_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def python_of(library: str, cache: Path) -> Path:
    """Give the interpreter that has a library, and install it where it is not there yet.

    Args:
        library: Name of the requirements beside this module.
        cache: The project's cache.

    Raises:
        InvalidInputError: uv is missing.
        CalledProcessError: The installation failed.
    """
    requirements = _HERE / f"{library}.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache / "peers" / f"{library}-{key}"
    python, finished = folder / "bin" / "python", folder / ".installed"
    if not finished.exists():
        uv = _uv()
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", requirements], check=True)
        finished.touch()
    return python


def run_in(python: Path, library: str, work: Path, *, threads: int) -> None:
    """Train the peer whose task lies in a folder, on the processor alone.

    Args:
        python: Interpreter of the library's environment.
        library: Name of the library.
        work: Folder with the task; what was made lies there afterwards.
        threads: Threads of its computations.

    Raises:
        CalledProcessError: It failed; it has said why.
    """
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "CUDA_VISIBLE_DEVICES": ""}
    script = _HERE / f"train_{library}.py"
    # -P: the library of the same name as a module beside the script must not be looked for there.
    subprocess.run([python, "-P", script, work], check=True, cwd=work, env=environment)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise InvalidInputError("uv is missing.", field="uv", value=None, remedy="Run make install.")
    return found

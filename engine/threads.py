"""How threads that wait for each other do so."""

from __future__ import annotations

import os


def wait_briefly() -> None:
    """Let threads that wait for each other spin for some microseconds, then sleep; call it before torch is imported.

    Spinning without end takes the cores from everything beside. Sleeping at once costs more than the second core gives:
    the next parallel part of a training step comes after a few microseconds.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

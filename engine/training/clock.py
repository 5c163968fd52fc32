"""How long a run has trained, over all the processes that it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine.training.checkpoint import Progress


@dataclass(frozen=True, slots=True)
class Clock:
    """Goes on from what a run had used when its last state was written.

    Attributes:
        seconds: Seconds before this process.
        cpu_seconds: Seconds of the processor before this process.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _cpu_began: float = field(default_factory=time.process_time)

    def tell(self, progress: Progress) -> None:
        """Write down what has been used so far."""
        progress.seconds = self.seconds + time.monotonic() - self._began
        progress.cpu_seconds = self.cpu_seconds + time.process_time() - self._cpu_began

"""The table at the end of a run."""

from __future__ import annotations

import pytest

from tests.faults import report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was found."""
    if text := report.show():
        terminalreporter.write_line("")
        terminalreporter.write_line(text)

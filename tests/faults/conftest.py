"""The table at the end of a run, of all processes that ran tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import report

_ROWS = "faults_rows"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what a process of several found."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_ROWS] = report.rows()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of several found; one that crashed hands over nothing."""
    for row in getattr(node, "workeroutput", {}).get(_ROWS, []):
        report.add(**row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was found."""
    if text := report.show():
        terminalreporter.write_line("")
        terminalreporter.write_line(text)

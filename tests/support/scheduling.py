"""Which tests go to the same process of several, where `pytest --numprocesses` makes them."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

_TOGETHER = ("tests/e2e/", "tests/contract/")
"""Folders whose files share servers of their own."""


class Scheduling(LoadScopeScheduling):
    """Gives a process whole files, and whole folders where their files share servers, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])

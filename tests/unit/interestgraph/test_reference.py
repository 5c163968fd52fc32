"""Generated pages equal what the code says."""

from __future__ import annotations

import pytest

from interestgraph.cli import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_page_is_up_to_date(name: str) -> None:
    path = reference.ROOT / name
    assert path.exists() and path.read_text(encoding="utf-8") == reference.PAGES[name](), f"{name}: run `make docs`"


def test_every_setting_is_described() -> None:
    for _, variable, _, description in reference.setting_rows():
        assert description.endswith("."), variable

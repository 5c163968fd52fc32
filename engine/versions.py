"""Ids of embedding versions: `v` and 14 digits of UTC time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from engine.errors import InvalidInputError

VERSION_ID: Final = re.compile(r"v[0-9]{14}")


def check_version_id(version: str) -> str:
    """Give the id back if it is one of an embedding version.

    Raises:
        InvalidInputError: It is not.
    """
    if not VERSION_ID.fullmatch(version):
        raise InvalidInputError(
            "This is not the id of an embedding version.",
            field="version",
            value=version,
            remedy="Use v followed by 14 digits, for example v20260131120000.",
        )
    return version


def new_version_id() -> str:
    """Give an id of the present second."""
    return datetime.now(UTC).strftime("v%Y%m%d%H%M%S")

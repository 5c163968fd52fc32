"""Names of labels, relationships and properties in the graph, and the allow-list for the few that vary."""

from __future__ import annotations

import re
from typing import Final

from engine.errors import InvalidInputError
from engine.versions import VERSION_ID, check_version_id

__all__ = ["VERSION_ID", "check_version_id"]

USER: Final = "User"
ITEM: Final = "Item"
INTEREST: Final = "Interest"
EVENT: Final = "Event"
UNFOLDED: Final = "Unfolded"
MOVE: Final = "Move"
EMBEDDING_VERSION: Final = "EmbeddingVersion"
JOB: Final = "Job"
STATE: Final = "State"
DEMOGRAPHIC: Final = "Demographic"
API_KEY: Final = "ApiKey"

INTERACTED: Final = "INTERACTED"
INTERESTED_IN: Final = "INTERESTED_IN"
ABOUT: Final = "ABOUT"
CO_OCCURS: Final = "CO_OCCURS"
MAY_CO_OCCUR: Final = "MAY_CO_OCCUR"
RESEMBLES: Final = "RESEMBLES"
SIMILAR_TO: Final = "SIMILAR_TO"
FOLLOWS: Final = "FOLLOWS"
RELATED_TO: Final = "RELATED_TO"

EMBEDDABLE_LABELS: Final = frozenset({USER, ITEM, INTEREST})
_ALLOWED_IDENTIFIER: Final = re.compile(
    r"User|Item|Interest|((user_|item_|interest_)?embedding|embedded_at|attention|learned)_v[0-9]{14}"
)


def embedding_property(version: str) -> str:
    """Give the property that holds the vectors of a version."""
    return f"embedding_{check_version_id(version)}"


def attention_property(version: str) -> str:
    """Give the relationship property that holds the learned attention of a version."""
    return f"attention_{check_version_id(version)}"


def learned_property(version: str) -> str:
    """Give the relationship property that holds the learnt weight of a version: what is expected to follow an item."""
    return f"learned_{check_version_id(version)}"


def embedded_at_property(version: str) -> str:
    """Give the property that says by which write-back a node got its vector of a version."""
    return f"embedded_at_{check_version_id(version)}"


def vector_index(label: str, version: str) -> str:
    """Give the name of the vector index of a label and version.

    Raises:
        InvalidInputError: Nodes of this label have no vectors.
    """
    if label not in EMBEDDABLE_LABELS:
        raise InvalidInputError(
            "Nodes of this label have no vectors.",
            field="label",
            value=label,
            remedy=f"Use one of {', '.join(sorted(EMBEDDABLE_LABELS))}.",
        )
    return f"{label.lower()}_{embedding_property(version)}"


def check_identifier(name: str) -> str:
    """Give the name back if it may be formatted into a statement.

    Raises:
        InvalidInputError: It is not on the allow-list.
    """
    if not _ALLOWED_IDENTIFIER.fullmatch(name):
        raise InvalidInputError("This name may not stand in a statement.", field="identifier", value=name)
    return name

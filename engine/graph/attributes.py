"""Attributes of nodes as callers name them: which names and values may become properties."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine.errors import InvalidInputError

AttributeValue: TypeAlias = str | bool | int | float | list[str] | list[bool] | list[int] | list[float]

MAX_ATTRIBUTES: Final = 100
MAX_NAME_CHARS: Final = 64
MAX_ID_CHARS: Final = 512
MAX_TEXT_CHARS: Final = 20_000
MAX_LIST_LENGTH: Final = 1_000
MAX_INTEGER: Final = 2**63 - 1
MAX_WEIGHT: Final = 1e12

RESERVED_NAMES: Final = frozenset(
    {
        "id",
        "title",
        "available",
        "created_at",
        "updated_at",
        "edges_at",
        "resembles_at",
        "events_at",
        "interest_mass",
        "interest_mass_at",
        "log_gap_at",
        "edges_cut",
        "about_at",
        "popularity",
        "popularity_at",
        "kind",
        "name",
        "about",
        "attributes",
        "forgotten_at",
    }
)
"""Properties that the engine itself writes or reads."""

RESERVED_PREFIXES: Final = ("embedding_", "embedded_at_", "attention_", "learned_")

_NAME: Final = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME_CHARS - 1}}}")
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINES: Final = re.compile("[\t\n\r\u2028\u2029]")


def check_attributes(
    raw: Mapping[str, Any], *, field: str = "attributes", nulls: bool = False
) -> dict[str, AttributeValue | None]:
    """Give attributes back if they may be stored.

    Args:
        raw: Names and values.
        field: How errors name them; a wrong one is `field.name`.
        nulls: Whether null is a value, which removes the attribute.

    Raises:
        InvalidInputError: There are too many, or a name or value may not be stored.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInputError("Attributes are names with values.", field=field, value=raw, remedy="Give an object.")
    if len(raw) > MAX_ATTRIBUTES:
        raise InvalidInputError(
            f"There are {len(raw)} attributes.", field=field, remedy=f"Give at most {MAX_ATTRIBUTES}."
        )
    checked: dict[str, AttributeValue | None] = {}
    for name, value in raw.items():
        check_attribute_name(name, field=field)
        if value is None and nulls:
            checked[name] = None
        else:
            checked[name] = _check_value(value, f"{field}.{name}")
    return checked


def check_attribute_name(name: object, *, field: str = "attributes") -> str:
    """Give the name back if an attribute may have it.

    Raises:
        InvalidInputError: It is not a plain name, or the engine uses it itself.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInputError(
            "This is no name of an attribute.",
            field=field,
            value=name,
            remedy=f"Use letters, digits and _, a letter first, at most {MAX_NAME_CHARS}.",
        )
    if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES):
        raise InvalidInputError(
            "This name is used by the engine itself.",
            field=f"{field}.{name}",
            value=name,
            remedy="Choose another name.",
        )
    return name


def is_attribute(name: str) -> bool:
    """Tell whether a property of a node is an attribute, not one of the engine's own."""
    return name not in RESERVED_NAMES and not name.startswith(RESERVED_PREFIXES)


def check_text(value: object, *, field: str, limit_chars: int = MAX_TEXT_CHARS) -> str:
    """Give a text back if it may be stored: not empty, not too long, no control characters but tab and line end.

    Raises:
        InvalidInputError: It may not.
    """
    if not isinstance(value, str):
        raise InvalidInputError("This is not a text.", field=field, value=value, remedy="Give a text.")
    if not value.strip():
        raise InvalidInputError("This text is empty.", field=field, value=value, remedy="Give a text or leave it out.")
    if len(value) > limit_chars:
        raise InvalidInputError(
            f"This text has {len(value)} characters.",
            field=field,
            value=value,
            remedy=f"Use at most {limit_chars} characters.",
        )
    if _FORBIDDEN.search(value):
        raise InvalidInputError(
            "This text holds control characters or halves of characters.",
            field=field,
            value=value,
            remedy="Remove them.",
        )
    return value


def check_id(value: object, *, field: str) -> str:
    """Give an id back if it may name a node: one line of at most 512 characters.

    Raises:
        InvalidInputError: It may not.
    """
    text = check_text(value, field=field, limit_chars=MAX_ID_CHARS)
    if _LINES.search(text):
        raise InvalidInputError("This id holds control characters.", field=field, value=value, remedy="Remove them.")
    return text


def check_weight(value: object, *, field: str) -> float:
    """Give a weight back if it is a positive finite number.

    Raises:
        InvalidInputError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < MAX_WEIGHT:
        raise InvalidInputError(
            "A weight is a positive finite number.", field=field, value=value, remedy="Leave it out to withdraw it."
        )
    return float(value)


def interest_id(kind: str, name: str) -> str:
    """Give the id of an interest, for example `category:fluid milk`: lower case, spaces collapsed."""
    return f"{_normal(kind)}:{_normal(name)}"


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())


def _check_value(value: object, field: str) -> AttributeValue:
    if isinstance(value, str):
        # An empty text is a value here: unlike a title, an attribute may be blank in the caller's data.
        return check_text(value, field=field) if value.strip() else ""
    if isinstance(value, (bool, int, float)):
        return _check_number(value, field)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return _check_list(list(value), field)
    raise InvalidInputError(
        "This value cannot be stored.",
        field=field,
        value=value,
        remedy="Use a text, a number, true, false, or a list of one of these kinds.",
    )


def _check_number(value: bool | int | float, field: str) -> bool | int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInputError("This number is not finite.", field=field, value=value, remedy="Leave it out.")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise InvalidInputError(
            "This number is too large.", field=field, value=str(value), remedy="Use 64 bits, or a text."
        )
    return value


def _check_list(values: list[Any], field: str) -> AttributeValue:
    if len(values) > MAX_LIST_LENGTH:
        raise InvalidInputError(
            f"This list has {len(values)} entries.", field=field, remedy=f"Use at most {MAX_LIST_LENGTH}."
        )
    for place, value in enumerate(values):
        if not isinstance(value, (str, bool, int, float)):
            raise InvalidInputError(
                "A list holds texts, numbers or truth values.",
                field=f"{field}[{place}]",
                value=value,
                remedy="Use one kind in a list; no lists within lists, no nulls.",
            )
        _check_value(value, f"{field}[{place}]")
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        return [float(value) for value in values]
    if len(kinds) > 1:
        raise InvalidInputError("A list holds one kind of value.", field=field, remedy="Use one kind in a list.")
    return values

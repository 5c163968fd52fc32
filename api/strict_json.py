"""JSON as the standard has it: no NaN, no doubled names, no half characters, no bottomless nesting."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from api.errors import MalformedBodyError

MAX_DEPTH: Final = 32
_REMEDY: Final = "Send one JSON value in UTF-8."


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBodyError(
        "NaN and infinite numbers are not JSON.", field="body", value=name, remedy="Leave the value out, or send null."
    )


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise MalformedBodyError(
            "This number is too large.", field="body", value=text, remedy="Send a number below 1.8e308."
        )
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        doubled = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise MalformedBodyError(
            "An object has the same name twice.", field="body", value=doubled, remedy="Give each name once."
        )
    return made


def loads(data: bytes) -> Any:
    """Read a body.

    Raises:
        MalformedBodyError: It is empty, not UTF-8, not JSON, or nested deeper than `MAX_DEPTH`.
    """
    if not data.strip():
        raise MalformedBodyError("The body is empty.", field="body", remedy=_REMEDY)
    try:
        value = json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise MalformedBodyError(
            f"The body is not UTF-8: byte {error.start} cannot be read.", field="body", remedy=_REMEDY
        ) from None
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.",
            field="body",
            remedy=_REMEDY,
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python refuses to read whole numbers of more than some thousand digits.
        raise MalformedBodyError("A number has too many digits.", field="body", remedy=_REMEDY) from None
    _check(value)
    return value


def _too_deep() -> MalformedBodyError:
    return MalformedBodyError(
        f"The body is nested deeper than {MAX_DEPTH} levels.", field="body", remedy="Send flatter data."
    )


def _check(root: Any) -> None:
    level = [root]
    depth = 0
    while level:
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, (dict, list)):
                if depth >= MAX_DEPTH:
                    raise _too_deep()
                if isinstance(value, dict):
                    for name in value:
                        _check_text(name)
                    deeper.extend(value.values())
                else:
                    deeper.extend(value)
        level = deeper
        depth += 1


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedBodyError(
            "A text has half of a surrogate pair.",
            field="body",
            value=text[error.start : error.end],
            remedy="Send whole characters.",
        ) from None

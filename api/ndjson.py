"""JSON lines of any length, read as they come: never more than one line and one piece in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from api import strict_json
from engine.errors import InterestGraphError, InvalidInputError, PayloadTooLargeError, shorten

MEDIA_TYPE: Final = "application/x-ndjson"
_PIECE: Final = 65_536
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not empty.

    Attributes:
        number: Its number, from 1.
        value: What it says; none where it cannot be read.
        error: Why it cannot be read.
    """

    number: int
    value: dict[str, Any] | None
    error: InterestGraphError | None = None


def read_lines(read: Callable[[int], bytes], *, limit_bytes: int) -> Iterator[Line]:
    """Give the lines of a body.

    Args:
        read: Gives at most so many bytes; none at the end.
        limit_bytes: Longest line; a longer one is passed over without being held.
    """
    held = bytearray()
    # Bytes of the present line, those that were thrown away included.
    size = number = 0
    while piece := read(_PIECE):
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            number += 1
            size += end - start
            if size <= limit_bytes:
                held += piece[start:end]
            line = _line(number, bytes(held), size, limit_bytes)
            if line is not None:
                yield line
            held.clear()
            size, start = 0, end + 1
        size += len(piece) - start
        if size <= limit_bytes:
            held += piece[start:]
        elif held:
            held.clear()
    if size:
        line = _line(number + 1, bytes(held), size, limit_bytes)
        if line is not None:
            yield line


def _line(number: int, data: bytes, size: int, limit_bytes: int) -> Line | None:
    if size > limit_bytes:
        return Line(
            number,
            None,
            PayloadTooLargeError(
                f"The line has {size} bytes.", field="line", value=number, remedy=f"Send at most {limit_bytes} a line."
            ),
        )
    if number == 1:
        data = data.removeprefix(_MARK)
    if not data.strip():
        return None
    try:
        value = strict_json.loads(data)
    except InterestGraphError as error:
        message = error.message.replace("The body", "The line", 1)
        return Line(number, None, type(error)(message, field="line", value=_shown(data), remedy=error.remedy))
    if not isinstance(value, dict):
        return Line(
            number,
            None,
            InvalidInputError(
                "The line is no JSON object.", field="line", value=value, remedy="Send one event a line."
            ),
        )
    return Line(number, value)


def _shown(data: bytes) -> Any:
    return shorten(data[:400].decode("utf-8", "backslashreplace"))

"""Events as JSON lines: written, or put into the stream, batch by batch while they come."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from api import ndjson, problems
from api.errors import MalformedBodyError
from engine.domain import EpochMs
from engine.errors import InterestGraphError
from engine.events.token import FreshnessToken, encode_token

BATCH: Final = 2000
MAX_REFUSALS: Final = 1000
_LONGEST_S: Final = 1.0
"""Seconds after which a batch is written that is not full."""

_SILENCE_S: Final = 30.0
"""Seconds for which a client may send nothing."""

_NO_LIMIT: Final = 2**62
_PLACE: Final = re.compile(r"^\w+\[\d+\]")


@dataclass
class Batch:
    """What became of one batch of lines.

    Attributes:
        errors: One for each line, none where it was taken.
        accepted: New events.
        duplicates: Events that were there already.
        latest_at: Time of the newest event.
        bookmarks: Of its transaction.
    """

    errors: list[InterestGraphError | None]
    accepted: int
    duplicates: int = 0
    latest_at: EpochMs = 0
    bookmarks: tuple[str, ...] = ()


Write = Callable[[list[dict[str, Any]]], Batch]


@dataclass
class Upload:
    """What has become of the lines so far."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    latest_at: EpochMs = 0
    bookmarks: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """Freshness token of everything written."""
        return encode_token(FreshnessToken(self.bookmarks, self.latest_at))

    def refuse(self, number: int, error: InterestGraphError) -> None:
        """Take note of a line that was refused."""
        self.refused += 1
        if len(self.refusals) < MAX_REFUSALS:
            self.refusals.append({"line": number, "problem": _as_line(problems.refusal(error))})


def take(read: Callable[[int], bytes], write: Write, *, limit_bytes: int) -> Upload:
    """Write the lines of a body.

    Args:
        read: Gives at most so many bytes of it; none at the end.
        write: Writes a batch.
        limit_bytes: Longest line.

    Raises:
        InterestGraphError: A batch could not be written; `field` and `value` say from which line on nothing was.
        MalformedBodyError: The body ended early. Whole batches before that are written.
    """
    upload = Upload()
    numbers: list[int] = []
    raws: list[dict[str, Any]] = []
    begun = 0.0

    def flush() -> None:
        if not raws:
            return
        try:
            batch = write(raws)
        except InterestGraphError as error:
            error.field, error.value = "line", numbers[0]
            raise
        upload.accepted += batch.accepted
        upload.duplicates += batch.duplicates
        for number, refused in zip(numbers, batch.errors, strict=True):
            if refused is not None:
                upload.refuse(number, refused)
        upload.latest_at = max(upload.latest_at, batch.latest_at)
        upload.bookmarks = batch.bookmarks or upload.bookmarks
        numbers.clear()
        raws.clear()

    for line in ndjson.read_lines(read, limit_bytes=limit_bytes):
        upload.lines += 1
        if line.error is not None:
            upload.refuse(line.number, line.error)
            continue
        if not raws:
            begun = time.monotonic()
        numbers.append(line.number)
        raws.append(line.value or {})
        if len(raws) >= BATCH or time.monotonic() > begun + _LONGEST_S:
            flush()
    flush()
    return upload


@contextmanager
def body_of(request: Request) -> Iterator[Callable[[int], bytes]]:
    """Give the way to read a request's body, of any length, while the client goes on sending it.

    Raises:
        MalformedBodyError: The client is gone, is silent for too long, or its chunks are wrong.
    """
    # None would be the limit of other bodies.
    request.max_content_length = _NO_LIMIT
    socket = request.environ.get("gunicorn.socket")
    stream = request.stream
    expected, got = request.content_length, 0

    def read(size: int) -> bytes:
        nonlocal got
        try:
            piece: bytes = stream.read(size)
        except (OSError, ClientDisconnected, ParseException) as error:
            raise MalformedBodyError(
                "The body ended early.", field="body", remedy="Send all of it again; what is there already stays once."
            ) from error
        got += len(piece)
        if not piece and expected is not None and got < expected:
            raise MalformedBodyError(
                "The body is shorter than Content-Length says.", field="body", value=got, remedy="Send all of it again."
            )
        return piece

    if socket is not None:
        socket.settimeout(_SILENCE_S)
    try:
        yield read
    finally:
        if socket is not None:
            socket.setblocking(True)


def _as_line(refusal: dict[str, Any]) -> dict[str, Any]:
    """Name the field within the line: its number stands beside it."""
    if refusal["field"] is not None:
        refusal["field"] = _PLACE.sub("event", refusal["field"])
    return refusal

"""What stands in the stream: one event an entry, as JSON, and what is made of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.domain import EpochMs
from engine.errors import InterestGraphError, InvalidInputError, PayloadTooLargeError, shorten

EVENT: Final = "event"
CREATE_MISSING: Final = "create_missing"
ORIGIN: Final = "origin"
_ID_HEX_CHARS: Final = 32
_ENTRY_ID: Final = re.compile(r"\d{1,15}-\d{1,20}")
_REMEDY: Final = "Put one JSON object in UTF-8 into the field `event`."


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream.

    Attributes:
        id: Its id, `milliseconds-number`.
        data: The event as JSON; none where the entry has no such field.
        create_missing: Whether its item is made where it is not there.
        origin: Id of the entry that held the event first, where it was a dead letter in between.
    """

    id: str
    data: bytes | None
    create_missing: bool = False
    origin: str = ""

    @classmethod
    def of(cls, found: tuple[bytes, Mapping[bytes, bytes]]) -> Entry:
        """Make it of what Redis gives."""
        entry_id, fields = found
        origin = fields.get(b"origin", b"").decode(errors="replace")
        return cls(
            entry_id.decode(),
            fields.get(b"event"),
            fields.get(b"create_missing") == b"1",
            origin if _ENTRY_ID.fullmatch(origin) else "",
        )

    @property
    def first_id(self) -> str:
        """Id of the entry that held the event first."""
        return self.origin or self.id

    @property
    def at(self) -> EpochMs:
        """When the event was first put in, by the clock of the Redis server."""
        return int(self.first_id.partition("-")[0])

    def raw(self, *, limit_bytes: int) -> dict[str, Any]:
        """Give the event as `parse_event` takes it, with an id of its own where the sender gave none.

        That id is derived from the entry's id and content, so that an entry delivered twice is one event.

        Raises:
            InvalidInputError: It is no JSON object that can be read.
            PayloadTooLargeError: It is too long.
        """
        if self.data is None:
            raise InvalidInputError("The entry has no event.", field=EVENT, remedy=_REMEDY)
        raw = read_object(self.data, limit_bytes=limit_bytes)
        if raw.get("id") is None:
            content = hashlib.sha256(self.first_id.encode() + b"\x1f" + self.data).hexdigest()
            raw["id"] = f"s:{content[:_ID_HEX_CHARS]}"
        return raw


def read_object(data: bytes, *, limit_bytes: int) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        InvalidInputError: It is not UTF-8, not JSON, or no object.
        PayloadTooLargeError: It is longer than the limit.
    """
    if len(data) > limit_bytes:
        raise PayloadTooLargeError(
            f"The event has {len(data)} bytes.", field=EVENT, value=len(data), remedy=f"Send at most {limit_bytes}."
        )
    try:
        found = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"This is not UTF-8: byte {error.start} cannot be read.", field=EVENT, value=_shown(data), remedy=_REMEDY
        ) from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"This is not JSON: {error.msg}, column {error.colno}.", field=EVENT, value=_shown(data), remedy=_REMEDY
        ) from None
    except (RecursionError, ValueError) as error:
        raise InvalidInputError(
            f"This JSON cannot be read: {error}.", field=EVENT, value=_shown(data), remedy=_REMEDY
        ) from None
    if not isinstance(found, dict):
        raise InvalidInputError("This is no JSON object.", field=EVENT, value=_shown(data), remedy=_REMEDY)
    return found


def encode(event: Mapping[str, Any] | bytes | str, *, limit_bytes: int, field: str = EVENT) -> bytes:
    """Give an event as the JSON that an entry holds.

    Raises:
        InvalidInputError: It is nothing that JSON can say.
        PayloadTooLargeError: It is longer than the limit.
    """
    if isinstance(event, (bytes, str)):
        data = event if isinstance(event, bytes) else event.encode("utf-8", "surrogatepass")
    else:
        try:
            data = json.dumps(event, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, UnicodeEncodeError) as error:
            raise InvalidInputError(
                f"The event cannot be written as JSON: {error}.", field=field, value=event, remedy="Use plain values."
            ) from None
    if len(data) > limit_bytes:
        raise PayloadTooLargeError(
            f"The event has {len(data)} bytes.", field=field, value=len(data), remedy=f"Send at most {limit_bytes}."
        )
    return data


def dead_fields(entry: Entry, error: InterestGraphError, *, at: EpochMs) -> Sequence[bytes | str]:
    """Give the fields of a dead letter, name and value by turns."""
    told = {"entry": entry.first_id, "at": str(at), **{key: _text(value) for key, value in error.to_dict().items()}}
    fields: list[bytes | str] = [EVENT, entry.data or b"", CREATE_MISSING, "1" if entry.create_missing else "0"]
    for name, value in told.items():
        fields += [name, value]
    return fields


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
"""Made once: `json.loads` with an option makes one for each text."""


def _shown(data: bytes) -> Any:
    return shorten(data[:400].decode("utf-8", "backslashreplace"))

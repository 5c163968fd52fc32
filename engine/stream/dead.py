"""Dead letters: events that could not be accepted, each with its reason, to be looked at, sent again or dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from engine.domain import EpochMs
from engine.errors import InvalidInputError, NotFoundError
from engine.settings import StreamSettings
from engine.stream.connection import mapped
from engine.stream.entries import CREATE_MISSING, EVENT, ORIGIN

_PAGE: Final = 500
# A letter is put back and taken away as one, so that it is neither lost nor doubled; given back only as far as
# there is room.
_REPLAY: Final = f"""
local done = 0
for i = 3, #ARGV do
    local found = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])
    if #found == 1 then
        if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return done end
        local letter = {{}}
        for f = 1, #found[1][2], 2 do letter[found[1][2][f]] = found[1][2][f + 1] end
        local create = letter['{CREATE_MISSING}'] or '0'
        if ARGV[2] == '1' then create = '1' end
        redis.call('XADD', KEYS[1], '*', '{EVENT}', letter['{EVENT}'] or '', '{CREATE_MISSING}', create,
            '{ORIGIN}', letter['entry'] or '')
        redis.call('XDEL', KEYS[2], ARGV[i])
        done = done + 1
    end
end
return done
"""
_ID: Final = re.compile(r"\d{1,20}-\d{1,20}")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused event.

    Attributes:
        id: Its id among the dead letters.
        event: What was sent, as it came.
        entry: Id of the stream's entry that held it.
        at: When it was refused, epoch ms.
        code: Kind of the error.
        message: What is wrong.
        field: Which part of the event.
        value: What was found there.
        remedy: What to do.
    """

    id: str
    event: str
    entry: str
    at: EpochMs
    code: str
    message: str
    field: str
    value: str
    remedy: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


class DeadLetters:
    """The stream of refused events.

    Args:
        client: A connection pool to Redis.
        settings: Names and lengths of the streams.
    """

    def __init__(self, client: redis.Redis, settings: StreamSettings) -> None:
        self._client = client
        self._settings = settings
        self._replay = client.register_script(_REPLAY)

    def __len__(self) -> int:
        with mapped():
            return int(self._client.xlen(self._settings.dead_key))

    def __iter__(self) -> Iterator[DeadLetter]:
        """Give them, the oldest first."""
        after = "-"
        while True:
            with mapped():
                page: Any = self._client.xrange(self._settings.dead_key, min=after, count=_PAGE)
            for letter_id, fields in page:
                yield _letter(letter_id, fields)
            if len(page) < _PAGE:
                return
            after = f"({page[-1][0].decode()}"

    def get(self, letter_id: str) -> DeadLetter:
        """Give one.

        Raises:
            NotFoundError: It is not there.
        """
        check_id(letter_id)
        with mapped():
            found: Any = self._client.xrange(self._settings.dead_key, min=letter_id, max=letter_id)
        if not found:
            raise NotFoundError(
                "There is no such dead letter.", field="id", value=letter_id, remedy="interestgraph events dead list"
            )
        return _letter(*found[0])

    def replay(self, ids: Sequence[str], *, create_missing: bool = False) -> int:
        """Put letters back into the stream, each away from here in the same step.

        It keeps the time and the id that its first entry gave it, where the sender gave none.

        Args:
            ids: Which; unknown ones are passed over.
            create_missing: Make items that are not there, this time.

        Returns:
            How many there was room for.
        """
        done = 0
        for start in range(0, len(ids), _PAGE):
            piece = [check_id(letter_id) for letter_id in ids[start : start + _PAGE]]
            arguments: list[Any] = [self._settings.max_length, "1" if create_missing else "0"]
            with mapped():
                put: Any = self._replay(keys=[self._settings.key, self._settings.dead_key], args=arguments + piece)
            done += int(put)
            if int(put) < len(piece):
                break
        return done

    def drop(self, ids: Sequence[str]) -> int:
        """Throw letters away; give how many there were."""
        dropped = 0
        for start in range(0, len(ids), _PAGE):
            piece = [check_id(letter_id) for letter_id in ids[start : start + _PAGE]]
            with mapped():
                dropped += int(self._client.xdel(self._settings.dead_key, *piece))
        return dropped


def check_id(letter_id: str) -> str:
    """Give an id back if it has the form of one.

    Raises:
        InvalidInputError: It has not.
    """
    if not _ID.fullmatch(letter_id):
        raise InvalidInputError(
            "This is no id of a dead letter.",
            field="id",
            value=letter_id,
            remedy="Give one as `interestgraph events dead list` shows it.",
        )
    return letter_id


def _letter(letter_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    texts = {name.decode(errors="replace"): value.decode("utf-8", "backslashreplace") for name, value in fields.items()}
    told = {name: texts.get(name, "") for name in ("entry", "code", "message", "field", "value", "remedy")}
    at = texts.get("at", "")
    return DeadLetter(id=letter_id.decode(), event=texts.get(EVENT, ""), at=int(at) if at.isdigit() else 0, **told)

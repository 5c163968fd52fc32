"""JSON lines, object by object with line numbers; a broken line is a rejected row, not the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from engine.errors import shorten
from engine.importing.rejects import Rejection


def read_objects(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any] | Rejection]]:
    """Give line number and object of each line that is not empty, or the reason why it holds none."""
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError:
            yield number, _broken(number, line, "This line is not valid UTF-8.")
        except ValueError as error:
            yield number, _broken(number, line, f"This line is not JSON: {error}.")
        except RecursionError:
            yield number, _broken(number, line, "This line is nested too deeply.")
        else:
            if isinstance(found, dict):
                yield number, found
            else:
                yield number, _broken(number, line, "This line is not a JSON object.")


def _broken(number: int, line: bytes, reason: str) -> Rejection:
    return Rejection(number, "", shorten(line[:2_000].decode(errors="backslashreplace").strip()), reason)

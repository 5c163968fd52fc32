"""Loads the statements by name, checks their headers and describes them.

A statement is a file `<noun>/<name>.cypher` with a header of `//` lines before the text (README.md here has more):

    // purpose: Give a user's latest events, newest first
    // param: user_id STRING
    // param: limit INTEGER
    // returns: item_id STRING, at INTEGER epoch ms
    // mode: read
    // capability: search_clause        (only where the server must have one)

Values stand only as parameters. `<<name>>` stands for an identifier from the allow-list of `engine.graph.names`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

SUFFIX: Final = ".cypher"
_ROOT: Final = Path(__file__).parent
_PARAMETER: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_PLACEHOLDER: Final = re.compile(r"<<([a-z_]+)>>")
_HEADER: Final = re.compile(r"^//\s*(purpose|param|returns|mode|capability):\s*(.*)$")


class StatementError(ValueError):
    """A statement's file breaks the rules of this folder."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with what its header says.

    Attributes:
        name: Path below this folder without suffix, for example `events/history`.
        text: The Cypher text without the header.
        purpose: What it is for, one line.
        mode: Whether it writes.
        parameters: Name to type and meaning.
        returns: Columns with types, or `nothing`.
        placeholders: Identifiers that the caller has to name.
        capability: Ability the server must have, where it is not every server's.
    """

    name: str
    text: str
    purpose: str
    mode: Literal["read", "write"]
    parameters: Mapping[str, str]
    returns: str
    placeholders: frozenset[str] = field(default=frozenset())
    capability: str | None = None

    def render(self, identifiers: Mapping[str, str] | None = None) -> str:
        """Put identifiers, already checked, in the place of the placeholders.

        Raises:
            StatementError: One is missing or too many.
        """
        given = dict(identifiers or {})
        if set(given) != self.placeholders:
            raise StatementError(f"{self.name} needs the identifiers {sorted(self.placeholders)}, not {sorted(given)}.")
        return _PLACEHOLDER.sub(lambda match: given[match.group(1)], self.text)


def parse(name: str, source: str) -> Statement:
    """Read one file.

    Raises:
        StatementError: The header is incomplete or does not fit the text.
    """
    values: dict[str, str] = {}
    parameters: dict[str, str] = {}
    lines = source.splitlines()
    position = 0
    for position, line in enumerate(lines):  # noqa: B007 - the last position is where the text starts
        match = _HEADER.match(line)
        if match is None:
            break
        key, value = match.group(1), match.group(2).strip()
        if key == "param":
            parameter, _, meaning = value.partition(" ")
            if not meaning or parameter in parameters:
                raise StatementError(f"{name}: `param: {value}` has no type or stands twice.")
            parameters[parameter] = meaning
        elif key in values:
            raise StatementError(f"{name}: `{key}` stands twice in the header.")
        else:
            values[key] = value
    text = "\n".join(lines[position:]).strip()
    if missing := {"purpose", "returns", "mode"} - set(values):
        raise StatementError(f"{name}: the header lacks {', '.join(sorted(missing))}.")
    mode = values["mode"]
    if mode not in ("read", "write"):
        raise StatementError(f"{name}: mode is read or write, not {mode}.")
    code = re.sub(r"//[^\n]*", "", text)
    used = set(_PARAMETER.findall(code))
    if used != set(parameters):
        raise StatementError(f"{name}: header names {sorted(parameters)}, the text uses {sorted(used)}.")
    if ";" in re.sub(r"'[^']*'", "", code).rstrip().rstrip(";"):
        raise StatementError(f"{name}: one statement a file.")
    return Statement(
        name=name,
        text=text.rstrip(";").rstrip(),
        purpose=values["purpose"],
        mode="read" if mode == "read" else "write",
        parameters=parameters,
        returns=values["returns"],
        placeholders=frozenset(_PLACEHOLDER.findall(code)),
        capability=values.get("capability"),
    )


def statement(name: str) -> Statement:
    """Give a statement by name.

    Raises:
        StatementError: There is none; it names close ones.
    """
    known = _all()
    try:
        return known[name]
    except KeyError:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise StatementError(f"There is no statement {name!r}.{hint}") from None


def statements() -> list[Statement]:
    """Give every statement, by name; migrations stand apart."""
    return [_all()[name] for name in sorted(_all())]


def describe() -> list[dict[str, str]]:
    """Give what the headers say as rows of a table: name, mode, purpose, parameters, returns, capability."""
    return [
        {
            "name": entry.name,
            "mode": entry.mode,
            "purpose": entry.purpose,
            "parameters": "; ".join(f"{name} {meaning}" for name, meaning in entry.parameters.items()),
            "returns": entry.returns,
            "capability": entry.capability or "",
        }
        for entry in statements()
    ]


def migrations() -> list[Statement]:
    """Give the migrations in their order."""
    return [parse(_name(path), path.read_text("utf-8")) for path in sorted((_ROOT / "migrations").glob(f"*{SUFFIX}"))]


@lru_cache(maxsize=1)
def _all() -> dict[str, Statement]:
    paths = (path for path in _ROOT.rglob(f"*{SUFFIX}") if path.parent.name != "migrations")
    return {_name(path): parse(_name(path), path.read_text("utf-8")) for path in paths}


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).with_suffix("").as_posix()

"""Users: id and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

import polars as pl

from engine.errors import InvalidInputError
from engine.graph.entities import upsert_users
from engine.graph.records import User, user_row
from engine.graph.store import GraphStore
from engine.importing.checks import Checks
from engine.importing.columns import USER_FIELDS, resolve_columns
from engine.importing.nodes import KnownRows, attribute_columns, numbered, plain, put, read_attributes
from engine.importing.reading import Source
from engine.importing.rejects import Rejection
from engine.importing.run import ImportOptions, ImportReport, ImportRun
from engine.importing.values import UNIT_NAMES, TimeUnit, guess_time_unit
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class UserMapping:
    """How rows become users.

    Attributes:
        columns: Column by field (id, created_at); others are guessed.
        attributes: Column by attribute, a kind may follow a colon; none takes every column that is left.
        time_unit: Unit of `created_at` where it is a number; guessed where none is given.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    attributes: Mapping[str, str] | None = None
    time_unit: TimeUnit | None = None


def import_users(
    store: GraphStore | None,
    source: Source,
    mapping: UserMapping,
    *,
    settings: Settings,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Put the users of a source; arguments and errors as with `import_items`."""
    columns = resolve_columns(USER_FIELDS, source.columns(), mapping.columns)
    attributes, left_out = attribute_columns(source, list(columns.values()), mapping.attributes)
    run = ImportRun(
        store,
        source,
        kind="users",
        mapping={"columns": columns, "read": attributes, **asdict(mapping)},
        options=options or ImportOptions(),
    )
    if run.known is not None:
        return run.known
    run.notes.extend(f"column {column}: left out, no name for an attribute" for column in left_out)
    unit, known = mapping.time_unit, KnownRows()
    with run.running():
        for chunk in run.chunks():
            if "created_at" in columns and unit is None:
                unit = guess_time_unit(chunk.table[columns["created_at"]])
                if unit is not None:
                    run.notes.append(f"created_at: read as {UNIT_NAMES[unit]}")
            users = _users(chunk.table, columns, attributes, unit, run, known, settings)
            put(run, users, None if store is None else partial(upsert_users, store), "users")
    return run.report()


def _users(
    table: pl.DataFrame,
    columns: Mapping[str, str],
    attributes: Mapping[str, str],
    unit: TimeUnit | None,
    run: ImportRun,
    known: KnownRows,
    settings: Settings,
) -> list[tuple[int, User]]:
    """Check a chunk and make its good rows users."""
    checks = Checks(table)
    ids = checks.id(table[columns["id"]], "id")
    created_at = pl.repeat(None, table.height, dtype=pl.Int64, eager=True)
    if "created_at" in columns:
        created_at = checks.time(
            table[columns["created_at"]],
            "created_at",
            unit,
            now=run.now,
            max_future_s=settings.events.max_future_s,
            required=False,
        )
    read = read_attributes(table, attributes, checks)
    run.reject(checks.rejections())
    users: list[tuple[int, User]] = []
    refused: list[Rejection] = []
    for place, (row, good, user_id, created) in enumerate(
        zip(numbered(table), checks.good, ids, created_at, strict=True)
    ):
        if not good:
            continue
        values = {name: value for name, column in read.items() if (value := plain(column[place])) is not None}
        user = User(user_id, values, created)
        try:
            content = user_row(user)
        except InvalidInputError as error:
            refused.append(Rejection(row, error.field or "", error.value, error.message))
            continue
        judged = known.judge(row, user_id, content)
        if isinstance(judged, Rejection):
            refused.append(judged)
        else:
            users.append((row, user))
    run.reject(refused)
    return users

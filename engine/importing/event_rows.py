"""Rows of behaviour, checked as a whole: the rules of `engine.events.parse`, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from engine.domain import EpochMs
from engine.errors import InvalidInputError
from engine.events.parse import MAX_QUERY_CHARS, value_bounds
from engine.importing.checks import Checks
from engine.importing.reading import ROW
from engine.importing.rejects import Rejection
from engine.importing.values import TimeUnit, as_numbers, as_texts
from engine.interests.signals import type_settings
from engine.settings import EventSettings

_CONTENT: Final = ("user_id", "item_id", "type", "at", "value", "query", "followed_id", "recommendation_id")
"""What an id is derived from where none is given."""

_OBJECTS: Final = {"item": "an item", "query": "the words of a search", "user": "another user"}


def check_mapping(
    columns: Mapping[str, str], constant_type: str | None, found: Sequence[str], settings: EventSettings
) -> None:
    """See that events can be made of these columns.

    Raises:
        InvalidInputError: Type, or what events are on, has no column; or the constant type is not known.
    """
    listed = f"Columns found: {', '.join(found)}."
    if constant_type is not None:
        type_settings(constant_type, settings)
    elif "type" not in columns:
        raise InvalidInputError(
            "No column was found for type.",
            field="column type",
            remedy=f"Say it for all rows: --type purchase; or name it: --column type=COLUMN. {listed}",
        )
    if not columns.keys() & {"item_id", "query", "followed_id"}:
        raise InvalidInputError(
            "No column was found for item_id.",
            field="column item_id",
            remedy=f"Name it: --column item_id=COLUMN. {listed}",
        )


def check_events(
    table: pl.DataFrame,
    columns: Mapping[str, str],
    *,
    constant_type: str | None,
    type_names: Mapping[str, str],
    unit: TimeUnit | None,
    now: EpochMs,
    settings: EventSettings,
) -> tuple[pl.DataFrame, list[Rejection]]:
    """Check rows.

    Args:
        table: Rows as the source has them.
        columns: Column by field.
        constant_type: Type of all of them; none reads the column.
        type_names: Types by the source's name for them.
        unit: Unit of numeric times.
        now: The present, epoch ms.
        settings: Registry of types, bounds of ratings and times.

    Returns:
        The good rows with the columns `ROW`, id, type, user_id, item_id, at, value, query, followed_id,
        recommendation_id; and what is wrong with the others.
    """
    checks = Checks(table)
    height = table.height

    def column(name: str) -> pl.Series:
        if name in columns:
            return table[columns[name]]
        return pl.repeat(None, height, dtype=pl.String, eager=True)

    user_id = checks.id(column("user_id"), "user_id")
    item_id = checks.id(column("item_id"), "item_id", required=False)
    query = checks.id(column("query"), "query", required=False)
    if constant_type is None:
        given = as_texts(column("type")).str.strip_chars()
        types = given.replace(dict(type_names)) if type_names else given
        known = types.is_in(list(settings.types)).fill_null(False)
        checks.reject(~known, "type", given, f"This type is not known; use one of: {', '.join(settings.types)}.")
    else:
        types = pl.repeat(constant_type, height, dtype=pl.String, eager=True)
    followed_id = checks.id(column("followed_id"), "followed_id", required=False)
    for name, wanted, given in (
        ("item_id", "item", item_id), ("query", "query", query), ("followed_id", "user", followed_id)
    ):  # fmt: skip
        kinds = [kind for kind, entry in settings.types.items() if entry.object == wanted]
        needs = types.is_in(kinds).fill_null(False)
        checks.reject(needs & given.is_null(), name, column(name), "This field is required.")
        others = types.is_in([kind for kind in settings.types if kind not in kinds]).fill_null(False)
        checks.reject(others & given.is_not_null(), name, given, f"Only events on {_OBJECTS[wanted]} have it.")
    checks.reject(query.str.len_chars() > MAX_QUERY_CHARS, "query", query, f"At most {MAX_QUERY_CHARS} characters.")
    checks.reject((followed_id == user_id).fill_null(False), "followed_id", followed_id, "A user follows others only.")
    at = checks.time(column("at"), "at", unit, now=now, max_future_s=settings.max_future_s, required=True)
    value = _check_value(column("value"), types, checks, settings)
    good = pl.DataFrame(
        {
            ROW: table[ROW],
            "id": checks.id(column("id"), "id", required=False),
            "type": types,
            "user_id": user_id,
            "item_id": item_id,
            "at": at.cast(pl.Int64),
            "value": value,
            "query": query,
            "followed_id": followed_id,
            "recommendation_id": checks.id(column("recommendation_id"), "recommendation_id", required=False),
        }
    )
    _reject_other_content(good, checks)
    return good.filter(checks.good), checks.rejections()


class Occurrences:
    """Numbers equal rows of a file, so that two units of one product in one second are two events.

    Of earlier chunks only a 64-bit hash and a count a row are kept.
    """

    def __init__(self) -> None:
        self._seen = pl.DataFrame(schema={"content": pl.UInt64, "before": pl.UInt32})

    def number(self, events: pl.DataFrame) -> pl.DataFrame:
        """Give events with the column `occurrence`: how many equal rows stand before each one in the file."""
        hashed = events.with_columns(pl.struct(_CONTENT).hash(seed=0).alias("content"))
        numbered = (
            hashed.join(self._seen, on="content", how="left", maintain_order="left")
            .with_columns((pl.int_range(pl.len()).over("content") + pl.col("before").fill_null(0)).alias("occurrence"))
            .drop("before")
        )
        counts = numbered.group_by("content").agg(pl.len().cast(pl.UInt32).alias("before"))
        self._seen = pl.concat([self._seen, counts]).group_by("content").agg(pl.col("before").sum())
        return numbered.drop("content")


def _check_value(column: pl.Series, types: pl.Series, checks: Checks, settings: EventSettings) -> pl.Series:
    values, wrong = as_numbers(column)
    checks.reject(wrong, "value", column, "The value is not a finite number.")
    for kind, entry in settings.types.items():
        of_kind = (types == kind).fill_null(False)
        low, high = value_bounds(kind, settings)
        if entry.scale != "constant":
            checks.reject(
                of_kind & values.is_null() & ~wrong, "value", column, f"An event of type {kind} needs a value."
            )
        outside = ((values < low) | (values > high)).fill_null(False)
        checks.reject(of_kind & outside, "value", column, f"A value of type {kind} lies from {low:g} to {high:g}.")
    # Minus zero would give another id than zero.
    return values.set((values == 0).fill_null(False), 0.0)


def _reject_other_content(events: pl.DataFrame, checks: Checks) -> None:
    """Reject rows whose id stands before them with other content."""
    if events["id"].null_count() == events.height:
        return
    content = pl.struct(*_CONTENT).hash(seed=0)
    # Rows without an id are compared with themselves.
    name = pl.coalesce("id", pl.format("\x00{}", ROW))
    other = events.select((content != content.first().over(name)).alias("other"))["other"]
    checks.reject(other, "id", events["id"], "This id stands in an earlier row with other content.")

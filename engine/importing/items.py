"""Items: id, title, what they are about, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from engine.errors import InvalidInputError
from engine.features.place import MEDIA, leads_outside
from engine.graph.entities import upsert_items
from engine.graph.records import About, Item, item_row
from engine.graph.store import GraphStore
from engine.importing.checks import Checks
from engine.importing.columns import ITEM_FIELDS, resolve_columns
from engine.importing.nodes import KnownRows, attribute_columns, numbered, plain, put, read_attributes
from engine.importing.reading import Source
from engine.importing.rejects import Rejection
from engine.importing.run import ImportOptions, ImportReport, ImportRun
from engine.importing.values import UNIT_NAMES, TimeUnit, as_booleans, as_texts, guess_time_unit
from engine.interests.hierarchy import Hierarchy, set_part_of
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class InterestColumn:
    """A column that says what items are about.

    Attributes:
        kind: Kind of the interests: category, brand, tag, …
        column: The column; lists, or texts.
        weight: Weight of this kind against the others; shared out among an item's interests of the kind.
        separator: What stands between several interests in one text; none where each text is one.
        weights: Column of weights, lists as long as those of interests.
    """

    kind: str
    column: str
    weight: float = 1.0
    separator: str | None = None
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class ItemMapping:
    """How rows become items.

    Attributes:
        columns: Column by field (id, title, available, created_at, description, image, audio); others are
            guessed.
        interests: Columns that say what items are about.
        text: Columns joined into `description`, which the text encoder reads.
        attributes: Column by attribute, a kind may follow a colon; none takes every column that is left.
        time_unit: Unit of `created_at` where it is a number; guessed where none is given.
        part_of: Kinds of interests and the larger kind that each is part of: an interest is part of that one of the
            larger kind which most of its rows name.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    interests: tuple[InterestColumn, ...] = ()
    text: tuple[str, ...] = ()
    attributes: Mapping[str, str] | None = None
    time_unit: TimeUnit | None = None
    part_of: tuple[tuple[str, str], ...] = ()


def import_items(
    store: GraphStore | None,
    source: Source,
    mapping: ItemMapping,
    *,
    settings: Settings,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Put the items of a source.

    Args:
        store: The graph; none checks only.
        source: Where rows come from.
        mapping: How rows become items.
        settings: Clock skew allowed; the folder of media files, out of which no row may lead.
        options: How the import runs.

    Raises:
        InvalidInputError: A column is missing, unknown or ambiguous.
        ImportLimitError: Too many rows were rejected; what was accepted before stays.
    """
    options = options or ImportOptions()
    _check_part_of(mapping)
    columns, left_out = _columns(source, mapping)
    run = ImportRun(
        store,
        source,
        kind="items",
        mapping={"columns": columns, **asdict(mapping)},
        options=options,
    )
    if run.known is not None:
        return run.known
    run.notes.extend(f"column {column}: left out, no name for an attribute" for column in left_out)
    unit, known, hierarchy = mapping.time_unit, KnownRows(), Hierarchy(mapping.part_of)
    with run.running():
        for chunk in run.chunks():
            if "created_at" in columns and unit is None:
                unit = guess_time_unit(chunk.table[columns["created_at"]])
                if unit is not None:
                    run.notes.append(f"created_at: read as {UNIT_NAMES[unit]}")
            items = _items(chunk.table, columns, mapping, unit, run, known, settings)
            write = None if store is None else partial(upsert_items, store)
            put(run, items, write, "items")
            for _, item in items:
                hierarchy.add(item.about)
        if store is not None and mapping.part_of:
            placed = set_part_of(store, hierarchy.rows(), pairs=hierarchy.pairs)
            if placed.behind:
                run.notes.append(
                    f"hierarchy: events before moved other interests of {placed.behind} items; to count again, run "
                    "interestgraph verify --repair"
                )
    if divided := hierarchy.divided():
        run.notes.append(f"interests: {divided} are part of the larger one that most of their rows name")
    return run.report()


def _check_part_of(mapping: ItemMapping) -> None:
    """See that the hierarchy names kinds that columns have."""
    kinds = {entry.kind for entry in mapping.interests}
    for kind in (kind for pair in mapping.part_of for kind in pair):
        if kind not in kinds:
            raise InvalidInputError(
                "No column says interests of this kind.",
                field="part_of",
                value=kind,
                remedy=f"Kinds that columns have: {', '.join(sorted(kinds)) or 'none'}.",
            )


def _columns(source: Source, mapping: ItemMapping) -> tuple[dict[str, str], list[str]]:
    """Give column by field, attributes under `attribute NAME`."""
    found = source.columns()
    for name in (*(entry.column for entry in mapping.interests), *mapping.text):
        if name not in found:
            raise InvalidInputError(
                "There is no such column.",
                field="interest or text",
                value=name,
                remedy=f"Columns found: {', '.join(found)}.",
            )
    chosen = {entry.column for entry in mapping.interests} | set(mapping.text)
    free = [column for column in found if column not in chosen or column in mapping.columns.values()]
    fields = [entry for entry in ITEM_FIELDS if entry.name != "description" or not mapping.text]
    columns = resolve_columns(fields, free, mapping.columns)
    taken = [*columns.values(), *chosen, *(entry.weights for entry in mapping.interests if entry.weights)]
    attributes, left_out = attribute_columns(source, taken, mapping.attributes)
    for name in ("description", *MEDIA):
        if name in columns:
            attributes[name] = columns.pop(name)
    return columns | {f"attribute {name}": column for name, column in attributes.items()}, left_out


def _items(
    table: pl.DataFrame,
    columns: Mapping[str, str],
    mapping: ItemMapping,
    unit: TimeUnit | None,
    run: ImportRun,
    known: KnownRows,
    settings: Settings,
) -> list[tuple[int, Item]]:
    """Check a chunk and make its good rows items."""
    checks = Checks(table)
    ids = checks.id(table[columns["id"]], "id")
    nothing = pl.repeat(None, table.height, dtype=pl.String, eager=True)
    titles = as_texts(table[columns["title"]]) if "title" in columns else nothing
    available = pl.repeat(True, table.height, eager=True)
    if "available" in columns:
        available, wrong = as_booleans(table[columns["available"]])
        checks.reject(wrong, "available", table[columns["available"]], "This is neither true nor false.")
    created_at = nothing
    if "created_at" in columns:
        created_at = checks.time(
            table[columns["created_at"]],
            "created_at",
            unit,
            now=run.now,
            max_future_s=settings.events.max_future_s,
            required=False,
        )
    prefix = "attribute "
    attributes = read_attributes(
        table, {name[len(prefix) :]: column for name, column in columns.items() if name.startswith(prefix)}, checks
    )
    _check_media(attributes, settings.model.media_folder, checks)
    about = _about(table, mapping.interests)
    texts = [as_texts(table[name]).to_list() for name in mapping.text]
    run.reject(checks.rejections())

    items: list[tuple[int, Item]] = []
    refused: list[Rejection] = []
    fields = zip(numbered(table), checks.good, ids, titles, available, created_at, about, strict=True)
    for place, (row, good, item_id, title, is_available, created, interests) in enumerate(fields):
        if not good:
            continue
        values = {name: value for name, column in attributes.items() if (value := plain(column[place])) is not None}
        if described := ". ".join(text for column in texts if (text := column[place]) and text.strip()):
            values["description"] = described
        item = Item(
            item_id,
            title=title if title and title.strip() else None,
            attributes=values,
            about=interests,
            available=is_available is not False,
            created_at=created,
        )
        try:
            content = item_row(item)
        except InvalidInputError as error:
            refused.append(Rejection(row, error.field or "", error.value, error.message))
            continue
        judged = known.judge(row, item_id, content)
        if judged is True:
            items.append((row, item))
        elif isinstance(judged, Rejection):
            refused.append(judged)
    run.reject(refused)
    return items


def _check_media(attributes: Mapping[str, list[Any]], folder: Path | None, checks: Checks) -> None:
    """Refuse names of files that lead out of the media folder."""
    for name in MEDIA:
        said = attributes.get(name)
        if folder is not None and said is not None:
            outside = [isinstance(value, str) and leads_outside(folder, value) for value in said]
            checks.reject(pl.Series(outside), name, pl.Series(said), "This path leads out of the media folder.")


def _about(table: pl.DataFrame, interests: tuple[InterestColumn, ...]) -> list[tuple[About, ...]]:
    """Give what each row is about."""
    found: list[list[About]] = [[] for _ in range(table.height)]
    for entry in interests:
        weights: list[Any] = table[entry.weights].to_list() if entry.weights else [None] * table.height
        for about, value, given in zip(found, _names(table[entry.column], entry.separator), weights, strict=True):
            shares = given if given is not None else [1.0] * len(value)
            named = [(name.strip(), share) for name, share in zip(value, shares, strict=True) if name and name.strip()]
            total = sum(share for _, share in named)
            about.extend(About(entry.kind, name, entry.weight * share / total) for name, share in named)
    return [tuple(about) for about in found]


def _names(column: pl.Series, separator: str | None) -> list[list[str]]:
    if isinstance(column.dtype, pl.List):
        return [value or [] for value in column.cast(pl.List(pl.String)).to_list()]
    texts = as_texts(column).to_list()
    if separator is None:
        return [[text] if text else [] for text in texts]
    return [text.split(separator) if text else [] for text in texts]

"""Social links: who follows whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import polars as pl

from engine.graph.entities import set_follows
from engine.graph.records import Follow
from engine.graph.store import GraphStore
from engine.importing.checks import Checks
from engine.importing.columns import SOCIAL_FIELDS, resolve_columns
from engine.importing.reading import ROW, Source
from engine.importing.rejects import Rejection
from engine.importing.run import ImportOptions, ImportReport, ImportRun
from engine.importing.values import as_numbers

_BATCH_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class SocialMapping:
    """How rows become links.

    Attributes:
        columns: Column by field (source, target, weight); others are guessed.
        both_ways: Each row says two links.
        create_missing: Make users that are not there, instead of rejecting the row.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    both_ways: bool = False
    create_missing: bool = False


def import_social(
    store: GraphStore | None, source: Source, mapping: SocialMapping, *, options: ImportOptions | None = None
) -> ImportReport:
    """Set who follows whom; of rows with the same two users the last counts.

    Arguments and errors as with `import_items`.
    """
    columns = resolve_columns(SOCIAL_FIELDS, source.columns(), mapping.columns)
    run = ImportRun(
        store,
        source,
        kind="social",
        mapping={"columns": columns, **asdict(mapping)},
        options=options or ImportOptions(),
    )
    if run.known is not None:
        return run.known
    with run.running():
        for chunk in run.chunks():
            good = _check(chunk.table, columns, run)
            for start in range(0, good.height, _BATCH_ROWS):
                batch = good.slice(start, _BATCH_ROWS)
                if store is None:
                    run.wrote(batch.height, accepted=batch.height)
                elif not run.is_written(batch.height):
                    _write(store, batch, mapping, run)
                run.report_progress("social")
    return run.report()


def _check(table: pl.DataFrame, columns: Mapping[str, str], run: ImportRun) -> pl.DataFrame:
    checks = Checks(table)
    source = checks.id(table[columns["source"]], "source")
    target = checks.id(table[columns["target"]], "target")
    checks.reject(source == target, "target", target, "A user does not follow themselves.")
    weight = pl.repeat(1.0, table.height, eager=True)
    if "weight" in columns:
        weight, wrong = as_numbers(table[columns["weight"]])
        checks.reject(wrong, "weight", table[columns["weight"]], "This is not a finite number.")
        checks.reject((weight <= 0) | (weight >= 1e12), "weight", weight, "A weight is positive.")
        weight = weight.fill_null(1.0)
    run.reject(checks.rejections())
    return pl.DataFrame({ROW: table[ROW], "source": source, "target": target, "weight": weight}).filter(checks.good)


def _write(store: GraphStore, batch: pl.DataFrame, mapping: SocialMapping, run: ImportRun) -> None:
    height = batch.height
    if not mapping.create_missing:
        batch = _without_unknown(store, batch, run)
    links = [Follow(*link) for link in batch.select("source", "target", "weight").iter_rows()]
    if mapping.both_ways:
        links += [Follow(link.target, link.source, link.weight) for link in links]
    changed = set_follows(store, links, create_missing=mapping.create_missing, batch_size=2 * _BATCH_ROWS)
    run.wrote(height, accepted=min(changed, batch.height), refused=height - batch.height)


def _without_unknown(store: GraphStore, batch: pl.DataFrame, run: ImportRun) -> pl.DataFrame:
    """Reject the rows that name users who are not in the graph."""
    users = pl.concat([batch["source"], batch["target"]]).unique().to_list()
    missing = [row["id"] for row in store.read("imports/missing_users", ids=users)]
    if not missing:
        return batch
    unknown_source, unknown_target = (batch[name].is_in(missing) for name in ("source", "target"))
    run.reject(
        Rejection(row, field, value, "This user is not in the graph.", settled=False)
        for field, unknown in (("source", unknown_source), ("target", unknown_target & ~unknown_source))
        for row, value in batch.filter(unknown).select(ROW, field).iter_rows()
    )
    return batch.filter(~(unknown_source | unknown_target))

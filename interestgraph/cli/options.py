"""Options that several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON lines (both also .gz) or Parquet.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", "-c", metavar="FIELD=COLUMN", help="Which column a field is; nothing after = for none."),
]
Format = Annotated[str | None, typer.Option("--format", help="csv, jsonl or parquet; guessed by name.")]
Delimiter = Annotated[str | None, typer.Option(help="What separates CSV fields; guessed from the header.")]
Unit = Annotated[str | None, typer.Option("--time-unit", help="Unit of numeric times: s, ms, us, ns; guessed.")]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        "-a",
        metavar="NAME[=COLUMN[:KIND]]",
        help="What to keep as attribute; kinds: text, number, integer, boolean. Without it, every column left over.",
    ),
]
NoAttributes = Annotated[bool, typer.Option("--no-attributes", help="Keep no attributes.")]
CreateMissing = Annotated[
    bool, typer.Option(help="Make what rows name and the graph lacks, instead of rejecting them.")
]
RejectsFile = Annotated[
    Path | None, typer.Option("--rejects", help="File for rejected rows, .jsonl or .csv; FILE.rejects.jsonl by itself.")
]
MaxShare = Annotated[float, typer.Option("--max-reject-share", min=0, max=1, help="Share of rows that stops the file.")]
MaxRejects = Annotated[int, typer.Option(min=0, help="Rejected rows that stop the file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only check; write nothing, ask no server.")]
Again = Annotated[bool, typer.Option("--again", help="Also when this file was imported before.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
EventKind = Annotated[str | None, typer.Option("--type", help="Type of every event; else a column says it.")]
TypeNames = Annotated[
    list[str] | None, typer.Option("--type-name", metavar="THEIRS=OURS", help="For example buy=purchase; repeatable.")
]

"""Make the tables of docs/benchmarks.md, between their two marks, and docs/accuracy.svg from the stored results.

python -m benchmarks.tables
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy import published
from benchmarks.accuracy import tables as accuracy
from benchmarks.accuracy.stored import stored_results
from benchmarks.api_latency import PERCENTILES
from benchmarks.ingest.result import VERDICTS, with_unit

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
RESULTS: Final = Path(__file__).parent / "results"
Found = Mapping[str, Any]


def main() -> None:
    """Write the tables into the page, and draw the picture."""
    published.draw(published.rows(stored_results()), published.PICTURE)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(text: str) -> str:
    """Give the page with its tables made anew from the stored results."""
    text = accuracy.filled(text)
    tables: Mapping[str, tuple[str, Callable[[Found], str]]] = {
        "latency tables": ("api-latency", latency_table),
        "ingest tables": ("ingest", ingest_table),
        "fault tables": ("faults", fault_table),
    }
    for mark, (name, table) in tables.items():
        path = RESULTS / f"{name}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        text = accuracy.between(text, mark, "" if found is None else table(found))
    return text


def latency_table(found: Found) -> str:
    """Give a row for each call of the API: percentiles, and bytes of an answer."""
    names = [f"p{percent}" for percent in PERCENTILES]
    lines = [f"{found['requests']} requests each, {found['at']}; state: {found['state']}", ""]
    lines += ["| call | " + " | ".join(f"{name} ms" for name in names) + " | bytes |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for call, row in found["calls"].items():
        cells = " | ".join(f"{row[name]:.1f}" for name in names)
        lines.append(f"| {call} | {cells} | {row['bytes']:,.0f} |")
    return "\n".join(lines) + "\n"


def ingest_table(found: Found) -> str:
    """Give a row for each number that a run of ingestion measured, beside its bars."""
    lines = [
        f"{found['machine']['cores']} cores, Neo4j {found['versions']['neo4j']}; load is that before the run:",
        "",
        "| | must | aim | measured | | commit | at | load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        cells = [with_unit(row[name], row["unit"]) for name in ("must", "aim", "measured")]
        cells += [VERDICTS[row["verdict"]], row["commit"], row["at"], f"{row['load_1_min']:.1f}"]
        lines.append(f"| {row['what']} | " + " | ".join(cells) + " |")
    lines += [f"| {name} | | | | failed: {text} | | | |" for name, text in found["failures"].items()]
    return "\n".join(lines) + "\n"


def fault_table(found: Found) -> str:
    """Give a row for each fault that was survived: nothing is kept of one that was not."""
    lines = [
        f"{found['at']}, commit {found.get('commit', 'not kept')}:",
        "",
        "| fault | events | what was counted |",
        "|---|---|---|",
    ]
    for row in found["faults"]:
        counted = [_counted(name, value) for name, value in row.items() if name not in ("fault", "events")]
        lines.append(f"| {row['fault']} | {row['events']:,} | {'; '.join(counted)} |")
    return "\n".join(lines) + "\n"


def _counted(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_counted(each, number) for each, number in value.items())
    number = isinstance(value, int) and not isinstance(value, bool)
    return f"{name.replace('_', ' ') if name.islower() else name}: {f'{value:,}' if number else value}"


if __name__ == "__main__":
    main()

"""Make the tables of docs/benchmarks.md, between their two marks, from the stored results.

python -m benchmarks.tables
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy import tables as accuracy
from benchmarks.api_latency import PERCENTILES, RESULT

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(text: str) -> str:
    """Give the page with its tables made anew from the stored results."""
    text = accuracy.filled(text)
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else None
    return accuracy.between(text, "latency tables", "" if found is None else latency_table(found))


def latency_table(found: Mapping[str, Any]) -> str:
    """Give a row for each call of the API: percentiles, and bytes of an answer."""
    names = [f"p{percent}" for percent in PERCENTILES]
    lines = [f"{found['requests']} requests each, {found['at']}; state: {found['state']}", ""]
    lines += ["| call | " + " | ".join(f"{name} ms" for name in names) + " | bytes |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for call, row in found["calls"].items():
        cells = " | ".join(f"{row[name]:.1f}" for name in names)
        lines.append(f"| {call} | {cells} | {row['bytes']:,.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

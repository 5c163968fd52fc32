"""What the demo draws: interests as bars, recommendations with reasons, what an event changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from engine.domain import MS_PER_SECOND

BAR_WIDTH = 24
TERM_STYLES = {"sequence": "cyan", "co_occurrence": "green", "interests": "magenta", "popularity": "yellow"}


def bar(share: float, width: int = BAR_WIDTH) -> str:
    """Draw a share between 0 and 1 in eighths of a character."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def interests_table(interests: Sequence[Mapping[str, Any]], before: Mapping[str, float] | None = None) -> Table:
    """Draw a user's interests, strongest first; with `before`, also how each share moved."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for column in ("interest", "kind"):
        table.add_column(column)
    table.add_column("share", justify="right")
    table.add_column("", no_wrap=True)
    if before is not None:
        table.add_column("moved", justify="right")
    top = max((float(entry["share"]) for entry in interests), default=1.0) or 1.0
    for entry in interests:
        share = float(entry["share"])
        row: list[str | Text] = [
            str(entry["name"]),
            str(entry["kind"]),
            f"{share:.1%}",
            Text(bar(share / top), style="magenta"),
        ]
        if before is not None:
            moved = share - before.get(str(entry["id"]), 0.0)
            row.append(Text(f"{moved:+.2%}", style="green" if moved > 0 else "red") if abs(moved) >= 5e-5 else "")
        table.add_row(*row)
    return table


def recommendations_table(items: Sequence[Mapping[str, Any]], before: Sequence[str] | None = None) -> Table:
    """Draw recommended items with their terms and the reason; with `before`, also how each rank moved."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("#", justify="right")
    if before is not None:
        table.add_column("was", justify="right")
    table.add_column("item")
    table.add_column("score", justify="right")
    table.add_column("why")
    ranks = {item_id: rank for rank, item_id in enumerate(before or [], start=1)}
    for entry in items:
        row: list[str | Text] = [str(entry["rank"])]
        if before is not None:
            was = ranks.get(str(entry["item_id"]))
            row.append(Text("new", style="green") if was is None else str(was))
        row += [str(entry.get("title") or entry["item_id"]), f"{float(entry['score']):.2f}", _why(entry)]
        table.add_row(*row)
    return table


def _why(entry: Mapping[str, Any]) -> Text:
    text = Text()
    if sentence := entry.get("reason"):
        text.append(f"{sentence}\n")
    for position, term in enumerate(entry.get("terms") or []):
        text.append("  " if position else "")
        name = str(term["name"])
        text.append(f"{name} {float(term['value']):+.2f}", style=TERM_STYLES.get(name, "dim"))
    return text


def course_table(at: Sequence[int], share: Sequence[float], weight: Sequence[float]) -> Table:
    """Draw an interest over time, one row a time: its share as a bar, and its weight."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("week of")
    table.add_column("share", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("weight", justify="right")
    top = max(share, default=1.0) or 1.0
    for moment, part, mass in zip(at, share, weight, strict=True):
        day = datetime.fromtimestamp(moment / MS_PER_SECOND, UTC).date().isoformat()
        drawn = Text(bar(part / top), style="magenta")
        table.add_row(day, f"{part:.1%}" if part else "–", drawn, f"{mass:.2f}" if mass else "–")
    return table

"""Published figures on the same files and protocol, beside the stored results: a table and a picture.

`python -m benchmarks.tables` makes both. The figures are those commonly cited for leave one out with full ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy.stored import digits
from benchmarks.figure import svg_pyplot

PICTURE: Final = Path(__file__).parents[2] / "docs" / "accuracy.svg"
TITLES: Final = {"beauty": "Beauty", "ml-1m": "MovieLens-1M", "lastfm": "LastFM"}
OURS: Final = {"ids": "interestgraph, ids only", "default": "interestgraph, default"}
"""Variants that are compared, by their name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model on one data set.

    Attributes:
        data: Name of the data set.
        model: As the table calls it.
        content: Whether it reads attributes, titles or genres beside ids.
        recall: Recall@10.
        ndcg: NDCG@10, or none where it is not reported.
        paper: Number at arXiv of the paper of the model; empty for ours.
    """

    data: str
    model: str
    content: bool
    recall: float
    ndcg: float | None
    paper: str = ""


PUBLISHED: Final = (
    Row("beauty", "BSARec", False, 0.1008, 0.0611, "2312.10325"),
    Row("beauty", "eSASRec", False, 0.0928, 0.0523, "2508.06450"),
    Row("beauty", "SASRec, as usually copied", False, 0.0605, 0.0318, "1808.09781"),
    Row("beauty", "TIGER", True, 0.0648, 0.0384, "2305.05065"),
    Row("beauty", "S3-Rec", True, 0.0647, 0.0327, "2008.07873"),
    Row("ml-1m", "SASRec, 3,000 negatives", False, 0.3159, 0.1857, "2309.07602"),
    Row("ml-1m", "SASRec, full cross-entropy", False, 0.3152, 0.1821, "2309.07602"),
    Row("ml-1m", "SASRec, binary cross-entropy", False, 0.2500, 0.1341, "2309.07602"),
    Row("lastfm", "BSARec", False, 0.0807, None, "2312.10325"),
)


def rows(results: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Give published and own rows by data set, ids only first, the best recall on top."""
    found = list(PUBLISHED)
    for result in results:
        data, variant = result.get("dataset", {}).get("name"), result.get("variant", {}).get("name")
        if data not in TITLES or variant not in OURS:
            continue
        runs = result.get("runs", [result])
        recall, ndcg = (sum(run["test"][name] for run in runs) / len(runs) for name in ("recall@10", "ndcg@10"))
        seeds = f", mean of {len(runs)} seeds" if len(runs) > 1 else ""
        found.append(Row(data, OURS[variant] + seeds, variant == "default", recall, ndcg))
    order = list(TITLES)
    return sorted(found, key=lambda row: (order.index(row.data), row.content, -row.recall))


def table(found: Sequence[Row]) -> str:
    """Give a row for each model; those that read content stand apart."""
    lines = ["| data | reads | model | R@10 | N@10 | paper of the model |", "|---|---|---|---|---|---|"]
    for row in found:
        bold = "" if row.paper else "**"
        cells = ["" if value is None else digits(value) for value in (row.recall, row.ndcg)]
        lines.append(
            f"| {TITLES[row.data]} | {'ids and content' if row.content else 'ids'} | {bold}{row.model}{bold} | "
            + " | ".join(f"{bold}{cell}{bold}" if cell else "" for cell in cells)
            + f" | {f'[arXiv:{row.paper}](https://arxiv.org/abs/{row.paper})' if row.paper else ''} |"
        )
    return "\n".join(lines) + "\n"


def draw(found: Sequence[Row], path: Path) -> None:
    """Draw NDCG@10 of each model as a bar, a panel for each data set that has published ones."""
    pyplot = svg_pyplot()
    panels = [[row for row in found if row.data == data and row.ndcg is not None] for data in TITLES]
    panels = [panel for panel in panels if any(row.paper for row in panel)]
    figure, axes = pyplot.subplots(
        len(panels),
        figsize=(7, 0.8 + 0.32 * sum(map(len, panels))),
        height_ratios=[len(panel) for panel in panels],
        layout="constrained",
        squeeze=False,
    )
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        names = [f"{row.model} (+ content)" if row.content else row.model for row in panel]
        colours = ["tab:gray" if row.paper else "tab:purple" for row in panel]
        bars = axis.barh(names, [row.ndcg for row in panel], color=colours)
        axis.bar_label(bars, [digits(row.ndcg or 0) for row in panel], padding=3, fontsize=8)
        axis.invert_yaxis()
        axis.margins(x=0.12)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_title(f"{TITLES[panel[0].data]}: NDCG@10, full ranking", fontsize=9, loc="left")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)

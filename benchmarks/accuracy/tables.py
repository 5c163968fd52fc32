"""Make the tables of docs/benchmarks.md, between their two marks, from the stored results.

python -m benchmarks.accuracy.tables
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.accuracy.public import RESULTS, VARIANTS

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- accuracy tables: begin -->"
END: Final = "<!-- accuracy tables: end -->"
Result = Mapping[str, Any]


def main() -> None:
    """Write the tables into the page."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}", encoding="utf-8")


def tables(results: Sequence[Result]) -> str:
    """Give the tables as Markdown."""
    order = list(VARIANTS)
    results = sorted(results, key=lambda found: (found["dataset"]["name"], order.index(found["variant"]["name"])))
    lines = [
        "| data | variant | seeds | R@10 | N@10 | N@10, 95 % over users | N@10 valid | passes | train s | MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(found) for found in results]
    lines += ["", "Each term of the score alone, first seed, N@10 on the test:", ""]
    lines += [
        "| data | variant | all | sequence | counted edges | popularity | interests |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_terms(found) for found in results]
    return "\n".join(lines) + "\n"


def _row(found: Result) -> str:
    runs = found.get("runs", [found])
    if len(runs) == 1:
        run = runs[0]
        recall, ndcg, valid = (
            _digits(run[part][name])
            for part, name in (("test", "recall@10"), ("test", "ndcg@10"), ("valid", "ndcg@10"))
        )
        low, high = run["test_interval"]["ndcg@10"]
    else:
        test = found["summary"]["test"]
        recall, ndcg, valid = (
            f"{_digits(value['mean'])} ± {_digits(value['spread'])}"
            for value in (test["recall@10"], test["ndcg@10"], found["summary"]["valid"]["ndcg@10"])
        )
        low, high = test["ndcg@10"]["interval"]
    passes = ", ".join(f"{run['best_epoch']} of {run['epochs']}" for run in runs)
    memory = max(run["peak_memory_mb"] for run in runs)
    return (
        f"| {found['dataset']['name']} | {found['variant']['title']} | {len(runs)} | {recall} | {ndcg} | "
        f"{_digits(low)} to {_digits(high)} | {valid} | {passes} | {found['train_seconds']:.0f} | {memory} |"
    )


def _terms(found: Result) -> str:
    run = found.get("runs", [found])[0]
    cells = [_digits(run["test"]["ndcg@10"])]
    for name in ("sequence", "co_occurrence", "popularity", "interests"):
        cells.append(_digits(run["terms"][name]["ndcg@10"]) if name in run["terms"] else "")
    return f"| {found['dataset']['name']} | {found['variant']['title']} | " + " | ".join(cells) + " |"


def _digits(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


if __name__ == "__main__":
    main()

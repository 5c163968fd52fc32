"""The figure of an interest that appears, grows and fades, from the demo's running graph.

python -m benchmarks.interest_course [docs/interest.svg]
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figure import svg_pyplot
from engine.graph.store import GraphStore
from engine.settings import get_settings
from interestgraph.cli.demo.course import Course, find_course
from interestgraph.cli.services import Services
from interestgraph.client import Client

DEFAULT = Path("docs/interest.svg")


def draw(course: Course, path: Path) -> None:
    """Draw share and weight of an interest over time."""
    pyplot = svg_pyplot()
    days = [datetime.fromtimestamp(at / 1000, UTC) for at in course.at]
    figure, upper = pyplot.subplots(figsize=(7, 3), layout="constrained")
    upper.fill_between(days, [100 * share for share in course.share], color="tab:purple", alpha=0.25)
    upper.plot(days, [100 * share for share in course.share], color="tab:purple", marker="o", markersize=3)
    upper.set_ylabel("share of the user's interests, %", color="tab:purple")
    upper.set_ylim(bottom=0)
    lower = upper.twinx()
    lower.plot(days, course.weight, color="tab:gray", linestyle="--")
    lower.set_ylabel("weight, decayed", color="tab:gray")
    lower.set_ylim(bottom=0)
    upper.set_title(f"“{course.name}” of household {course.user_id}: {course.events} purchases", fontsize=10)
    figure.autofmt_xdate()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Draw the figure of the running demo."""
    settings = get_settings()
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    with GraphStore.open(settings) as store, Client(Services(settings).api_url()) as client:
        course = find_course(store, client)
    if course is None:
        sys.exit("This graph has no interest that came and went; the demo's data have: make demo.")
    draw(course, path)
    print(f"{path}: {course.name} of {course.user_id}, shares {', '.join(f'{share:.3f}' for share in course.share)}")


if __name__ == "__main__":
    main()

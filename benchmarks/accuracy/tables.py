"""The tables of accuracy in docs/benchmarks.md, made from the stored results (`benchmarks.tables`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, Final

from benchmarks.accuracy import published
from benchmarks.accuracy.public import RESULTS, VARIANTS
from benchmarks.accuracy.stored import digits, stored_results

NOTHING: Final = "No result is stored yet.\n"
OURS: Final = ("ids", "ids-1-pass")
"""Variants that stand beside the peers: these have ids only."""
Result = Mapping[str, Any]


RANKINGS: Final = {
    "model": "interestgraph",
    "co_occurrence": "counted co-occurrence",
    "popularity": "popularity",
    "popularity_7_days": "popularity, last 7 days",
}
"""What the demo's test window is ranked by, as its table calls it."""


def filled(text: str) -> str:
    """Give the page with its tables made anew from the stored results."""
    results = stored_results()
    text = between(text, "published tables", published.table(published.rows(results)))
    text = between(text, "accuracy tables", tables([found for found in results if "variant" in found]))
    text = between(text, "untrained tables", untrained_tables(results))
    text = between(text, "edge tables", edge_tables([found for found in results if "variant" in found]))
    text = between(text, "peer tables", peer_tables(results))
    text = between(text, "cold tables", cold_tables([found for found in results if "parts" in found]))
    text = between(text, "prequential tables", prequential_tables([found for found in results if "arms" in found]))
    newcomers = [found for found in results if "newcomers" in found]
    with_friends = [found for found in newcomers if "known" not in found]
    text = between(text, "newcomer tables", newcomer_tables(with_friends))
    alike = [found for found in newcomers if found.get("known") == "attributes"]
    text = between(text, "demographics tables", newcomer_tables(alike, known="attributes"))
    modalities = [json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS / "modalities").glob("*.json")]
    text = between(text, "modality tables", modality_tables(modalities))
    text = between(text, "profile tables", profile_tables([found for found in results if "profile" in found]))
    return between(text, "demo tables", demo_tables([found for found in results if "demo" in found]))


def between(text: str, name: str, tables: str) -> str:
    """Put tables between the marks of a name; a text without them stays as it is."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, mark, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{tables or NOTHING}\n{end}{after}" if mark else text


def cold_tables(results: Sequence[Result]) -> str:
    """Give a table of each run: rankings by part, recall among the first ten."""
    lines: list[str] = []
    for found in results:
        parts = found["parts"]
        names = list(dict.fromkeys(name for part in parts.values() for name in part))
        lines += [f"{found['dataset']['name']}, seed {found['seed']}, R@10:", ""]
        lines.append("| ranking | " + " | ".join(parts) + " |")
        lines.append("|---" * (len(parts) + 1) + "|")
        users = (str(next(iter(part.values()))["users"]) for part in parts.values())
        lines.append("| users measured | " + " | ".join(users) + " |")
        for name in names:
            cells = (digits(part[name]["recall@10"]) if name in part else "" for part in parts.values())
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def untrained_tables(results: Sequence[Result]) -> str:
    """Give a row for each ranking without training, and one for the model of the same files where it was measured."""
    lines: list[str] = []
    for found in results:
        if "untrained" not in found:
            continue
        data = found["dataset"]["name"]
        for name, ranking in found["untrained"].items():
            test, title = ranking["test"], " ".join(part for part in (name, ranking["chosen"]) if part)
            low, high = ranking["test_interval"]["ndcg@10"]
            cells = [digits(test["recall@10"]), digits(test["ndcg@10"]), f"{digits(low)} to {digits(high)}"]
            cells.append(digits(ranking["valid_ndcg@10"][ranking["chosen"]]))
            lines.append(f"| {data} | {title} | " + " | ".join(cells) + " |")
        for ours in results:
            if ours.get("variant", {}).get("name") in ("ids", "default") and ours["dataset"]["name"] == data:
                runs = ours.get("runs", [ours])
                cells = [_mean([run["test"][name] for run in runs]) for name in ("recall@10", "ndcg@10")]
                cells += ["", _mean([run["valid"]["ndcg@10"] for run in runs])]
                lines.append(f"| {data} | trained: {ours['variant']['title']} | " + " | ".join(cells) + " |")
    if not lines:
        return ""
    head = "| data | ranking | R@10 | N@10 | N@10, 95 % over users | N@10 valid |"
    return "\n".join([head, "|---|---|---|---|---|---|", *lines]) + "\n"


def edge_tables(results: Sequence[Result]) -> str:
    """Give a row for each model whose written-back edges were measured: MRR by each weight, the mean of the seeds.

    Results without a rule come from weights of before; they are left out.
    """
    lines: list[str] = []
    for found in results:
        runs = [
            run
            for run in found.get("runs", [found])
            if "edge_rule" in run and run["edges"].get("count", {}).get("users")
        ]
        if not runs:
            continue
        edges = [run["edges"] for run in runs]
        cells = [_mean([one[name]["mrr"] for one in edges]) for name in ("count", "attention", "learned")]
        low, high = edges[0]["learned"]["gain_interval"]
        gain = f"{100 * fmean(one['learned']['gain'] / one['count']['mrr'] for one in edges):+.1f} %"
        rule = (f"{fmean(run['edge_rule'][part] for run in runs):.2f}" for part in ("model", "count"))
        cells += [gain, f"{low:+.4f} to {high:+.4f}", ", ".join(rule)]
        title = f"{found['dataset']['name']}, {found['variant']['title']}"
        lines.append(f"| {title} | {edges[0]['count']['users']:.0f} | " + " | ".join(cells) + " |")
    if not lines:
        return ""
    head = (
        "| data, model | users | count | graph attention | learnt weight | gain | MRR of seed 1, 95 % over users | "
        "α, β |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *lines]) + "\n"


def peer_tables(results: Sequence[Result]) -> str:
    """Give a table of each data set that a peer was measured on: a row a peer, and rows of ours with ids only.

    The last column is the least time of the processor with which one of our rows of that table has as high an NDCG@10,
    as a share of the peer's up to its best epoch; ours counts everything from the read files to the finished model.
    """
    peers = [found for found in results if "peer" in found]
    lines: list[str] = []
    for data in dict.fromkeys(found["dataset"]["name"] for found in peers):
        lines += [f"{data}:", ""]
        lines += [
            "| model | seed | R@10 | N@10 | N@10, 95 % over users | N@10 valid | epochs | processor s to the best | "
            "in all | ours to its N@10 |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        ours = [
            (found["variant"]["title"], run)
            for found in results
            if found.get("variant", {}).get("name") in OURS and found["dataset"]["name"] == data
            for run in found.get("runs", [found])
        ]
        lines += [_peer_row(f"interestgraph, {title}", run) for title, run in ours]
        lines += [
            _peer_row(_peer_title(found), found, [run for _, run in ours])
            for found in peers
            if found["dataset"]["name"] == data
        ]
        lines.append("")
    return "\n".join(lines)


def prequential_tables(results: Sequence[Result]) -> str:
    """Give a table of each run: a row an arm."""
    lines: list[str] = []
    for found in results:
        how = "with a model trained" if found["trained"] else "by counted edges alone"
        lines += [f"{found['dataset']['name']}, {how}, {found['measured']} events in {found['blocks']} blocks:", ""]
        if found.get("chosen"):
            ndcg = found["chosen"]["validation_ndcg@10"]
            lines[-1:] = [
                f"(chosen on validation: {found['chosen']['passes']} passes, N@10 {digits(ndcg['model'])}; "
                f"counted edges alone {digits(ndcg['counted edges'])})",
                "",
            ]
        lines += ["| arm | R@10 | R@10, 95 % over events | R@20 | MRR | seconds |", "|---|---|---|---|---|---|"]
        for name, arm in found["arms"].items():
            low, high = arm["recall@10_interval"]
            lines.append(
                f"| {name} | {digits(arm['recall@10'])} | {digits(low)} to {digits(high)} | "
                f"{digits(arm['recall@20'])} | {digits(arm['mrr'])} | {arm['seconds']:.0f} |"
            )
        lines.append("")
    return "\n".join(lines)


def newcomer_tables(results: Sequence[Result], *, known: str = "friends") -> str:
    """Give a table of each run: a row a ranking.

    Args:
        results: The runs.
        known: What is known of the newcomers.
    """
    lines: list[str] = []
    for found in results:
        lines += [f"{found['newcomers']}, seed {found['seed']}, {found['users']} newcomers with {known}:", ""]
        lines += ["| ranking | R@10 | R@10, 95 % over users | R@20 | N@10 |", "|---|---|---|---|---|"]
        for name, row in found["rankings"].items():
            low, high = row["recall@10_interval"]
            lines.append(
                f"| {name} | {digits(row['recall@10'])} | {digits(low)} to {digits(high)} | "
                f"{digits(row['recall@20'])} | {digits(row['ndcg@10'])} |"
            )
        lines.append("")
    return "\n".join(lines)


def modality_tables(results: Sequence[Result]) -> str:
    """Give a row a variant, best first; the attention to each modality is the mean of the first seed's items."""
    if not results:
        return ""
    lines = ["| modalities | seeds | R@20 | N@20 | N@20, 95 % over users | attention |", "|---|---|---|---|---|---|"]
    rows = []
    for found in results:
        runs = found.get("runs", [found])
        recall, ndcg = ([run["test"][f"{name}@20"] for run in runs] for name in ("recall", "ndcg"))
        interval = found["summary"]["test"]["ndcg@20"] if "summary" in found else found["test_interval"]["ndcg@20"]
        low, high = interval["interval"] if isinstance(interval, dict) else interval
        shown = ", ".join(f"{name} {weight:.2f}" for name, weight in runs[0].get("fusion_weights", {}).items())
        cells = (_mean(recall), _mean(ndcg), f"{digits(low)} to {digits(high)}", shown)
        rows.append((-fmean(ndcg), f"| {found['variant']['title']} | {len(runs)} | " + " | ".join(cells) + " |"))
    return "\n".join([*lines, *(row for _, row in sorted(rows))]) + "\n"


def demo_tables(results: Sequence[Result]) -> str:
    """Give what the demo's last days are ranked by, new items and all items; the mean of the seeds."""
    lines: list[str] = []
    for found in results:
        runs = found["demo"]
        for protocol, title in (("discovery", "new items of the household"), ("next", "repeats counted too")):
            lines += [f"{title}, {len(runs)} seed{'s' if len(runs) > 1 else ''}:", ""]
            lines += ["| ranking | recall@10 | NDCG@10 | MRR | coverage@10 |", "|---|---|---|---|---|"]
            for name in runs[0]["metrics"]:
                measured = [run["metrics"][name][protocol] for run in runs]
                # What is not trained is the same with each seed.
                cells = [
                    _mean([one[metric] for one in (measured if name == "model" else measured[:1])])
                    for metric in ("recall@10", "ndcg@10", "mrr", "coverage@10")
                ]
                lines.append(f"| {RANKINGS.get(name, name)} | " + " | ".join(cells) + " |")
            lines.append("")
    return "\n".join(lines)


def profile_tables(results: Sequence[Result]) -> str:
    """Give what a step is spent on: a column for each data set, milliseconds and share of the step."""
    if not results:
        return ""
    lines = ["| part of a step | " + " | ".join(found["title"] for found in results) + " |"]
    lines.append("|---" * (len(results) + 1) + "|")
    for part in results[0]["step_ms"]:
        cells = [(found["step_ms"][part], sum(found["step_ms"].values())) for found in results]
        lines.append(f"| {part} | " + " | ".join(f"{own:.1f} ms, {own / whole:.0%}" for own, whole in cells) + " |")
    for title, key, unit in (
        ("steps of a pass", "steps", ""),
        ("a pass", "pass_seconds", " s"),
        ("validation after it", "validation_seconds", " s"),
        ("threads", "threads", ""),
        ("positions of a step", "positions_of_a_step", ""),
    ):
        lines.append(f"| {title} | " + " | ".join(f"{found[key]:g}{unit}" for found in results) + " |")
    lines.append("| of these, padding | " + " | ".join(f"{found['padding']:.1%}" for found in results) + " |")
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {digits(stdev(values))}" if len(values) > 1 else ""
    return digits(fmean(values)) + spread


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
            digits(run[part][name]) for part, name in (("test", "recall@10"), ("test", "ndcg@10"), ("valid", "ndcg@10"))
        )
        low, high = run["test_interval"]["ndcg@10"]
    else:
        test = found["summary"]["test"]
        recall, ndcg, valid = (
            f"{digits(value['mean'])} ± {digits(value['spread'])}"
            for value in (test["recall@10"], test["ndcg@10"], found["summary"]["valid"]["ndcg@10"])
        )
        low, high = test["ndcg@10"]["interval"]
    passes = ", ".join(f"{run['best_epoch']} of {run['epochs']}" for run in runs)
    memory = max(run["peak_memory_mb"] for run in runs)
    return (
        f"| {found['dataset']['name']} | {found['variant']['title']} | {len(runs)} | {recall} | {ndcg} | "
        f"{digits(low)} to {digits(high)} | {valid} | {passes} | {found['train_seconds']:.0f} | {memory} |"
    )


def _peer_title(found: Result) -> str:
    title: str = found["peer"]["title"]
    changed = ", ".join(f"{key} {value}" for key, value in found["changed"].items())
    return f"{title} ({changed})" if changed else title


def _peer_row(title: str, run: Result, ours: Sequence[Result] = ()) -> str:
    low, high = run["test_interval"]["ndcg@10"]
    total = run.get("train_cpu_seconds")
    best = run["history"][run["best_epoch"] - 1].get("cpu_seconds") if run["best_epoch"] else None
    share = ""
    if ours and best:
        as_good = [
            own["train_cpu_seconds"]
            for own in ours
            if "train_cpu_seconds" in own and own["test"]["ndcg@10"] >= run["test"]["ndcg@10"]
        ]
        share = f"{min(as_good) / best:.2f}" if as_good else "not reached"
    epochs = f"{run['best_epoch']} of {run['epochs']}" + (", cut" if run.get("ended_by_limit") else "")
    cells = (epochs, *("" if value is None else f"{value:.0f}" for value in (best, total)), share)
    return (
        f"| {title} | {run['seed']} | {digits(run['test']['recall@10'])} | {digits(run['test']['ndcg@10'])} | "
        f"{digits(low)} to {digits(high)} | {digits(run['valid']['ndcg@10'])} | " + " | ".join(cells) + " |"
    )


def _terms(found: Result) -> str:
    run = found.get("runs", [found])[0]
    cells = [digits(run["test"]["ndcg@10"])]
    for name in ("sequence", "co_occurrence", "popularity", "interests"):
        cells.append(digits(run["terms"][name]["ndcg@10"]) if name in run["terms"] else "")
    return f"| {found['dataset']['name']} | {found['variant']['title']} | " + " | ".join(cells) + " |"

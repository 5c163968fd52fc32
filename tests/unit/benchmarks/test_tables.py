from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.accuracy.published import PICTURE, PUBLISHED, draw, rows, table
from benchmarks.accuracy.stored import stored_results
from benchmarks.accuracy.tables import (
    demo_tables,
    edge_tables,
    modality_tables,
    newcomer_tables,
    prequential_tables,
    profile_tables,
)
from benchmarks.ingest.result import together
from benchmarks.tables import PAGE, fault_table, filled, ingest_table, latency_table


def result(title: str, *values: float) -> dict[str, Any]:
    runs = [{"test": {"recall@20": 2 * value, "ndcg@20": value}, "fusion_weights": {}} for value in values]
    found: dict[str, Any] = {"variant": {"title": title}}
    if len(runs) == 1:
        return {**found, **runs[0], "test_interval": {"ndcg@20": [0.01, 0.09]}}
    return {**found, "runs": runs, "summary": {"test": {"ndcg@20": {"interval": [0.02, 0.08]}}}}


def test_the_best_modality_stands_first_with_its_spread_and_attention() -> None:
    both = result("image and audio", 0.06, 0.08)
    both["runs"][0]["fusion_weights"] = {"image": 0.25, "audio": 0.75}
    rows = modality_tables([result("ids only", 0.05), both]).splitlines()[2:]
    assert rows == [
        "| image and audio | 2 | .1400 ± .0283 | .0700 ± .0141 | .0200 to .0800 | image 0.25, audio 0.75 |",
        "| ids only | 1 | .1000 | .0500 | .0100 to .0900 |  |",
    ]
    assert modality_tables([]) == ""


def test_newcomers_have_a_row_a_ranking() -> None:
    row = {"recall@10": 0.4, "recall@20": 0.3, "ndcg@10": 0.45, "recall@10_interval": [0.35, 0.44]}
    found = newcomer_tables([{"newcomers": "d", "seed": 1, "users": 9, "rankings": {"friends": row}}]).splitlines()
    assert found[0] == "d, seed 1, 9 newcomers with friends:"
    assert found[4] == "| friends | .4000 | .3500 to .4400 | .3000 | .4500 |"
    alike = newcomer_tables([{"newcomers": "d", "seed": 1, "users": 9, "rankings": {}}], known="attributes")
    assert alike.splitlines()[0] == "d, seed 1, 9 newcomers with attributes:"


def test_arms_have_a_row_each_and_say_what_validation_chose() -> None:
    arm = {"recall@10": 0.2, "recall@20": 0.3, "mrr": 0.1, "recall@10_interval": [0.15, 0.25], "seconds": 4.0}
    found: dict[str, Any] = {"dataset": {"name": "d"}, "trained": False, "measured": 9, "blocks": 2, "arms": {"x": arm}}
    plain = prequential_tables([found]).splitlines()
    assert plain[0] == "d, by counted edges alone, 9 events in 2 blocks:"
    assert plain[4] == "| x | .2000 | .1500 to .2500 | .3000 | .1000 | 4 |"
    chosen = {"passes": 7, "validation_ndcg@10": {"counted edges": 0.08, "model": 0.09}}
    trained = prequential_tables([{**found, "trained": True, "chosen": chosen}]).splitlines()
    assert trained[:3] == [
        "d, with a model trained, 9 events in 2 blocks:",
        "(chosen on validation: 7 passes, N@10 .0900; counted edges alone .0800)",
        "",
    ]
    assert trained[3:] == plain[2:]


def test_edges_have_a_row_a_model_with_the_gain_of_the_learnt_weight() -> None:
    def edges(learned: float) -> dict[str, Any]:
        count = {"users": 9.0, "mrr": 0.5}
        gain = {"gain": learned - 0.5, "gain_interval": [0.01, 0.2]}
        weights = {"count": count, "attention": {"mrr": 0.25}, "learned": {"mrr": learned, **gain}}
        return {"edges": weights, "edge_rule": {"model": 0.75, "count": 1.25}}

    head = {"dataset": {"name": "d"}, "variant": {"title": "ids"}}
    of_before = {"edges": edges(0.6)["edges"]}
    found = [{**head, "runs": [edges(0.6), edges(0.6)]}, {**head, "runs": [{}]}, {**head, "runs": [of_before]}]
    rows = edge_tables(found).splitlines()
    assert rows[2:] == [
        "| d, ids | 9 | .5000 ± .0000 | .2500 ± .0000 | .6000 ± .0000 | +20.0 % | +0.0100 to +0.2000 | 0.75, 1.25 |"
    ]
    assert edge_tables([]) == ""


def test_the_demo_has_a_table_for_new_items_and_one_for_all() -> None:
    def run(ndcg: float) -> dict[str, Any]:
        row = {"recall@10": 0.2, "ndcg@10": ndcg, "mrr": 0.3, "coverage@10": 0.01}
        other = {**row, "ndcg@10": 0.05}
        ranked = {"discovery": row, "next": {**row, "ndcg@10": 2 * ndcg}}
        return {"metrics": {"model": ranked, "popularity_7_days": {"discovery": other, "next": other}}}

    rows = demo_tables([{"demo": [run(0.1), run(0.2)]}]).splitlines()
    assert rows[0] == "new items of the household, 2 seeds:"
    assert rows[4] == "| interestgraph | .2000 ± .0000 | .1500 ± .0707 | .3000 ± .0000 | .0100 ± .0000 |"
    assert rows[5] == "| popularity, last 7 days | .2000 | .0500 | .3000 | .0100 |"
    assert rows[7] == "repeats counted too, 2 seeds:"
    assert rows[11].startswith("| interestgraph | .2000 ± .0000 | .3000 ± .1414 |")
    assert demo_tables([]) == ""


def test_a_profile_has_a_row_a_part_with_its_share() -> None:
    found = {"title": "d, ids", "step_ms": {"softmax": 30.0, "encoder": 10.0}, "steps": 350, "pass_seconds": 14.0}
    found |= {"validation_seconds": 1.5, "positions_of_a_step": 384.5, "padding": 0.012, "threads": 2}
    rows = profile_tables([found]).splitlines()
    assert rows[0] == "| part of a step | d, ids |"
    assert rows[2:4] == ["| softmax | 30.0 ms, 75% |", "| encoder | 10.0 ms, 25% |"]
    assert rows[5] == "| a pass | 14 s |"
    assert rows[-1] == "| of these, padding | 1.2% |"
    assert profile_tables([]) == ""


def test_a_call_has_a_row_with_its_percentiles() -> None:
    row = {"p50": 7.64, "p90": 9.0, "p99": 13.71, "bytes": 1234.4}
    rows = latency_table(
        {"requests": 100, "state": "8 items.", "at": "2026-11-29", "calls": {"a newcomer": row}}
    ).splitlines()
    assert rows[0] == "100 requests each, 2026-11-29; state: 8 items."
    assert rows[-1] == "| a newcomer | 7.6 | 9.0 | 13.7 | 1,234 |"


def test_a_run_of_ingestion_has_a_row_a_number_with_its_bars() -> None:
    when = {"at": "2026-11-29", "commit": "abc", "load_1_min": 0.04}
    row = {"what": "events", "unit": "1/s", "must": 2000, "aim": 5000.0, "measured": 2061.4, "verdict": "must", **when}
    share = {"what": "share", "unit": "", "must": None, "aim": None, "measured": 0.206, "verdict": "reported", **when}
    found = {"versions": {"neo4j": "2026.09.0"}, "machine": {"cores": 2}}
    rows = ingest_table({**found, "rows": [row, share], "failures": {"past": "OSError: full"}}).splitlines()
    assert rows[0] == "2 cores, Neo4j 2026.09.0; load is that before the run:"
    assert rows[4:] == [
        "| events | 2,000 1/s | 5,000 1/s | 2,061 1/s | must reached | abc | 2026-11-29 | 0.0 |",
        "| share |  |  | 0.206 | reported | abc | 2026-11-29 | 0.0 |",
        "| past | | | | failed: OSError: full | | | |",
    ]


def test_a_row_measured_again_takes_the_place_of_the_one_before() -> None:
    before = [{"name": "rest", "measured": 1}, {"name": "driver", "measured": 2}, {"name": "end-to-end", "measured": 3}]
    found = together(before, [{"name": "driver", "measured": 4}], ["stream", "driver", "rest"])
    assert found == [{"name": "driver", "measured": 4}, {"name": "rest", "measured": 1}]


def test_a_fault_has_a_row_with_what_was_counted() -> None:
    found = {"fault": "disk full", "events": 8000, "answers": ["503"], "sent_again": 1200, "refused": True}
    rows = fault_table({"at": "2026-11-29", "faults": [{**found, "graph": {"FOLLOWS": 1017}}]}).splitlines()
    assert rows[-1] == "| disk full | 8,000 | answers: ['503']; sent again: 1,200; refused: True; FOLLOWS: 1,017 |"


def test_the_page_shows_what_the_stored_results_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page  # else: python -m benchmarks.tables


def test_ours_stand_among_the_published_ones_by_recall() -> None:
    test = {"recall@10": 0.1, "ndcg@10": 0.05}
    ours = {"dataset": {"name": "beauty"}, "variant": {"name": "ids"}, "runs": [{"test": test}, {"test": test}]}
    without = {**ours, "variant": {"name": "no-graph"}}
    found = rows([ours, without, {"dataset": {"name": "beauty"}, "peer": {}}])
    assert len(found) == len(PUBLISHED) + 1
    assert [row.model for row in found[:3]] == ["BSARec", "interestgraph, ids only, mean of 2 seeds", "eSASRec"]
    line = "| Beauty | ids | **interestgraph, ids only, mean of 2 seeds** | **.1000** | **.0500** |  |"
    assert table(found).splitlines()[3] == line


def test_the_picture_shows_what_the_stored_results_say(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.svg"
    draw(rows(stored_results()), drawn)
    assert drawn.read_bytes() == PICTURE.read_bytes()  # else: python -m benchmarks.tables

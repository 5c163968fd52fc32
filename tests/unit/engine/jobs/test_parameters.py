from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.jobs.job import new_job_id
from engine.jobs.parameters import PARAMETERS, JobKind, ReembedParameters, RetrainParameters, parse_parameters


@pytest.mark.parametrize("kind", list(JobKind))
def test_defaults_go_to_json_and_back(kind: JobKind) -> None:
    parsed = parse_parameters(kind, {})
    assert isinstance(parsed, PARAMETERS[kind])
    stored = json.loads(json.dumps(parsed.model_dump(mode="json", exclude_none=True)))
    assert parse_parameters(kind, stored) == parsed


@pytest.mark.parametrize(
    ("kind", "raw", "field"),
    [
        ("paint", {}, "kind"),
        ("reembed", {"selektion": "all"}, "selektion"),
        ("reembed", {"selection": "some"}, "selection"),
        ("reembed", {"selection": "items"}, "ids"),
        ("reembed", {"selection": "all", "ids": ["a"]}, "ids"),
        ("reembed", {"selection": "items", "ids": "abc"}, "ids"),
        ("reembed", {"selection": "items", "ids": ["a", 3]}, "ids[1]"),
        ("reembed", {"selection": "items", "ids": [""]}, "ids[0]"),
        ("reembed", {"selection": "items", "ids": ["a" * 513]}, "ids[0]"),
        ("reembed", {"selection": "items", "ids": ["a"] * 10_001}, "ids"),
        ("reembed", {"hops": 3}, "hops"),
        ("reembed", {"hops": "1"}, "hops"),
        ("reembed", {"version": "v1` SET n.x = 1 //"}, "version"),
        ("reembed", {"selection": "dirty", "activate": True}, "activate"),
        ("retrain", {"training": {"epochs": 0}}, "training.epochs"),
        ("retrain", {"training": {"learning_rate": float("nan")}}, "training.learning_rate"),
        ("retrain", {"training": {"home": "/tmp"}}, "training.home"),
        ("rebuild_co_occurrence", {"fast": True}, "fast"),
    ],
)
def test_wrong_parameter_is_named(kind: str, raw: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_parameters(kind, raw)
    assert caught.value.field == field
    assert caught.value.remedy


def test_ids_stand_once_and_in_order() -> None:
    parsed = parse_parameters("reembed", {"selection": "users", "ids": ["b", "a", "b"]})
    assert isinstance(parsed, ReembedParameters)
    assert parsed.ids == ["a", "b"]


def test_overrides_keep_what_was_given_only() -> None:
    parsed = parse_parameters("retrain", {"training": {"epochs": 3, "learning_rate": 1}})
    assert isinstance(parsed, RetrainParameters)
    assert parsed.training.model_dump(exclude_none=True) == {"epochs": 3, "learning_rate": 1}


@given(st.dictionaries(st.text(max_size=12), st.recursive(st.none() | st.integers() | st.text(), st.lists), max_size=3))
def test_any_plain_data_is_taken_or_named(raw: dict[str, Any]) -> None:
    for kind in JobKind:
        try:
            parsed = parse_parameters(kind, raw)
        except InvalidInputError as error:
            assert error.field
        else:
            assert set(raw) <= set(type(parsed).model_fields)


def test_names_of_jobs_sort_by_time_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [0, 35, 36, 1_795_523_003_312, 1_795_523_003_313, 1_795_523_036_000, 4_102_444_800_000]
    names = []
    for time in times:
        monkeypatch.setattr("engine.jobs.job.now_ms", lambda time=time: time)
        names.append(new_job_id())
    assert names == sorted(names)
    assert {len(name) for name in names} == {18}
    assert len({new_job_id() for _ in range(20)}) == 20

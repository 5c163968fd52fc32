"""Files that do not fit are refused by file and line; what is left out is counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError, TrainingError
from engine.evaluation.case import sequence_case, with_overrides
from engine.evaluation.files import read_events, read_sequences
from engine.settings import load_settings


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_ids_are_names_and_gaps_do_no_harm(tmp_path: Path) -> None:
    source = read_sequences(_write(tmp_path, "s.txt", "u1 a 900 a\nu2 b\n\n"))
    assert list(source.interactions.user_ids) == ["u1", "u2"]
    assert list(source.items.ids) == ["a", "900", "b"]
    assert source.interactions.items.tolist() == [0, 1, 0, 2]
    assert source.interactions.times.tolist() == [0, 1, 2, 0]


def test_titles_and_attributes_find_their_items_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    items = _write(tmp_path, "items.csv", 'item_id,title,genres\na,"One, two",x|y\nnew,Three,\n')
    attributes = _write(tmp_path, "a.json", '{"a": [7, 7], "ghost": [1], "b": [7]}')
    source = read_sequences(_write(tmp_path, "s.txt", "u a b c\n"), items=items, attributes=attributes)
    assert list(source.items.ids) == ["a", "b", "c", "new"]
    assert list(source.texts) == ["One, two", "", "", "Three"]
    about = dict(zip(source.items.interest_ids, source.items.about.toarray()[0], strict=True))
    assert about == pytest.approx({"genres:x": 1 / 3, "genres:y": 1 / 3, "attribute:7": 1 / 3})
    assert source.notes == {
        "items_without_behaviour": 1,
        "items_without_title": 2,
        "attributes_of_unknown_items": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no sequences"),
        ("u 1 2 3\nv\n", "The user has no items"),
        ("u 1 2 3\nu 4\n", "stands on line 1 already"),
    ],
)
def test_bad_sequences_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_sequences(_write(tmp_path, "s.txt", text))
    assert str(caught.value.field).startswith("s.txt")


def test_a_last_line_without_end_is_noted(tmp_path: Path) -> None:
    assert read_sequences(_write(tmp_path, "s.txt", "u a b c\nv a b")).notes == {"last_line_has_no_end": 1}
    assert read_sequences(_write(tmp_path, "s.txt", "u a b c\nv a b\n")).notes == {}


def test_cut_files_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(("u 1 2 3\n" * 1).encode() + bytes(range(48, 58)) * 500)
    cut = tmp_path / "s.txt.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match="cut or damaged"):
        read_sequences(cut)
    good = _write(tmp_path, "s.txt", "u a b c\n")
    with pytest.raises(InvalidInputError, match="may be cut"):
        read_sequences(good, attributes=_write(tmp_path, "a.json", '{"a": [1, 2'))
    with pytest.raises(InvalidInputError, match="1 of 2 columns") as caught:
        read_sequences(good, items=_write(tmp_path, "i.csv", "item_id,title\na,x\nb\n"))
    assert caught.value.field == "i.csv:3"
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_sequences(tmp_path / "none.txt")


def test_events_have_types_and_times_in_any_usual_form(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "events.csv",
        "user_id,item_id,event,timestamp\nu,a,view,1430623510\nu,b,buy,1430623511000\nv,a,view,2020-01-01T00:00:00Z\n",
    )
    source = read_events(path, event_types=("view", "purchase"))
    assert source.interactions.times.tolist() == [1430623510000, 1430623511000, 1577836800000]
    assert source.interactions.types.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("u,a,stare,5", "type is unknown"),
        ("u,a,view,soon", "neither a number"),
        ("u,a,view,2020-01-01T00:00:00", "no zone"),
        ("u,a,view,nan", "no number of seconds"),
        ("u,,view,5", "item_id is empty"),
    ],
)
def test_bad_events_name_the_line(tmp_path: Path, row: str, message: str) -> None:
    path = _write(tmp_path, "events.csv", f"user_id,item_id,type,at\n{row}\n")
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_events(path, event_types=("view",))
    assert caught.value.field == "events.csv:2"


def test_the_last_two_items_are_held_out_and_short_users_only_teach(tmp_path: Path) -> None:
    case = sequence_case(_write(tmp_path, "s.txt", "u a b c d\nshort d b\nv b c a\n"), load_settings())
    split, ids = case.split, case.data.items.ids
    assert [ids[item] for item in split.train.items] == ["a", "b", "d", "b", "b"]
    assert np.diff(split.train.offsets).tolist() == [2, 2, 1]
    assert split.validation.users.tolist() == split.test.users.tolist() == [0, 2]
    assert [ids[item] for item in split.validation.positives.indices] == ["c", "c"]
    assert [ids[item] for item in split.test.positives.indices] == ["d", "a"]
    assert [ids[item] for item in split.test.history.items] == ["a", "b", "c", "d", "b", "b", "c"]
    described = case.describe()
    assert described["users_too_short_to_measure"] == 1
    assert described["items_not_in_training"] == 1  # c


def test_nobody_long_enough_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="three events"):
        sequence_case(_write(tmp_path, "s.txt", "u a\nv a b\n"), load_settings())


def test_settings_are_replaced_by_name() -> None:
    settings = with_overrides(["model.dropout=0.25", "training.max_seconds=null"])
    assert settings.model.dropout == 0.25
    for wrong in ("model.dropoutt=1", "api.port=1", "dropout=1", "model.dropout"):
        with pytest.raises(InvalidInputError, match="no such setting"):
            with_overrides([wrong])

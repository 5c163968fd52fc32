from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.errors import ArtefactError
from engine.ranking.card import read_card
from engine.ranking.encoder import UserEncoder
from tests.support.model_folder import TERMS, mean_encoder, write_model
from tests.support.snapshots import VERSION


def opened(folder: Path) -> UserEncoder:
    return UserEncoder.open(folder, read_card(folder, VERSION))


def test_a_history_becomes_a_vector(tmp_path: Path) -> None:
    encoder = opened(write_model(tmp_path, VERSION, 2))
    vectors = np.array([[1, 0], [3, 4]], np.float32)
    assert encoder.encode(vectors, ["purchase", "unheard of"], [0, 0]).tolist() == [2, 2]
    assert encoder.encode(np.zeros((0, 2), np.float32), [], []).tolist() == [0, 0]


def test_only_the_latest_steps_are_read(tmp_path: Path) -> None:
    encoder = opened(write_model(tmp_path, VERSION, 2, max_history=2))
    vectors = np.array([[100, 100], [1, 0], [3, 4]], np.float32)
    assert encoder.encode(vectors, ["view"] * 3, [0] * 3).tolist() == [2, 2]


def test_without_each(tmp_path: Path) -> None:
    encoder = opened(write_model(tmp_path, VERSION, 2))
    vectors = np.array([[1, 0], [3, 4], [5, 2]], np.float32)
    found = encoder.encode_without_each(vectors, ["view"] * 3, [0] * 3, [[0], [1, 2]])
    assert found.tolist() == [[4, 3], [1, 0]]


def test_the_card_says_what_the_terms_weigh(tmp_path: Path) -> None:
    card = read_card(write_model(tmp_path, VERSION, 2), VERSION)
    assert (card.dim, card.max_history, card.event_types) == (2, 50, {"purchase": 1, "view": 2})
    assert card.terms.co_occurrence_scale == TERMS["co_occurrence_scale"]
    assert card.terms.latest == 3


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"missing.*Copy the folder"):
        read_card(tmp_path / VERSION, VERSION)
    folder = write_model(tmp_path, VERSION, 2)
    (folder / "encoder.onnx").unlink()
    with pytest.raises(ArtefactError, match=r"encoder of version .* is missing"):
        opened(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"dim": 0}, "dim"),
        ({"format": 2}, "format"),
        ({"terms": {**TERMS, "gamma": 2}}, "terms.gamma"),
        ({"terms": {**TERMS, "co_occurrence_epsilon": 0}}, "terms.co_occurrence_epsilon"),
        ({"version": "v20200101000000"}, "another one"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object], match: str) -> None:
    folder = write_model(tmp_path, VERSION, 2)
    plain = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**plain, **change}))
    with pytest.raises(ArtefactError, match=match):
        read_card(folder, VERSION)


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, VERSION, 2)
    (folder / "card.json").write_text("{")
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_card(folder, VERSION)


def test_an_encoder_of_another_form_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, VERSION, 2)
    onnx.save(mean_encoder(3), folder / "encoder.onnx")
    with pytest.raises(ArtefactError, match="length 3, the card says 2"):
        opened(folder)
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", [one], [other])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "encoder.onnx"
    )
    with pytest.raises(ArtefactError, match="inputs"):
        opened(folder)
    (folder / "encoder.onnx").write_bytes(b"no model")
    with pytest.raises(ArtefactError, match="does not fit"):
        opened(folder)

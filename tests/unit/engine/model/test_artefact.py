from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import sparse

from engine.errors import ArtefactError
from engine.model.artefact import read_artefact, read_card, write_artefact
from engine.model.embedder import Embedder
from engine.model.recommender import Recommender, RecommenderConfig
from tests.support.model_folder import TERMS

VERSION = "v20260101000000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("models"), time_gaps=False)


def written(folder: Path, *, time_gaps: bool) -> Path:
    torch.manual_seed(3)
    config = RecommenderConfig(
        items=3,
        interests=2,
        content={"text": 4},
        event_types=3,
        dim=8,
        layers=1,
        max_history=5,
        time_gaps=time_gaps,
    )
    model = Recommender(config)
    if model.encoder.gap_bias is not None:
        torch.nn.init.normal_(model.encoder.gap_bias, std=3)
    torch.nn.init.normal_(model.encoder.distance_bias)
    torch.nn.init.normal_(model.encoder.type_embedding.weight)
    return write_artefact(
        folder,
        version=VERSION,
        model=model,
        item_ids=["a", "b", "c"],
        interest_ids=["x", "y"],
        card={"event_types": ["", "view", "cart"], "graph_neighbours": 10, "text_encoder": "t", "terms": TERMS},
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("event_types", None), ("edges", {}), ("edges", {"model": "much", "count": 1}), ("graph_neighbours", "many")],
)
def test_a_card_without_what_is_needed_is_named(folder: Path, tmp_path: Path, name: str, value: object) -> None:
    shutil.copytree(folder, tmp_path / VERSION)
    path = tmp_path / VERSION / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card[name] = value
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ArtefactError, match="card"):
        Embedder.load(tmp_path / VERSION)


def test_onnx_equals_torch(folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    embedder = Embedder.load(folder)
    rng = np.random.default_rng(0)
    for batch, length in ((1, 1), (1, 5), (4, 3)):
        vectors = rng.normal(size=(batch, length, 8)).astype(np.float32)
        types = rng.integers(0, 3, (batch, length))
        mask = rng.random((batch, length)) > 0.3
        mask[:, -1] = True
        (found,) = session.run(None, {"item_vectors": vectors, "event_types": types, "mask": mask})
        assert np.abs(found - embedder.encode_users(vectors, types, mask, 0 * types)).max() < 1e-4


def test_onnx_reads_times_as_torch_does(tmp_path: Path) -> None:
    folder = written(tmp_path, time_gaps=True)
    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    embedder = Embedder.load(folder)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 5, 8)).astype(np.float32)
    types, mask = rng.integers(0, 3, (40, 5)), np.ones((40, 5), bool)
    # Every gap of 2^k - 1 s lies on the edge of its class.
    times = 1_700_000_000_000 + 1000 * np.cumsum(2 ** rng.integers(0, 24, (40, 5)) - 1, axis=1)
    (found,) = session.run(None, {"item_vectors": vectors, "event_types": types, "mask": mask, "times": times})
    assert np.abs(found - embedder.encode_users(vectors, types, mask, times)).max() < 1e-4
    assert np.abs(found - embedder.encode_users(vectors, types, mask, 0 * times)).max() > 1e-2


def test_a_row_that_no_behaviour_has_taught_is_no_items(folder: Path, tmp_path: Path) -> None:
    artefact = read_artefact(folder)
    model = artefact.model
    card = {"event_types": [""], "graph_neighbours": 10, "text_encoder": None, "terms": TERMS}
    other = write_artefact(
        tmp_path, version=VERSION, model=model, item_ids=["a", None, "c"], interest_ids=["x", "y"], card=card
    )
    none = np.zeros(0, dtype=np.int64)
    about, edges = sparse.csr_array((3, 0), dtype=np.float32), (none, none, np.zeros(0, np.float32))
    found = Embedder.load(other).embed(["a", "b", "never seen"], {}, [], about, edges)
    assert np.array_equal(found.items[1], found.items[2])
    assert not np.array_equal(found.items[0], found.items[2])


def test_what_is_written_is_read(folder: Path) -> None:
    artefact = read_artefact(folder)
    assert artefact.version == VERSION
    assert artefact.item_ids == ["a", "b", "c"]
    assert artefact.card["dim"] == 8
    assert not list(folder.parent.glob(".*"))
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".onnx", ".json"}


def _embed(folder: Path, items: list[str], content: np.ndarray):
    about = sparse.csr_array(np.array([[1.0, 0.0]] * len(items), dtype=np.float32))
    edges = (np.array([0]), np.array([1]), np.array([0.5], dtype=np.float32))
    return Embedder.load(folder).embed(items, {"text": content}, ["x", "new"], about, edges)


def test_an_unseen_item_gets_its_vector_from_content_and_neighbours(folder: Path) -> None:
    content = np.eye(2, 4, dtype=np.float32)
    made = _embed(folder, ["never", "a"], content)
    other = _embed(folder, ["never", "a"], content[::-1].copy())
    assert np.isfinite(made.items).all() and np.abs(made.items[0]).max() > 0
    assert np.abs(made.items[0] - other.items[0]).max() > 1e-4


def test_attention_is_given_for_each_edge(folder: Path) -> None:
    made = _embed(folder, ["a", "b"], np.zeros((2, 4), dtype=np.float32))
    # Item a hears item b and interest x; item b hears interest x alone.
    assert made.co_occurs_attention[0] + made.about_attention[0] == pytest.approx(1, abs=1e-6)
    assert made.about_attention[1] == pytest.approx(1, abs=1e-6)
    assert made.co_occurs_learned == pytest.approx([1])  # the only edge of its item


@pytest.mark.parametrize(
    ("rule", "wanted"), [({"model": 0.0, "count": 1.0}, [0.2, 0.8]), ({"model": 0.0, "count": 0.0}, [0.5, 0.5])]
)
def test_learnt_edges_follow_the_rule_of_the_card(
    folder: Path, tmp_path: Path, rule: dict[str, float], wanted: list[float]
) -> None:
    shutil.copytree(folder, tmp_path / VERSION)
    path = tmp_path / VERSION / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "edges": rule}), encoding="utf-8")
    none = sparse.csr_array((3, 0), dtype=np.float32)
    edges = (np.array([0, 0]), np.array([1, 2]), np.array([0.5, 2.0], dtype=np.float32))
    found = Embedder.load(tmp_path / VERSION).embed(["a", "b", "c"], {}, [], none, edges)
    assert found.co_occurs_learned == pytest.approx(wanted)


def test_an_altered_file_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / VERSION
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "ids.json").write_text('{"items": ["z"], "interests": []}')
    with pytest.raises(ArtefactError, match=r"ids\.json"):
        read_artefact(copy)


def test_missing_cut_and_other_formats_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="interestgraph train"):
        read_card(tmp_path / "absent")
    (tmp_path / "card.json").write_text('{"format":')
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ArtefactError, match="format"):
        read_card(tmp_path)


def test_parameters_of_other_code_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / VERSION
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    tensors = load_file(copy / "model.safetensors")
    del tensors["popularity_scale"]
    save_file(tensors, copy / "model.safetensors")
    card = json.loads((copy / "card.json").read_text())
    card["sha256"]["model.safetensors"] = hashlib.sha256((copy / "model.safetensors").read_bytes()).hexdigest()
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtefactError, match="another version"):
        read_artefact(copy)

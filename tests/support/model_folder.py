"""A model's folder with an encoder whose answer can be worked out by hand: the mean of the history's item vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TERMS: dict[str, Any] = {
    "co_occurrence_scale": 0.5,
    "co_occurrence_epsilon": 0.01,
    "gamma": 0.5,
    "latest": 3,
    "interests_scale": 0.2,
    "interests_epsilon": 0.001,
    "popularity_scale": 0.1,
}


def write_model(folder: Path, version: str, dim: int, *, scale: float = 1.0, **card: Any) -> Path:
    """Write card and encoder of a version below a folder of models.

    Args:
        folder: Folder of the models.
        version: The version.
        dim: D.
        scale: The user vector is this many times the mean.
        card: Values of the card that differ.
    """
    target = folder / version
    target.mkdir(parents=True, exist_ok=True)
    plain = {
        "format": 1,
        "version": version,
        "dim": dim,
        "max_history": 50,
        "event_types": ["", "purchase", "view"],
        "terms": TERMS,
        **card,
    }
    (target / "card.json").write_text(json.dumps(plain), encoding="utf-8")
    onnx.save(mean_encoder(dim, scale), target / "encoder.onnx")
    return target


def mean_encoder(dim: int, scale: float = 1.0) -> onnx.ModelProto:
    """Give the graph: scale · Σ mask · vector / Σ mask."""
    inputs = [
        helper.make_tensor_value_info("item_vectors", TensorProto.FLOAT, ["B", "L", dim]),
        helper.make_tensor_value_info("event_types", TensorProto.INT64, ["B", "L"]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, ["B", "L"]),
    ]
    output = helper.make_tensor_value_info("user_vector", TensorProto.FLOAT, ["B", dim])
    constants = [
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "steps"),
        numpy_helper.from_array(np.array(scale, np.float32), "scale"),
    ]
    nodes = [
        helper.make_node("Cast", ["mask"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["real", "last"], ["column"]),
        helper.make_node("Mul", ["item_vectors", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "steps"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["column", "steps"], ["number"], keepdims=0),
        helper.make_node("Div", ["sum", "number"], ["mean"]),
        helper.make_node("Mul", ["mean", "scale"], ["user_vector"]),
    ]
    graph = helper.make_graph(nodes, "mean", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

"""A trained model as a folder: safetensors, ONNX, and a card in JSON. No pickle."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file

from engine.errors import ArtefactError
from engine.model.export import export_user_encoder
from engine.model.recommender import Recommender, RecommenderConfig
from engine.versions import check_version_id

FORMAT: Final = 1
MODEL_FILE: Final = "model.safetensors"
ENCODER_FILE: Final = "encoder.onnx"
CARD_FILE: Final = "card.json"


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a folder holds, loaded.

    Attributes:
        version: Id of the embedding version.
        model: The trained model, in evaluation mode.
        card: Everything known of it.
        item_ids: Items that have a learnt id, by row; none for a row that no behaviour has taught.
        interest_ids: Interests that have a learnt vector, by row.
    """

    version: str
    model: Recommender
    card: Mapping[str, Any]
    item_ids: Sequence[str | None]
    interest_ids: Sequence[str]


def write_artefact(
    folder: Path,
    *,
    version: str,
    model: Recommender,
    item_ids: Sequence[str | None],
    interest_ids: Sequence[str],
    card: Mapping[str, Any],
) -> Path:
    """Write the folder of a version under a temporary name, then rename it.

    Args:
        folder: Folder of all models.
        version: Id of the version.
        model: The trained model.
        item_ids: Items by row of the id table; none for a row that no behaviour has taught.
        interest_ids: Interests by row.
        card: Data, settings, metrics, score parameters, event types, text encoder.

    Returns:
        The folder of this version.
    """
    target = folder / check_version_id(version)
    temporary = folder / f".{version}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model = model.eval().to("cpu")
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, temporary / MODEL_FILE)
    export_user_encoder(model, temporary / ENCODER_FILE)
    (temporary / "ids.json").write_text(
        json.dumps({"items": list(item_ids), "interests": list(interest_ids)}, ensure_ascii=False), encoding="utf-8"
    )
    content = {
        "format": FORMAT,
        "version": version,
        "code_version": metadata.version("interestgraph"),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dim": model.config.dim,
        "max_history": model.config.max_history,
        "model": model.config.to_dict(),
        "sha256": {
            name: hashlib.sha256((temporary / name).read_bytes()).hexdigest()
            for name in (MODEL_FILE, ENCODER_FILE, "ids.json")
        },
        **card,
    }
    (temporary / CARD_FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    return target


def read_card(folder: Path) -> dict[str, Any]:
    """Read and check the card of a version's folder.

    Raises:
        ArtefactError: It is missing, cut, or of another format.
    """
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(
            "The model's folder is missing.",
            field="folder",
            value=str(folder),
            remedy="Train again (interestgraph train), or put the folder of the active version there.",
        ) from error
    except ValueError as error:
        raise ArtefactError("The model's card cannot be read.", field="file", value=str(path)) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise ArtefactError(
            f"The model's format is not {FORMAT}.",
            field="format",
            value=found,
            remedy="Train again: interestgraph train.",
        )
    return card


def read_artefact(folder: Path) -> Artefact:
    """Load a version's folder and check it against its card.

    Raises:
        ArtefactError: A file is missing or not the one that the card names.
    """
    card = read_card(folder)
    for name, expected in card["sha256"].items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ArtefactError("A file of the model is missing.", field="file", value=str(folder / name)) from error
        if found != expected:
            raise ArtefactError(
                "A file of the model is not the one that the card names.",
                field="file",
                value=str(folder / name),
                remedy="Train again: interestgraph train.",
            )
    try:
        model = Recommender(RecommenderConfig(**card["model"]))
        model.load_state_dict(load_file(folder / MODEL_FILE))
    except (TypeError, RuntimeError) as error:
        raise ArtefactError(
            "The model was trained by another version of the code.",
            field="folder",
            value=str(folder),
            remedy="Train again: interestgraph train.",
        ) from error
    ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
    return Artefact(str(card["version"]), model.eval(), card, ids["items"], ids["interests"])


def device() -> torch.device:
    """Give a CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")

# mypy: ignore-errors
# What it imports is not in this project's environment.
"""Train a Transformer of RecTools; runs in the environment of rectools.txt and imports nothing of this project.

    python train_rectools.py FOLDER

The folder holds task.json (model, settings, seed, threads, cpu_seconds) and split.npz (offsets, items, item_count).
What is left there: vectors.npz and told.json, as benchmarks.accuracy.peers.exchange reads them.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel, SASRecModel

MODELS = {"SASRecModel": SASRecModel, "BERT4RecModel": BERT4RecModel}
RECALL_AT = 10
CHECKED_USERS = 256


def main(work: Path) -> None:
    """Train, keep the best weights, write vectors."""
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    task = json.loads((work / "task.json").read_text(encoding="utf-8"))
    torch.set_num_threads(task["threads"])
    seed_everything(task["seed"])
    with np.load(work / "split.npz") as arrays:
        offsets, items, item_count = arrays["offsets"], arrays["items"], int(arrays["item_count"])
    known = interactions(offsets, items)
    settings = dict(task["settings"])
    epochs, patience = settings.pop("epochs"), settings.pop("patience")
    model = MODELS[task["model"]](
        **settings,
        get_val_mask_func=last_of_each_user,
        get_trainer_func=lambda: trainer(work / "checkpoints", epochs, patience, task["cpu_seconds"]),
        recommend_torch_device="cpu",
    )
    began, before = time.monotonic(), time.process_time()
    model.fit(Dataset.construct(known))
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - before
    recall, checkpoint = (
        next(each for each in model.fit_trainer.callbacks if isinstance(each, kind))
        for kind in (Recall, ModelCheckpoint)
    )
    model.load_weights_from_checkpoint(checkpoint.best_model_path)
    users = len(offsets) - 1
    valid, item_vectors, ranked, _ = vectors(model, known[~last_of_each_user(known)], users, item_count)
    test, _, _, agrees = vectors(model, known, users, item_count)
    np.savez(work / "vectors.npz", items=item_vectors, ranked=ranked, valid=valid, test=test)
    values = [line["recall@10"] for line in recall.history]
    told = {
        "epochs": len(values),
        "best_epoch": 1 + int(np.argmax(values)),
        "ended_by_limit": recall.ended,
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "agrees_with_its_own_lists": agrees,
        "history": recall.history,
        "versions": {
            name: metadata.version(name) for name in ("rectools", "torch", "pytorch-lightning", "numpy", "pandas")
        },
    }
    (work / "told.json").write_text(json.dumps(told), encoding="utf-8")


def interactions(offsets: np.ndarray, items: np.ndarray) -> pd.DataFrame:
    """Give the histories as RecTools wants them; the place in the sequence is the time."""
    lengths = np.diff(offsets)
    place = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    return pd.DataFrame(
        {
            Columns.User: np.repeat(np.arange(len(lengths)), lengths),
            Columns.Item: items.astype(np.int64),
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(place, unit="s"),
        }
    )


def last_of_each_user(table: pd.DataFrame) -> np.ndarray:
    """Mark the validation target: the last event of each user."""
    return (table.groupby(Columns.User)[Columns.Datetime].transform("max") == table[Columns.Datetime]).to_numpy()


def trainer(folder: Path, epochs: int, patience: int, cpu_seconds: float | None) -> Trainer:
    """Give a trainer that ends when recall does not rise any more or a limit is reached, and keeps the best weights."""
    return Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[
            Recall(cpu_seconds),
            ModelCheckpoint(folder, filename="best", monitor="recall", mode="max", save_weights_only=True),
            EarlyStopping("recall", mode="max", patience=patience),
        ],
    )


class Recall(Callback):
    """Recall@10 of the validation targets among all items that are not in the history, after each epoch."""

    def __init__(self, cpu_seconds: float | None) -> None:
        self.cpu_seconds = cpu_seconds
        self.cpu_began = time.process_time()
        self.ended = False
        self.history: list[dict[str, float]] = []
        self.hits: list[torch.Tensor] = []
        self.began = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.began = time.monotonic()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        model = pl_module.torch_model
        states = model.encode_sessions(batch, pl_module.item_embs)[:, -1, :]
        scores = states @ pl_module.item_embs.T
        scores.scatter_(1, batch["x"], float("-inf"))  # padding, mask and history
        self.hits.append((scores.topk(RECALL_AT).indices == batch["y"]).any(dim=1))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        recall = float(torch.cat(self.hits).double().mean())
        self.hits.clear()
        pl_module.log("recall", recall)
        seconds = time.monotonic() - self.began
        used = time.process_time() - self.cpu_began
        self.history.append(
            {"recall@10": round(recall, 5), "seconds": round(seconds, 1), "cpu_seconds": round(used, 1)}
        )
        print(f"  epoch {len(self.history)} {seconds:.1f} s, valid recall@10 {recall:.4f}", flush=True)
        if self.cpu_seconds is not None and used >= self.cpu_seconds:
            self.ended = trainer.should_stop = True


def vectors(
    model: Any, table: pd.DataFrame, users: int, item_count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Give vectors of users with these histories, of items, which items can be recommended, and a check.

    The check is the share of items that our ranking by the vectors has in common with the lists that the library
    recommends, ten items each, of some users.
    """
    dataset = Dataset.construct(table)
    prepared = model.data_preparator.transform_dataset_u2i(dataset, np.arange(users))
    loader = model.data_preparator.get_dataloader_recommend(prepared, model.recommend_batch_size)
    found, item_found = model.lightning_model._get_user_item_embeddings(loader, "cpu")
    user_vectors = np.zeros((users, found.shape[1]), dtype=np.float32)
    user_vectors[prepared.user_id_map.external_ids.astype(int)] = found.numpy()
    ids = model.data_preparator.get_known_item_ids().astype(int)
    item_vectors = np.zeros((item_count, found.shape[1]), dtype=np.float32)
    item_vectors[ids] = item_found.numpy()[model.data_preparator.n_item_extra_tokens :]
    ranked = np.isin(np.arange(item_count), ids)
    checked = np.arange(min(users, CHECKED_USERS))
    lists = model.recommend(checked, dataset, k=RECALL_AT, filter_viewed=True)
    scores = user_vectors[checked] @ item_vectors.T
    scores[:, ~ranked] = -np.inf
    seen = table[table[Columns.User].isin(checked)]
    scores[seen[Columns.User], seen[Columns.Item]] = -np.inf
    ours = np.argsort(-scores, axis=1)[:, :RECALL_AT]
    common = (ours[lists[Columns.User]] == lists[Columns.Item].to_numpy()[:, None]).any(axis=1)
    return user_vectors, item_vectors, ranked, round(float(common.mean()), 4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

# mypy: ignore-errors
# What it imports is not in this project's environment.
"""Train a model of RecBole; runs in the environment of recbole.txt and imports nothing of this project.

    python train_recbole.py FOLDER

The folder holds task.json (model, settings, seed, threads, cpu_seconds) and split.npz (offsets, items, item_count).
What is left there: vectors.npz and told.json, as benchmarks.accuracy.peers.exchange reads them. LightGCN knows users by
their events in training alone, so what it says of the test does not know the validation event; the library has no
other way.
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
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed

BATCH = 256


class EndedError(Exception):
    """The seconds of the processor are used up; the best weights are written."""


def main(work: Path) -> None:
    """Train, keep the best weights, write vectors."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    task = json.loads((work / "task.json").read_text(encoding="utf-8"))
    torch.set_num_threads(task["threads"])
    with np.load(work / "split.npz") as arrays:
        offsets, items, item_count = arrays["offsets"], arrays["items"], int(arrays["item_count"])
    write_atomic_file(work / "peer" / "peer.inter", offsets, items)
    given = {
        **task["settings"],
        "seed": task["seed"],
        "data_path": str(work),
        "checkpoint_dir": str(work / "checkpoints"),
        "use_gpu": False,
        "show_progress": False,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_only"}, "group_by": "user", "order": "TO", "mode": "full"},
    }
    config = Config(model=task["model"], dataset="peer", config_dict=given)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, valid, _ = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(config["model"])(config, train.dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    history: list[dict[str, float]] = []
    last = time.monotonic()
    limit: float | None = task["cpu_seconds"]

    def tell(epoch: int, score: float) -> None:
        nonlocal last
        now, used = time.monotonic(), time.process_time() - before
        seconds, last = now - last, now
        history.append({"mrr@10": round(float(score), 5), "seconds": round(seconds, 1), "cpu_seconds": round(used, 1)})
        loss = trainer.train_loss_dict[epoch]
        print(f"  epoch {epoch + 1} {history[-1]['seconds']} s, loss {loss:.3f}, valid MRR@10 {score:.4f}", flush=True)
        if limit is not None and used >= limit:
            raise EndedError

    ended = False
    began, before = time.monotonic(), time.process_time()
    try:
        trainer.fit(train, valid, verbose=False, saved=True, show_progress=False, callback_fn=tell)
    except EndedError:
        ended = True
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - before
    # The checkpoint is its own and holds its settings as an object.
    model.load_state_dict(torch.load(trainer.saved_model_file, weights_only=False)["state_dict"])
    model.eval()
    users = len(offsets) - 1
    tokens = [str(each) for each in np.unique(items)]
    inner = np.zeros(item_count, dtype=np.int64)  # 0 is padding
    inner[np.unique(items)] = dataset.token2id(dataset.iid_field, tokens)
    inner_user = torch.as_tensor(dataset.token2id(dataset.uid_field, [str(user) for user in range(users)]))
    say = of_sequences if task["model"] == "SASRec" else of_graph
    with torch.no_grad():
        valid_vectors = say(model, config, inner_user, offsets, inner[items], back=1)
        test_vectors = say(model, config, inner_user, offsets, inner[items], back=0)
        found = model.item_embedding.weight if task["model"] == "SASRec" else model.forward()[1]
    item_vectors = found.detach().numpy()[inner]
    ranked = inner > 0
    np.savez(work / "vectors.npz", items=item_vectors, ranked=ranked, valid=valid_vectors, test=test_vectors)
    scores = [line["mrr@10"] for line in history]
    told = {
        "epochs": len(scores),
        "best_epoch": 1 + int(np.argmax(scores)),
        "ended_by_limit": ended,
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "history": history,
        "versions": {name: metadata.version(name) for name in ("recbole", "torch", "numpy", "scipy", "pandas")},
    }
    (work / "told.json").write_text(json.dumps(told), encoding="utf-8")


def write_atomic_file(path: Path, offsets: np.ndarray, items: np.ndarray) -> None:
    """Write the histories as RecBole reads them; the place in the sequence is the time."""
    lengths = np.diff(offsets)
    users = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    path.parent.mkdir()
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        file.writelines(f"{u}\t{i}\t{at}\n" for u, i, at in zip(users, items, place, strict=True))


def of_sequences(
    model: Any, config: Any, users: torch.Tensor, offsets: np.ndarray, items: np.ndarray, *, back: int
) -> np.ndarray:
    """Give vectors of users who have all but so many of their newest events, and check the first by its own scores."""
    longest = config["MAX_ITEM_LIST_LENGTH"]
    ends = offsets[1:] - back
    starts = np.maximum(offsets[:-1], ends - longest)
    found = []
    for first in range(0, len(users), BATCH):
        rows = range(first, min(first + BATCH, len(users)))
        sequence = torch.zeros(len(rows), longest, dtype=torch.long)
        for row, user in enumerate(rows):
            sequence[row, : ends[user] - starts[user]] = torch.as_tensor(items[starts[user] : ends[user]])
        length = torch.as_tensor((ends - starts)[rows.start : rows.stop])
        found.append(model.forward(sequence, length))
        if first == 0:
            own = model.full_sort_predict(Interaction({model.ITEM_SEQ: sequence, model.ITEM_SEQ_LEN: length}))
            check(found[0] @ model.item_embedding.weight.T, own)
    return torch.cat(found).numpy()


def of_graph(
    model: Any, config: Any, users: torch.Tensor, offsets: np.ndarray, items: np.ndarray, *, back: int
) -> np.ndarray:
    """Give vectors of users, and check the first by its own scores."""
    # Else it would answer with the vectors of its last validation, whatever weights have been read since.
    model.restore_user_e = model.restore_item_e = None
    every_user, every_item = model.forward()
    own = model.full_sort_predict(Interaction({model.USER_ID: users[:BATCH]}))
    check(every_user[users[:BATCH]] @ every_item.T, own.view(-1, len(every_item)))
    return every_user[users].numpy()


def check(scores: torch.Tensor, own: torch.Tensor) -> None:
    """Raise where dot products are not the scores of the library."""
    if not torch.allclose(scores, own, rtol=1e-3, atol=1e-4):
        raise SystemExit("The vectors do not give the scores of the library.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

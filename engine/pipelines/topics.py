"""Topics in the graph: items' texts encoded, clustered, named, and written as interests.

The ABOUT weights of an item sum to 1 with its topic as without: the topic takes `topics.part` of them, the others keep
their proportions in what is left. Where an item is about nothing else the topic takes all. What the others were given
stands in `given`, so that topics can be found anew. An item whose content changes is without topic until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain import now_ms
from engine.errors import FencedError
from engine.graph.attributes import interest_id
from engine.graph.store import GraphStore
from engine.interests.topics import KIND, cluster, keep_topics, name_topics, strongest_words, topic_count
from engine.jobs.parameters import DiscoverTopicsParameters
from engine.jobs.run import JobRun
from engine.pipelines.dataset import item_text
from engine.settings import Settings

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]
Progress = Callable[[str, int, int], None]

_FETCH_ROWS: Final = 500
_WRITE_ITEMS: Final = 500


def run_discover_topics(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Find the topics of all items, as a job; begun anew it comes to the same."""
    from engine.features.text import TextEncoder

    params = DiscoverTopicsParameters.model_validate(run.job.params)
    encoder = TextEncoder(settings.model.text_encoder, cache=settings.cache)

    def progress(stage: str, done: int, total: int) -> None:
        run.report(done, total, stage)
        run.check()

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return encoder.encode(texts, progress=lambda done, total: progress("encodes texts", done, total))

    changed = {name: value for name, value in params.model_dump().items() if value is not None}
    settings = settings.model_copy(update={"topics": settings.topics.model_copy(update=changed)})
    return discover_topics(run.store, settings, encode=encode, run=f"{run.job.id}:{run.fence}", progress=progress)


def discover_topics(
    store: GraphStore, settings: Settings, *, encode: Encode, run: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Find the topics of all items and write them.

    Args:
        store: The graph.
        settings: How many topics, their part of an item, the seed.
        encode: Makes vectors of texts.
        run: Name of this run; a later one fences it off.
        progress: Told what is done, how far, and of how much.

    Returns:
        topics, kept (those that were there before), items (with a topic), dropped (topics that are gone).

    Raises:
        FencedError: Another run has begun.
    """
    report = progress or (lambda stage, done, total: None)
    options = settings.topics
    store.write("topics/begin", run=run)
    report("reads items", 0, 0)
    ids: list[str] = []
    texts: list[str] = []
    before: list[str | None] = []
    for row in store.stream("topics/items", fetch_size=_FETCH_ROWS):
        ids.append(row["id"])
        texts.append(item_text(row["title"], row["description"]))
        before.append(row["topic"])
    labels = _clusters(texts, encode, settings)
    report("names topics", 0, 0)
    kept = keep_topics(labels, before)
    known = {row["id"]: row["name"] for row in store.read("topics/names", ids=sorted(set(kept.values())))}
    names = name_topics(
        strongest_words(texts, labels),
        length=options.words,
        taken={label: known[topic] for label, topic in kept.items() if topic in known},
    )
    topic_ids = {label: kept[label] if label in kept else interest_id(KIND, name) for label, name in names.items()}
    interests = sorted((topic_ids[label], names[label]) for label in names)
    _fenced(store.write("topics/upsert", run=run, rows=[{"id": name, "name": said} for name, said in interests]), run)
    rows = [{"id": item_id, "topic": topic_ids.get(label)} for item_id, label in zip(ids, labels.tolist(), strict=True)]
    rows.sort(key=lambda row: str(row["id"]))
    for start in range(0, len(rows), _WRITE_ITEMS):
        report("writes topics", start, len(rows))
        batch = rows[start : start + _WRITE_ITEMS]
        _fenced(store.write("topics/assign", run=run, rows=batch, part=options.part, at=now_ms()), run)
    dropped = _fenced(store.write("topics/drop_empty", run=run), run)[0]["dropped"]
    return {
        "topics": len(names),
        "kept": len(kept),
        "items": int((labels >= 0).sum()),
        "dropped": dropped,
    }


def _clusters(texts: Sequence[str], encode: Encode, settings: Settings) -> npt.NDArray[np.int64]:
    """Give the cluster of each text; -1 for an empty one."""
    options = settings.topics
    labels = np.full(len(texts), -1, dtype=np.int64)
    told = np.array([bool(text.strip()) for text in texts], dtype=bool)
    if told.any():
        vectors = encode([text for text, has in zip(texts, told.tolist(), strict=True) if has])
        number = topic_count(len(vectors), number=options.number, most=options.max_number)
        labels[told] = cluster(vectors, number, seed=options.seed, rounds=options.rounds)
    return labels


def _fenced(rows: list[dict[str, Any]], run: str) -> list[dict[str, Any]]:
    if not rows:
        raise FencedError("Another run finds topics.", field="run", value=run)
    return rows

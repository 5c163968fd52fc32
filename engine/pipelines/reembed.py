"""Vectors of a selection of nodes: read, embedded, written back; a killed run goes on where it stood.

Items and interests are embedded from their texts, media and surroundings, users from their latest steps over the
item vectors of the same version. Every write is fenced by the version and by the run of the job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from engine.domain import EpochMs, VersionState, now_ms
from engine.errors import ConflictError
from engine.features.text import TextEncoder
from engine.graph.names import INTEREST, ITEM, USER
from engine.graph.resemblance import joined_by
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.graph.versions import activate, create_vector_indexes, get_version, mark_ready
from engine.graph.writeback import WRITABLE_STATES, Fence, write_attention, write_vectors
from engine.jobs.parameters import ReembedParameters
from engine.jobs.run import JobRun
from engine.model.embedder import Embedder
from engine.pipelines.inferred import NewItems
from engine.pipelines.item_views import GraphItems
from engine.pipelines.media import MOST_EXAMPLES, MediaReader, tell
from engine.pipelines.neighbourhood import Neighbourhood, read_neighbourhood
from engine.pipelines.resemblance import resemble_in_graph
from engine.pipelines.selection import dirty_items, dirty_users, watermark
from engine.settings import Settings
from engine.training.data import TEXT

Float32 = np.ndarray[Any, np.dtype[np.float32]]

_STAGES: Final = (ITEM, INTEREST, USER)
_ITEMS_AT_ONCE: Final = 2_000
_INTERESTS_AT_ONCE: Final = 50
_PLURAL: Final = {ITEM: "items", INTEREST: "interests", USER: "users"}


@dataclass(slots=True)
class Standing:
    """Where a run stands; the job's cursor.

    Attributes:
        began_at: When the job first read the graph, epoch ms.
        stage: Number of the stage.
        after: Last node of it that is done.
        done: Nodes done.
        total: Nodes in all.
        written: Vectors and weights written, and media made and refused, by name.
        refused_examples: First files that could not be read: item, modality, file and reason.
    """

    began_at: EpochMs
    stage: int = 0
    after: str = ""
    done: int = 0
    total: int = 0
    written: dict[str, int] = field(default_factory=dict)
    refused_examples: list[str] = field(default_factory=list)

    def add(self, name: str, number: int) -> None:
        """Count what was written."""
        self.written[name] = self.written.get(name, 0) + number


def run_reembed(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Embed what a job asks for.

    Raises:
        ArtefactError: The model of the version is not on this machine, or damaged.
        SettingsError: The model reads media, and their folder or file is not told here.
        ConflictError: The version is retired.
        FencedError: Another run has the job.
        CancelledError: Somebody asked the job to stop.
    """
    params = run.job.parameters()
    if not isinstance(params, ReembedParameters) or run.version is None:
        raise ConflictError("This job has no embedding version.", field="job_id", value=run.job.id)
    return _Reembedding(run, settings, params, run.version).execute()


class _Reembedding:
    """One run."""

    def __init__(self, run: JobRun, settings: Settings, params: ReembedParameters, version: str) -> None:
        self.run, self.settings, self.params, self.version = run, settings, params, version
        self.store: GraphStore = run.store
        state = get_version(self.store, version).state
        if state not in WRITABLE_STATES:
            raise ConflictError(f"The version is {state}.", field="version", value=version)
        self.served = state is not VersionState.BUILDING
        run.report(run.job.done, run.job.total, "loads the model")
        self.embedder = Embedder.load(settings.models_dir / version)
        cache = None if params.encode_text else settings.cache
        self.texts = TextEncoder(self.embedder.text_encoder or settings.model.text_encoder, cache=cache)
        self.media = MediaReader.of_card(
            self.embedder.media, self.embedder.modalities, settings, refresh=params.encode_text
        )
        self.fence = Fence(version, run.job.id, run.fence)
        self.items = GraphItems(self.store, encode=self.texts.encode, media=self.media)
        rule = self.embedder.inference
        self.new_items = (
            None
            if rule is None
            else NewItems(self.store, settings, rule, items=self.items, learnt=self.embedder.learnt)
        )
        self.standing = Standing(began_at=now_ms()) if run.cursor is None else Standing(**json.loads(run.cursor))

    def execute(self) -> Mapping[str, Any]:
        """Go through the stages, then say up to when everything is in the version."""
        selected = self._select()
        standing = self.standing
        if not standing.total:
            standing.total = self._count(selected)
        for number in range(standing.stage, len(_STAGES)):
            label = _STAGES[number]
            for ids in self._pages(label, selected, standing.after):
                self.run.report(standing.done, standing.total, f"embeds {_PLURAL[label]}")
                self.run.check()
                self._embed(label, ids)
                standing.after, standing.done = ids[-1], min(standing.done + len(ids), standing.total)
                self._keep(f"embeds {_PLURAL[label]}")
            standing.stage, standing.after = number + 1, ""
            self._keep(f"has embedded {_PLURAL[label]}")
        if self.params.selection in ("all", "dirty"):
            self._resemble(selected[ITEM])
            # Where all items are embedded, or new and changed ones were.
            if selected[ITEM] is None or selected[ITEM]:
                self._infer()
        return self._finish()

    def _resemble(self, changed: Sequence[str] | None) -> None:
        """Join items to those they resemble, where some changed or they are joined on another basis."""
        rule = self.embedder.resemblance
        if rule is None or (changed == [] and joined_by(self.store) == rule.basis):
            return

        def compared(done: int, total: int) -> None:
            step = f"joins items that resemble each other: {done} of {total} compared"
            self.run.report(self.standing.done, self.standing.total, step)
            self.run.check()

        self.run.report(self.standing.done, self.standing.total, "joins items that resemble each other")
        self.run.check()
        written = resemble_in_graph(
            self.store, self.settings, rule, fence=self.fence, items=self.items, changed=changed, progress=compared
        )
        self.standing.add("resembling", written)

    def _infer(self) -> None:
        """Infer edges anew."""
        if self.new_items is None:
            return
        self.run.report(self.standing.done, self.standing.total, "infers edges of new items")
        self.run.check()
        self.standing.add("inferred", self.new_items.infer(self.fence))

    def _select(self) -> dict[str, list[str] | None]:
        """Give the nodes of each label; none for all of them."""
        params = self.params
        named: dict[str, list[str] | None] = {ITEM: [], INTEREST: [], USER: []}
        if params.selection == "all":
            return dict.fromkeys(_STAGES)
        if params.selection == "dirty":
            properties = get_version(self.store, self.version).properties
            until = int(properties.get("embedded_until") or 0)
            return {
                ITEM: dirty_items(self.store, self.version, until),
                INTEREST: [],
                USER: dirty_users(self.store, until),
            }
        label = {plural: label for label, plural in _PLURAL.items()}[params.selection]
        return {**named, label: sorted(params.ids)}

    def _count(self, selected: Mapping[str, list[str] | None]) -> int:
        [counts] = self.store.read("reembed/counts")
        return sum(counts[_PLURAL[label]] if (ids := selected[label]) is None else len(ids) for label in _STAGES)

    def _pages(self, label: str, selected: Mapping[str, list[str] | None], after: str) -> Iterator[list[str]]:
        """Give the nodes of a label in the order of their ids, those after the last one done."""
        size = {ITEM: _ITEMS_AT_ONCE, INTEREST: _INTERESTS_AT_ONCE, USER: self.settings.workers.batch_size}[label]
        chosen = selected[label]
        if chosen is not None:
            rest = [node_id for node_id in chosen if node_id > after]
            for start in range(0, len(rest), size):
                yield rest[start : start + size]
            return
        while rows := self.store.read("subgraph/page", identifiers={"label": label}, after=after, limit=size):
            ids = [row["id"] for row in rows]
            after = ids[-1]
            yield ids

    def _embed(self, label: str, ids: Sequence[str]) -> None:
        if label == USER:
            self._embed_users(ids)
        else:
            self._embed_content(label, ids)

    def _embed_content(self, label: str, ids: Sequence[str]) -> None:
        """Embed items or interests from what surrounds them."""
        hops = 1 if self.params.hops is None else self.params.hops
        found = read_neighbourhood(
            self.store, self.settings, label, ids, hops=hops, neighbours=self.embedder.neighbours
        )
        self.run.check()
        content = self._content(found, seeds=len(set(ids) & set(found.item_ids)) if label == ITEM else 0)
        self.run.check()
        made = self.embedder.embed(found.item_ids, content, found.interest_ids, found.about, found.co_occurs)
        self.run.check()
        if label == INTEREST:
            count = len(set(ids) & set(found.interest_ids))
            self._write(INTEREST, found.interest_ids[:count], made.interests[:count])
            return
        count = len(set(ids) & set(found.item_ids))
        self._write(ITEM, found.item_ids[:count], self._as_new(found.item_ids[:count], made.items[:count]))
        source, target, _ = found.co_occurs
        heard = source < count
        weights = write_attention(
            self.store,
            "CO_OCCURS",
            [found.item_ids[place] for place in source[heard].tolist()],
            [found.item_ids[place] for place in target[heard].tolist()],
            made.co_occurs_attention[heard],
            learned=made.co_occurs_learned[heard],
            fence=self.fence,
        )
        row, column = found.about.tocoo().coords
        seeds = row < count
        weights += write_attention(
            self.store,
            "ABOUT",
            [found.item_ids[place] for place in row[seeds].tolist()],
            [found.interest_ids[place] for place in column[seeds].tolist()],
            made.about_attention[seeds],
            fence=self.fence,
        )
        self.standing.add("attention", weights)

    def _as_new(self, ids: Sequence[str], vectors: Float32) -> Float32:
        """Put what stands for the vectors of new items in their place at once where it may be served meanwhile.

        With its own vector and edges that make up for another, an item would rank too high until edges are inferred
        anew.
        """
        if self.new_items is None or not self.served or all(item_id in self.embedder.learnt for item_id in ids):
            return vectors
        place = {item_id: number for number, item_id in enumerate(ids)}
        named, means = self.new_items.vectors(self.version, ids)
        found = vectors.copy()
        for item_id, mean in zip(named, means, strict=True):
            found[place[item_id]] = mean
        return found

    def _content(self, found: Neighbourhood, *, seeds: int) -> dict[str, Float32]:
        """Encode texts and media of items; what is refused counts for the seeds, which come first."""
        content = {TEXT: self.texts.encode(found.texts)} if TEXT in self.embedder.modalities and found.texts else {}
        self.run.check()

        def progress(what: str, done: int, total: int) -> None:
            self.run.report(self.standing.done, self.standing.total, f"{what}: {done} of {total}")
            self.run.check()

        media = self.media.read(found.item_ids, found.media, progress=progress)
        if seeds:
            tell(media, found.item_ids, seeds)
            for name, number in media.counts(seeds).items():
                self.standing.add(name, number)
            named = self.standing.refused_examples
            named += media.examples(found.item_ids, seeds)[: MOST_EXAMPLES - len(named)]
        return {**content, **media.vectors}

    def _embed_users(self, ids: Sequence[str]) -> None:
        """Encode users from their latest steps; those without a step have no vector."""
        embedder = self.embedder
        place_of_type = {name: place for place, name in enumerate(embedder.event_types) if place}
        rows = self.store.read(
            "reembed/histories", ids=list(ids), types=list(place_of_type), limit=embedder.max_history
        )
        named = sorted({item_id for row in rows for item_id in row["items"]})
        vectors = read_vectors(self.store, self.version, ITEM, ids=named)
        place = {item_id: number for number, item_id in enumerate(vectors.ids)}
        length = embedder.max_history
        items = np.zeros((len(rows), length), dtype=np.int64)
        types = np.zeros((len(rows), length), dtype=np.int64)
        times = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=bool)
        for number, row in enumerate(rows):
            steps = [
                (place[item_id], place_of_type[event_type], at)
                for item_id, event_type, at in zip(row["items"], row["types"], row["at"], strict=True)
                if item_id in place
            ]
            for back, step in enumerate(steps, start=1):
                where = number, length - back
                items[where], types[where], times[where] = step
                mask[where] = True
        able = mask.any(axis=1)
        if not able.any():
            return
        made = embedder.encode_users(vectors.matrix[items[able]], types[able], mask[able], times[able])
        self._write(USER, [rows[number]["id"] for number in np.flatnonzero(able)], made)

    def _write(self, label: str, ids: Sequence[str], vectors: Float32) -> None:
        batch_size = self.settings.workers.batch_size
        written = write_vectors(self.store, label, ids, vectors, fence=self.fence, batch_size=batch_size)
        self.standing.add(_PLURAL[label], written)

    def _keep(self, message: str) -> None:
        self.run.report(self.standing.done, self.standing.total, message)
        self.run.advance(json.dumps(asdict(self.standing)))

    def _finish(self) -> Mapping[str, Any]:
        result: dict[str, Any] = dict(self.standing.written)
        if self.standing.refused_examples:
            result["refused_examples"] = self.standing.refused_examples
        if self.params.selection in ("all", "dirty"):
            rule = self.embedder.resemblance
            self.store.write(
                "reembed/embedded_until",
                version=self.version,
                until=watermark(self.standing.began_at),
                basis=None if rule is None else rule.basis,
            )
        if self.params.selection == "all":
            version = get_version(self.store, self.version)
            if version.state is VersionState.BUILDING:
                self.run.report(self.standing.total, self.standing.total, "waits for the vector indexes")
                create_vector_indexes(self.store, version)
                mark_ready(self.store, self.version)
            if self.params.activate:
                self.run.check()
                activate(self.store, self.version)
                result["activated"] = True
        return result

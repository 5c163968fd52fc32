"""Embedding versions: their life, the pointer to the active one, their indexes, and their end."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from engine.domain import MS_PER_SECOND, EpochMs, VersionState, now_ms
from engine.errors import ArtefactError, ConflictError, InvalidInputError, NotFoundError
from engine.graph.capabilities import SEARCH_CLAUSE
from engine.graph.names import (
    EMBEDDABLE_LABELS,
    ITEM,
    attention_property,
    check_version_id,
    embedded_at_property,
    embedding_property,
    learned_property,
    vector_index,
)
from engine.graph.store import GraphStore

MAX_DIM: Final = 4_096
MAX_LIST: Final = 1_000
_INDEX_WAIT_S: Final = 300
_DROP_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class EmbeddingVersion:
    """One space of vectors.

    Attributes:
        id: `v` and the UTC time of its making; later ones are greater.
        state: Where it stands in its life.
        dim: Length of its vectors.
        model: What made them.
        created_at: Epoch ms.
        metrics: What was measured on it.
        activated_at: When it last became the active one, epoch ms.
        vectors_at: Stamp of the latest write-back; it rises with each.
        properties: Everything the node has.
    """

    id: str
    state: VersionState
    dim: int
    model: str
    created_at: EpochMs
    metrics: Mapping[str, Any] = field(default_factory=dict)
    activated_at: EpochMs | None = None
    vectors_at: EpochMs = 0
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def new_version_id(at: EpochMs) -> str:
    """Give the id of a version made at a time: `v` and UTC YYYYMMDDHHMMSS."""
    return datetime.fromtimestamp(at / MS_PER_SECOND, UTC).strftime("v%Y%m%d%H%M%S")


def create_version(
    store: GraphStore,
    *,
    dim: int,
    model: str,
    metrics: Mapping[str, Any] | None = None,
    version: str | None = None,
    at: EpochMs | None = None,
) -> EmbeddingVersion:
    """Make a version, in the state building, with its vector indexes.

    Made again under the same id with the same dimension it is only given back, so a killed run can begin anew.

    Args:
        store: The graph.
        dim: Length of its vectors.
        model: What makes them.
        metrics: What was measured on it; plain data.
        version: Its id; made of the time where none is given, the next second where that one is taken.
        at: Time of its making, epoch ms; now where none is given.

    Raises:
        InvalidInputError: The id or dimension is wrong.
        ConflictError: A version of this id has another dimension.
    """
    if not 1 <= dim <= MAX_DIM:
        raise InvalidInputError("This is no dimension.", field="dim", value=dim, remedy=f"Use 1 to {MAX_DIM}.")
    moment = now_ms() if at is None else at
    second = moment
    while True:
        name = check_version_id(version) if version is not None else new_version_id(second)
        row = store.write(
            "versions/create", id=name, dim=dim, model=model, metrics=json.dumps(dict(metrics or {})), at=moment
        )[0]
        if row["created"] or version is not None:
            break
        second += MS_PER_SECOND
    found = version_from(row["version"])
    if found.dim != dim:
        raise ConflictError(
            f"The version has vectors of length {found.dim}.", field="dim", value=dim, remedy="Make a new version."
        )
    create_vector_indexes(store, found)
    return found


def create_vector_indexes(store: GraphStore, version: EmbeddingVersion, *, wait_s: int = _INDEX_WAIT_S) -> None:
    """Make the vector indexes of a version that are missing and wait until they are online."""
    names = {label: vector_index(label, version.id) for label in sorted(EMBEDDABLE_LABELS)}
    for label, index in names.items():
        identifiers = {"index": index, "label": label, "embedding": embedding_property(version.id)}
        store.write("versions/create_index", dim=version.dim, identifiers=identifiers)
    for index in names.values():
        store.read("schema/await_index", name=index, seconds=wait_s, timeout_s=wait_s + 1)


def get_version(store: GraphStore, version: str) -> EmbeddingVersion:
    """Give a version.

    Raises:
        NotFoundError: There is no such version.
    """
    for row in store.read("versions/get", id=version):
        return version_from(row["version"])
    raise _not_found(version)


def list_versions(store: GraphStore, *, limit: int = MAX_LIST) -> list[EmbeddingVersion]:
    """Give the versions, newest first."""
    return [version_from(row["version"]) for row in store.read("versions/list", limit=limit)]


def active_version(store: GraphStore, *, bookmarks: Iterable[str] | None = None) -> EmbeddingVersion | None:
    """Give the active version, or none."""
    for row in store.read("versions/active", bookmarks=bookmarks):
        return version_from(row["version"])
    return None


def mark_ready(
    store: GraphStore, version: str, *, metrics: Mapping[str, Any] | None = None, at: EpochMs | None = None
) -> EmbeddingVersion:
    """Say that a version has every vector, so that it may be activated.

    Args:
        store: The graph.
        version: Its id; one that is ready or active stays so.
        metrics: Replaces what was measured on it.
        at: Time of the change, epoch ms; now where none is given.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: It is retired.
    """
    return _move(store, version, VersionState.READY, (VersionState.BUILDING,), metrics, at)


def retire(store: GraphStore, version: str, *, at: EpochMs | None = None) -> EmbeddingVersion:
    """End a version: nothing is written under it any more, and its vectors may be dropped.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: It is the active one.
    """
    return _move(store, version, VersionState.RETIRED, (VersionState.BUILDING, VersionState.READY), None, at)


def activate(store: GraphStore, version: str, *, at: EpochMs | None = None) -> str | None:
    """Make a version the active one, in one transaction; the one before goes back to ready.

    Args:
        store: The graph.
        version: Its id; the active one stays so.
        at: Time of the change, epoch ms; now where none is given.

    Returns:
        The version that was active before, where it was another one.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: It is not ready.
    """

    def check(rows: list[dict[str, Any]]) -> str | None:
        if not rows:
            raise _not_found(version)
        if not rows[0]["activated"]:
            raise ConflictError(
                f"The version is {rows[0]['version']['state']}, not ready.",
                field="version",
                value=version,
                remedy="Wait until its re-embedding has ended, or choose a ready one.",
            )
        previous: str | None = rows[0]["previous"]
        return previous

    moment = now_ms() if at is None else at
    # Checked inside the transaction, so that a refusal leaves no pointer node behind.
    return store.write_transaction(lambda tx: check(tx.run("versions/activate", id=version, at=moment)))


def drop_vectors(
    store: GraphStore,
    version: str,
    *,
    batch_size: int = _DROP_BATCH,
    delete: bool = False,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Take a retired version's indexes, vectors and attention out of the graph, in batches.

    A killed run is simply run again.

    Args:
        store: The graph.
        version: Its id.
        batch_size: Nodes of one transaction.
        delete: Whether the version's own node goes too.
        progress: Told how many nodes were looked at.

    Returns:
        Vectors and relationship weights dropped.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: It is not retired.
    """
    found = get_version(store, version)
    if found.state is not VersionState.RETIRED:
        raise ConflictError(
            f"The version is {found.state}, not retired.", field="version", value=version, remedy="Retire it first."
        )
    embedding, embedded_at = embedding_property(version), embedded_at_property(version)
    for label in sorted(EMBEDDABLE_LABELS):
        store.write("versions/drop_index", identifiers={"index": vector_index(label, version)})
    seen = dropped = 0
    sweeps: list[tuple[str, dict[str, str]]] = [
        ("versions/drop_vectors", {"label": label, "embedding": embedding, "embedded_at": embedded_at})
        for label in sorted(EMBEDDABLE_LABELS)
    ]
    of_edges = {"attention": attention_property(version), "learned": learned_property(version)}
    sweeps.append(("versions/drop_attention", of_edges))
    for name, identifiers in sweeps:
        after: str | None = ""
        while after is not None:
            [row] = store.write(name, identifiers=identifiers, version=version, after=after, limit=batch_size)
            after = row["last"]
            seen, dropped = seen + row["seen"], dropped + row["dropped"]
            if progress is not None:
                progress(seen)
    if delete:
        store.write("versions/delete", id=version)
    return dropped


def nearest_items(store: GraphStore, version: str, vector: Sequence[float], *, limit: int) -> list[tuple[str, float]]:
    """Give the items whose vectors are nearest to one, best first, by the database's index.

    Args:
        store: The graph.
        version: The space that the vector is in.
        vector: The vector, [dim].
        limit: Most items, 1 to 1,000.

    Returns:
        Ids with the cosine similarity mapped to 0 to 1.

    Raises:
        NotFoundError: There is no such version.
        ArtefactError: The vector has another dimension.
    """
    if not 1 <= limit <= MAX_LIST:
        raise InvalidInputError("A list has another size.", field="limit", value=limit, remedy=f"Use 1 to {MAX_LIST}.")
    found = get_version(store, version)
    values = [float(value) for value in vector]
    if len(values) != found.dim:
        raise ArtefactError(
            f"The version has vectors of length {found.dim}.",
            field="vector",
            value=len(values),
            remedy="Use the model of this version.",
        )
    if not any(values) or not all(map(math.isfinite, values)):
        raise InvalidInputError("The vector is zero or not finite.", field="vector")
    index = vector_index(ITEM, version)
    if store.capabilities.has(SEARCH_CLAUSE):
        rows = store.read("vectors/search_items", identifiers={"index": index}, vector=values, limit=limit)
    else:
        rows = store.read("vectors/nearest_items", index=index, vector=values, limit=limit)
    return [(row["id"], row["score"]) for row in rows]


def version_from(node: Mapping[str, Any]) -> EmbeddingVersion:
    """Make a version of a node's properties."""
    return EmbeddingVersion(
        id=node["id"],
        state=VersionState(node["state"]),
        dim=node["dim"],
        model=node["model"],
        created_at=node["created_at"],
        metrics=json.loads(node.get("metrics") or "{}"),
        activated_at=node.get("activated_at"),
        vectors_at=node.get("vectors_at") or 0,
        properties=dict(node),
    )


def _move(
    store: GraphStore,
    version: str,
    state: VersionState,
    sources: tuple[VersionState, ...],
    metrics: Mapping[str, Any] | None,
    at: EpochMs | None,
) -> EmbeddingVersion:
    rows = store.write(
        "versions/set_state",
        id=version,
        state=str(state),
        sources=[str(source) for source in (*sources, state)],
        metrics=None if metrics is None else json.dumps(dict(metrics)),
        at=now_ms() if at is None else at,
    )
    if not rows:
        raise _not_found(version)
    found = version_from(rows[0]["version"])
    if not rows[0]["moved"] and not (state is VersionState.READY and found.state is VersionState.ACTIVE):
        raise ConflictError(
            f"The version is {found.state}; it cannot become {state}.",
            field="version",
            value=version,
            remedy="Activate another version first." if found.state is VersionState.ACTIVE else "Make a new version.",
        )
    return found


def _not_found(version: str) -> NotFoundError:
    return NotFoundError(
        "There is no such embedding version.",
        field="version",
        value=version,
        remedy="interestgraph versions lists them.",
    )

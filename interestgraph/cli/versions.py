"""`interestgraph versions`: embedding versions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from engine.domain import MS_PER_SECOND, VersionState
from engine.errors import ConflictError
from engine.settings import get_settings

versions = typer.Typer(help="Embedding versions: list, show, activate, drop.", no_args_is_help=True)
VersionId = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")]
_COLOUR = {VersionState.BUILDING: "yellow", VersionState.READY: "cyan", VersionState.ACTIVE: "green"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(versions, name="versions")


@versions.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show versions, newest first."""
    from engine.graph.store import GraphStore
    from engine.graph.versions import list_versions

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = list_versions(store)
    if as_json:
        rows = [
            {
                "id": version.id,
                "state": str(version.state),
                "dim": version.dim,
                "model": version.model,
                "created_at": version.created_at,
                "activated_at": version.activated_at,
                "metrics": dict(version.metrics),
            }
            for version in found
        ]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    table = Table(Column("id", no_wrap=True), "state", "dim", "made", "NDCG@10", "model on this machine")
    for version in found:
        here = (settings.models_dir / version.id).is_dir()
        table.add_row(
            version.id,
            f"[{_COLOUR.get(version.state, 'dim')}]{version.state}[/]",
            str(version.dim),
            datetime.fromtimestamp(version.created_at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            ndcg_of(version.metrics),
            "yes" if here else "no",
        )
    Console().print(table)


@versions.command()
def show(
    version: VersionId,
    as_json: Annotated[bool, typer.Option("--json", help="Print the model's whole card as JSON.")] = False,
) -> None:
    """Show one version and what its model reads: encoders, attention of the modalities, weights of the terms."""
    from engine.graph.store import GraphStore
    from engine.graph.versions import get_version
    from engine.ranking.card import CARD, read_card

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = get_version(store, version)
    folder = settings.models_dir / found.id
    read_card(folder, found.id)  # says what is wrong with it
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    if as_json:
        sys.stdout.write(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in version_rows(str(found.state), found.metrics, card):
        table.add_row(f"[dim]{name}[/dim]", value)
    Console(highlight=False).print(table)


def version_rows(state: str, metrics: Mapping[str, Any], card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what `show` says of a version."""
    widths: Mapping[str, int] = card["model"]["content"]
    media: Mapping[str, Mapping[str, Any]] = card.get("media") or {}
    attention: Mapping[str, float] = card.get("fusion_weights") or {}
    rows = [("version", str(card["version"])), ("state", state), ("made", str(card["created_at"]))]
    rows += [("NDCG@10", ndcg_of(metrics)), ("dim", str(card["dim"]))]
    for name, width in widths.items():
        source = card.get("text_encoder") if name == "text" else None
        entry = media.get(name, {})
        source = source or entry.get("encoder") or entry.get("vectors") or "vectors given"
        share = f", attention {attention[name]:.2f}" if name in attention else ""
        refused = f", {entry['refused']} files refused" if entry.get("refused") else ""
        rows.append((name, f"{width} wide{share}{refused}, by {source}"))
    terms = {name: value for name, value in (card.get("terms") or {}).items() if isinstance(value, (int, float))}
    rows.append(("terms", ", ".join(f"{name} {value:g}" for name, value in terms.items())))
    return [(name, value) for name, value in rows if value]


@versions.command()
def activate(version: VersionId) -> None:
    """Serve from a ready version; rolls back, too. Every process follows within a second or so."""
    from engine.graph.store import GraphStore
    from engine.graph.versions import activate as activate_version

    with GraphStore.open(get_settings()) as store:
        before = activate_version(store, version)
    Console().print(f"{version} is active" + (f"; {before} is ready." if before else "."), highlight=False)


@versions.command()
def drop(
    version: VersionId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a version out of the graph: its vectors, indexes and learned weights. The model's folder stays."""
    from engine.graph.store import GraphStore
    from engine.graph.versions import active_version, drop_vectors, get_version, retire

    console = Console()
    with GraphStore.open(get_settings()) as store:
        found = get_version(store, version)
        active = active_version(store)
        if active is not None and active.id == version:
            raise ConflictError(
                "This version is the active one.",
                field="version",
                value=version,
                remedy="Activate another one first: interestgraph versions activate ID.",
            )
        if not yes:
            typer.confirm(f"Drop every vector of {version} ({found.state})?", abort=True)
        if found.state is not VersionState.RETIRED:
            retire(store, version)
        with console.status("drops vectors") as status:
            dropped = drop_vectors(
                store, version, delete=True, progress=lambda seen: status.update(f"drops vectors: {seen} nodes seen")
            )
    console.print(f"Dropped {dropped} vectors and weights of {version}.", highlight=False)


def ndcg_of(metrics: Mapping[str, Any]) -> str:
    """Give the test NDCG@10 where it was measured."""
    for part in (metrics.get("test"), metrics):
        if isinstance(part, Mapping):
            value = part.get("ndcg@10")
            if isinstance(value, (int, float)):
                return f"{value:.4f}"
    return ""

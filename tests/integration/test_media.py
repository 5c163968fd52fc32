"""Images and sounds of items: imported, trained on, embedded, and told where they cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event, JobState
from engine.events.apply import apply_events
from engine.graph.entities import Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.importing.items import InterestColumn, ItemMapping, import_items
from engine.importing.reading import FileSource
from engine.importing.rejects import RejectLimit
from engine.importing.run import ImportOptions, ImportReport
from engine.jobs import create_job, get_job
from engine.jobs.job import Job
from engine.jobs.run import run_job
from engine.model.artefact import read_card
from engine.pipelines.handlers import handler
from engine.settings import Settings, get_settings, load_settings
from interestgraph.cli import versions
from tests.support.api_server import address_of
from tests.support.media import make_audio_encoder, make_image, make_image_encoder, make_sound

# Generous: a loaded machine imports torch in a minute.
pytestmark = pytest.mark.timeout(900)
START = 1_750_000_000_000
ITEMS = 24
CUT, GONE = "i03", "i05"


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Pictures of all items, one of them cut, and sounds of some."""
    folder = tmp_path / "media"
    (folder / "pictures").mkdir(parents=True)
    for number in range(ITEMS):
        path = folder / "pictures" / f"i{number:02}.png"
        make_image(path, (number * 10, 255 - number * 10, (number % 4) * 60))
        if path.stem == CUT:
            path.write_bytes(path.read_bytes()[:60])
        if number % 3 == 0:
            make_sound(folder / f"i{number:02}.wav", 200 + 40 * number)
    (folder / "pictures" / f"{GONE}.png").unlink()
    return folder


@pytest.fixture
def settings(tmp_path: Path, media: Path) -> Settings:
    """What a worker's settings are."""
    return load_settings(
        home=tmp_path,
        cache=tmp_path / "cache",
        model={
            "dim": 8,
            "layers": 1,
            "max_history": 5,
            "media_folder": media,
            "image_encoder": str(make_image_encoder(tmp_path / "vit")),
            "audio_encoder": str(make_audio_encoder(tmp_path / "ast")),
        },
        training={"epochs": 2, "validation_days": 1, "test_days": 1, "threads": 1},
        workers={"heartbeat_s": 60},
    )


def put_items(store: GraphStore, settings: Settings, tmp_path: Path, more: list[dict[str, Any]]) -> ImportReport:
    rows: list[dict[str, Any]] = [
        {
            "id": f"i{number:02}",
            "title": f"Item {number % 4}",
            "kind": f"c{number % 4}",
            "picture": f"pictures/i{number:02}.png",
            "audio": f"i{number:02}.wav" if number % 3 == 0 else None,
        }
        for number in range(ITEMS)
    ]
    pl.DataFrame([*rows, *more]).write_csv(tmp_path / "items.csv")
    mapping = ItemMapping(interests=(InterestColumn("category", "kind"),))
    options = ImportOptions(limit=RejectLimit(1.0, None))
    return import_items(store, FileSource(tmp_path / "items.csv"), mapping, settings=settings, options=options)


def put_events(store: GraphStore, settings: Settings) -> None:
    events = [
        Event(
            f"e{user}-{step}",
            "purchase",
            f"u{user:03}",
            f"i{(user * 5 + step * 4 + step * user % 3) % ITEMS:02}",
            START + step * MS_PER_DAY + user,
        )
        for user in range(60)
        for step in range(5)
    ]
    apply_events(store, events, settings=settings, mark_unfolded=False)
    rebuild(store, settings)


def ran(store: GraphStore, settings: Settings, kind: str, params: Mapping[str, Any]) -> Job:
    job = create_job(store, kind, params)
    run_job(store, settings, job.id, handler(job.kind, settings, lambda job: None))
    return get_job(store, job.id)


def test_pictures_and_sounds_are_imported_learnt_and_embedded(
    store: GraphStore, settings: Settings, neo4j_server: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = {"id": "out", "title": "Out", "kind": "c0", "picture": "../vit/config.json", "audio": None}
    report = put_items(store, settings, tmp_path, [outside])
    assert [(each.field, each.value) for each in report.first] == [("image", "../vit/config.json")]
    assert report.accepted == ITEMS
    put_events(store, settings)

    trained = ran(store, settings, "retrain", {"embed": False})
    assert trained.state is JobState.SUCCEEDED, trained.error
    result = trained.result
    assert (result["image_vectors"], result["image_refused"]) == (ITEMS - 2, 2)
    assert (result["audio_vectors"], result["audio_refused"]) == (ITEMS // 3, 0)
    assert [line.split(":")[0] for line in result["image_refused_examples"]] == [
        f"{CUT}, image pictures/{CUT}.png",
        f"{GONE}, image pictures/{GONE}.png",
    ]
    version = str(result["version"])
    card = read_card(settings.models_dir / version)
    assert card["model"]["content"] == {"text": 384, "image": 16, "audio": 16}
    assert (card["media"]["image"]["encoder"], card["media"]["image"]["width"]) == (settings.model.image_encoder, 16)
    assert set(card["fusion_weights"]) == {"text", "image", "audio"}
    assert sum(card["fusion_weights"].values()) == pytest.approx(1)

    # Twins that differ in nothing but the picture; the third one has the first one's.
    folder = settings.model.media_folder
    assert folder is not None
    make_image(folder / "one.png", (250, 10, 10))
    make_image(folder / "other.png", (10, 10, 250))
    (folder / "text.png").write_text("no image")
    names = {"t1": "one.png", "t2": "other.png", "t3": "one.png", "t4": "text.png", "t5": "http://example.org/a.png"}
    upsert_items(store, [Item(name, title="Twin", attributes={"image": image}) for name, image in names.items()])
    embedded = ran(store, settings, "reembed", {"version": version, "selection": "items", "ids": sorted(names)})
    assert embedded.state is JobState.SUCCEEDED, embedded.error
    found = read_vectors(store, version, ids=sorted(names))
    vectors = dict(zip(found.ids, found.matrix, strict=True))
    np.testing.assert_allclose(vectors["t1"], vectors["t3"], atol=1e-6)
    assert np.abs(vectors["t1"] - vectors["t2"]).max() > 1e-4
    np.testing.assert_allclose(vectors["t4"], vectors["t5"], atol=1e-6)
    assert (embedded.result["image_vectors"], embedded.result["image_refused"]) == (3, 2)
    assert embedded.result["refused_examples"][0].startswith("t4, image text.png: The file cannot be read")
    assert embedded.result["refused_examples"][1].startswith("t5, image http://example.org/a.png: This is an address")

    # All of it: each file counts once, though items are read as neighbours of others too.
    whole = ran(store, settings, "reembed", {"version": version, "selection": "all"})
    assert whole.state is JobState.SUCCEEDED, whole.error
    assert (whole.result["image_vectors"], whole.result["image_refused"]) == (ITEMS - 2 + 3, 4)
    assert whole.result["audio_vectors"] == ITEMS // 3

    # A worker that does not know where the files lie fails with what to do.
    blind = settings.model_copy(update={"model": settings.model.model_copy(update={"media_folder": None})})
    failed = ran(store, blind, "reembed", {"version": version, "selection": "items", "ids": ["t1"]})
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert (failed.error["code"], failed.error["field"]) == ("invalid_setting", "INTERESTGRAPH_MODEL__MEDIA_FOLDER")

    show = show_command(neo4j_server, tmp_path, monkeypatch)
    lines = show(version).splitlines()
    assert [line.split()[0] for line in lines if "16 wide, attention 0." in line] == ["image", "audio"]
    assert json.loads(show(version, "--json"))["fusion_weights"] == card["fusion_weights"]
    get_settings.cache_clear()


def show_command(server: Settings, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give `interestgraph versions show` on a server and a home."""
    for name, value in (address_of(server, "redis://127.0.0.1:1") | {"INTERESTGRAPH_HOME": str(home)}).items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    app = typer.Typer()
    versions.register(app)
    app.command()(lambda: None)

    def show(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["versions", "show", *arguments])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return show


def test_given_vectors_take_the_place_of_an_encoder(store: GraphStore, settings: Settings, tmp_path: Path) -> None:
    put_items(store, settings, tmp_path, [])
    put_events(store, settings)
    ids = [f"i{number:02}" for number in range(ITEMS - 4)]
    table = pl.DataFrame({"item_id": [*ids, "t1", "t2"], "vector": np.eye(ITEMS)[: len(ids) + 2].tolist()})
    table.write_parquet(tmp_path / "image.parquet")
    changes = {"image_encoder": "", "audio_encoder": "", "image_vectors": tmp_path / "image.parquet"}
    given = settings.model_copy(update={"model": settings.model.model_copy(update=changes)})
    trained = ran(store, given, "retrain", {"embed": False})
    assert trained.state is JobState.SUCCEEDED, trained.error
    assert trained.result["image_vectors"] == len(ids)
    version = str(trained.result["version"])
    upsert_items(store, [Item(name, title="Twin") for name in ("t1", "t2")])
    embedded = ran(store, given, "reembed", {"version": version, "selection": "items", "ids": ["t1", "t2"]})
    assert embedded.state is JobState.SUCCEEDED, embedded.error
    first, second = read_vectors(store, version, ids=["t1", "t2"]).matrix
    assert np.abs(first - second).max() > 1e-4

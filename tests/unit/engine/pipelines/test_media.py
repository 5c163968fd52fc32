"""Media of items, page by page: from a file of vectors, and what is told of files that give nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError, SettingsError
from engine.pipelines.media import Media, MediaReader
from engine.settings import Settings, load_settings


def settings_of(tmp_path: Path, **model: object) -> Settings:
    return load_settings(home=tmp_path, cache=tmp_path / "cache", model=model)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez(tmp_path / "image.npz", item_ids=np.array(["a", "b"]), vectors=np.array([[1.0, 2, 3], [4, 5, 6]]))
    return tmp_path / "image.npz"


def test_given_vectors_are_read_page_by_page(tmp_path: Path, file: Path) -> None:
    settings = settings_of(tmp_path, image_vectors=file)
    reader = MediaReader.of_settings(settings)
    named = {"image": [None, None], "audio": [None, None]}
    media = reader.read(["b", "c"], named)
    assert media.vectors["image"].tolist() == [[4, 5, 6], [0, 0, 0]]
    assert media.counts() == {"image_vectors": 1}
    assert reader.card(media, ["b", "c"]) == {
        "image": {"encoder": None, "vectors": "image.npz", "width": 3, "items": 1, "refused": 0}
    }
    # A page of which no item stands in the file has none, and that is no error.
    assert reader.read(["x", "y"], named).vectors == {}
    card = reader.card(media, ["b", "c"])
    again = MediaReader.of_card(card, {"image": 3}, settings, refresh=False)
    np.testing.assert_array_equal(again.read(["b", "c"], named).vectors["image"], media.vectors["image"])
    # What the model does not read is left out.
    assert MediaReader.of_card(card, {"text": 3}, settings, refresh=False).read(["b"], named).refused == {}


def test_a_model_that_reads_vectors_needs_the_file_and_its_width(tmp_path: Path, file: Path) -> None:
    card = {"image": {"encoder": None, "vectors": "image.npz"}}
    with pytest.raises(SettingsError, match="given vectors") as missing:
        MediaReader.of_card(card, {"image": 3}, settings_of(tmp_path), refresh=False)
    assert missing.value.field == "INTERESTGRAPH_MODEL__IMAGE_VECTORS"
    with pytest.raises(InvalidInputError, match="length 4"):
        MediaReader.of_card(card, {"image": 4}, settings_of(tmp_path, image_vectors=file), refresh=False)
    with pytest.raises(SettingsError, match="lie in no folder"):
        MediaReader.of_card({"audio": {"encoder": "any"}}, {"audio": 4}, settings_of(tmp_path), refresh=False)


def test_without_settings_nothing_is_read(tmp_path: Path) -> None:
    media = MediaReader.of_settings(settings_of(tmp_path)).read(["a"], {"image": ["a.png"], "audio": [None]})
    assert (media.vectors, media.counts(), media.examples(["a"])) == ({}, {}, [])


def test_what_is_refused_is_counted_and_named() -> None:
    vectors = np.array([[1.0], [0.0], [0.0], [1.0]], dtype=np.float32)
    media = Media({"image": vectors}, {"image": [None, "b.png: No.", None, None], "audio": [None] * 3 + ["d.wav: No."]})
    ids = ["a", "b", "c", "d"]
    assert media.counts() == {"image_vectors": 2, "image_refused": 1, "audio_vectors": 0, "audio_refused": 1}
    assert media.counts(3) == {"image_vectors": 1, "image_refused": 1, "audio_vectors": 0}
    assert media.examples(ids) == ["b, image b.png: No.", "d, audio d.wav: No."]
    many = Media({}, {"image": [f"{number}.png: No." for number in range(30)]})
    assert many.counts() == {"image_vectors": 0, "image_refused": 30}
    assert len(many.examples([str(number) for number in range(30)])) == 10

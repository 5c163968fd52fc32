"""The real classes on real files; the weights are random, of a tiny configuration, since none can be had offline."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ArtefactError, InvalidInputError, SettingsError
from engine.features import image as image_module
from engine.features.audio import AudioEncoder, read_wave
from engine.features.image import ImageEncoder
from engine.features.media import MediaEncoder
from tests.support.media import make_audio_encoder, make_image, make_image_encoder, make_sound


@pytest.fixture(params=["vit", "clip"])
def image_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_image_encoder(tmp_path / "encoder", request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    return tmp_path / "media"


def test_images_become_unit_vectors_and_none_zeros(image_folder: Path, tmp_path: Path) -> None:
    red, blue = make_image(tmp_path / "r.png", (255, 0, 0)), make_image(tmp_path / "b.png", (0, 0, 255))
    made = ImageEncoder(str(image_folder)).encode([red, None, blue, red])
    assert made.shape == (4, 16)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 0, 1, 1], abs=1e-5)
    assert made[0] == pytest.approx(made[3], abs=1e-5)
    assert np.abs(made[0] - made[2]).max() > 1e-3


def test_sounds_become_unit_vectors_and_none_zeros(tmp_path: Path) -> None:
    make_audio_encoder(tmp_path)
    low, high = make_sound(tmp_path / "l.wav", 200), make_sound(tmp_path / "h.wav", 3_000)
    made = AudioEncoder(str(tmp_path)).encode([low, None, high])
    assert made.shape == (3, 16)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)
    assert np.abs(made[0] - made[2]).max() > 1e-3


def test_a_sound_is_read_at_the_rate_wanted(tmp_path: Path) -> None:
    samples = read_wave(make_sound(tmp_path / "s.wav", 200), 16_000)
    assert samples.shape == (16_000,)
    assert np.abs(samples).max() == pytest.approx(20_000 / 32_768, rel=0.05)
    assert int(np.abs(np.fft.rfft(samples)).argmax()) == 200


@pytest.mark.parametrize("name", ["missing.wav", "text.wav"])
def test_a_bad_sound_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(InvalidInputError) as raised:
        read_wave(tmp_path / name, 16_000)
    assert raised.value.field == name
    assert "ffmpeg" in str(raised.value.remedy)


def test_a_bad_image_is_named(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(InvalidInputError) as raised:
        ImageEncoder(str(image_folder)).encode([tmp_path / "text.png"])
    assert raised.value.field == "text.png"


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="cannot be loaded"):
        ImageEncoder(str(tmp_path))


def test_an_image_of_too_many_pixels_is_refused(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_module, "MAX_PIXELS", 599)
    with pytest.raises(InvalidInputError, match="600 pixels"):
        ImageEncoder(str(image_folder)).encode([make_image(tmp_path / "large.png", (1, 2, 3))])


def test_a_sound_of_an_impossible_rate_or_of_no_length_is_refused(tmp_path: Path) -> None:
    make_audio_encoder(tmp_path)
    # Resampling from a prime near 2^31 would take a filter of gigabytes.
    fast = make_sound(tmp_path / "fast.wav", 200)
    raw = bytearray(fast.read_bytes())
    raw[24:28] = (2**31 - 1).to_bytes(4, "little")
    fast.write_bytes(raw)
    with pytest.raises(InvalidInputError, match="samples a second"):
        read_wave(fast, 16_000)
    with wave.open(str(tmp_path / "short.wav"), "wb") as stream:
        stream.setparams((1, 2, 16_000, 0, "NONE", "none"))
        stream.writeframes(b"\1\0" * 20)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        AudioEncoder(str(tmp_path)).encode([tmp_path / "short.wav"])


def test_a_file_that_cannot_be_read_is_told_and_leaves_the_others(tmp_path: Path, folder: Path) -> None:
    name = str(make_image_encoder(tmp_path / "encoder", "vit"))
    make_image(folder / "red.png", (255, 0, 0))
    make_image(folder / "large.bmp", (0, 0, 255), size=(400, 300))
    whole = make_image(folder / "cut.png", (0, 255, 0), size=(90, 90)).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no image")
    encoder = MediaEncoder("image", name, folder=folder, most_mb=0.1)
    names = ["red.png", None, "cut.png", "text.png", "large.bmp", "gone.png", "../red.png", "red.png", 7, ""]
    found = encoder.encode(names)
    assert found.vectors.any(axis=1).tolist() == [True, *[False] * 6, True, False, False]
    np.testing.assert_array_equal(found.vectors[0], found.vectors[7])
    told = [reason is not None for reason in found.refused]
    assert told == [False, False, True, True, True, True, True, False, True, False]
    assert found.refused[4] == "large.bmp: The file is larger than 0.1 MB."
    assert found.refused[5] == "gone.png: There is no such file."
    assert found.refused[6] == "../red.png: This path leads out of the media folder."
    # Read together with broken ones or alone, a file gives the same.
    np.testing.assert_allclose(found.vectors[0], ImageEncoder(name).encode([folder / "red.png"])[0], atol=1e-6)


def test_what_was_encoded_is_known_by_its_content(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(make_image_encoder(tmp_path / "encoder", "vit"))
    prepared: list[str] = []
    plain = ImageEncoder.prepare
    monkeypatch.setattr(ImageEncoder, "prepare", lambda self, path: (prepared.append(path.name), plain(self, path))[1])
    make_image(folder / "a.png", (255, 0, 0))
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "text.png").write_text("no image")

    def encode(*names: str, refresh: bool = False) -> np.ndarray:
        reader = MediaEncoder("image", name, folder=folder, most_mb=1, cache=tmp_path / "cache", refresh=refresh)
        reader.encode(names)
        return reader.encode(names).vectors

    first = encode("a.png", "b.png", "text.png")
    assert prepared == ["a.png", "text.png"]
    (folder / "a.png").rename(folder / "moved.png")
    np.testing.assert_array_equal(encode("moved.png"), first[:1])
    assert prepared == ["a.png", "text.png"]
    make_image(folder / "b.png", (0, 0, 255))
    assert not np.array_equal(encode("b.png"), first[:1])
    assert prepared == ["a.png", "text.png", "b.png"]
    encode("b.png", refresh=True)
    assert prepared == ["a.png", "text.png", "b.png", "b.png"]
    # Another model under the same name: what was kept is of another length.
    make_image_encoder(tmp_path / "encoder", "vit", hidden_size=24)
    make_image(folder / "c.png", (9, 9, 9))
    assert encode("c.png", "b.png").shape == (2, 24)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "none"):
        with pytest.raises(SettingsError, match="lie in no folder") as raised:
            MediaEncoder("audio", "any", folder=folder, most_mb=1)
        assert raised.value.field == "INTERESTGRAPH_MODEL__MEDIA_FOLDER"

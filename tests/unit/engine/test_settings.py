from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.settings import load_settings


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NEO4J_URI", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_nested_value_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS", "45")
    assert load_settings().interests.half_life_days == 45


def test_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", "")
    assert load_settings().neo4j_uri is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS", "0"),
        ("INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS", "nan"),
        ("INTERESTGRAPH_CO_OCCURRENCE__WINDOW", "many"),
        ("INTERESTGRAPH_NEO4J__VERSION", "4.4.0"),
        ("INTERESTGRAPH_API__PORT", "70000"),
    ],
)
def test_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.field == name
    assert value in str(caught.value)


def test_unknown_key_of_a_section_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERESTGRAPH_INTERESTS__HALF_LIVE_DAYS", "45")
    with pytest.raises(SettingsError):
        load_settings()


def test_password_comes_from_its_file(tmp_path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    assert load_settings(neo4j_password_file=path).password() == "secret"
    with pytest.raises(SettingsError, match="NEO4J_PASSWORD_FILE"):
        load_settings(neo4j_password_file=tmp_path / "absent").password()


def test_secrets_are_not_shown() -> None:
    settings = load_settings(neo4j_password="hunter2", redis_url="redis://:hunter2@localhost/0")
    assert "hunter2" not in repr(settings)


def test_settings_are_frozen() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.interests.half_life_days = 1


def test_a_modality_has_one_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INTERESTGRAPH_MODEL__IMAGE_ENCODER", "any")
    monkeypatch.setenv("INTERESTGRAPH_MODEL__IMAGE_VECTORS", "")
    monkeypatch.setenv("INTERESTGRAPH_MODEL__MEDIA_FOLDER", "media")
    model = load_settings().model
    assert (model.image_vectors, model.media_folder) == (None, tmp_path / "media")
    monkeypatch.setenv("INTERESTGRAPH_MODEL__IMAGE_VECTORS", "image.npz")
    with pytest.raises(SettingsError, match="exclude each other"):
        load_settings()

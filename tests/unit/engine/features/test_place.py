"""No name of a file leads out of the media folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InvalidInputError
from engine.features.place import leads_outside, media_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "media"
    (inner / "sub").mkdir(parents=True)
    (inner / "sub" / "a.png").write_bytes(b"a")
    (tmp_path / "secret.png").write_bytes(b"s")
    (tmp_path / "media2").mkdir()
    (tmp_path / "media2" / "a.png").write_bytes(b"a")
    (inner / "link.png").symlink_to(tmp_path / "secret.png")
    (inner / "inside.png").symlink_to(inner / "sub" / "a.png")
    (inner / "circle.png").symlink_to(inner / "circle.png")
    return inner


def test_a_file_below_the_folder_is_found(folder: Path) -> None:
    for name in ("sub/a.png", "inside.png", str(folder / "sub" / "a.png"), "./sub/a.png"):
        assert media_path(folder, name, field="image") == folder.resolve() / "sub" / "a.png"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../secret.png", "leads out"),
        ("sub/../../secret.png", "leads out"),
        ("sub\\..\\a.png", "leads out"),
        ("FOLDER/../secret.png", "leads out"),
        ("OUTSIDE/secret.png", "leads out"),
        ("OUTSIDE/media2/a.png", "leads out"),
        ("/etc/passwd", "leads out"),
        ("link.png", "leads out"),
        ("gone.png", "no such file"),
        ("sub", "no such file"),
        ("circle.png", "(cannot be found|no such file)"),
        ("x" * 5_000, "cannot be found"),
        ("https://example.org/a.png", "over the network"),
        ("file:///etc/passwd", "over the network"),
        ("data:image/png;base64,AAAA", "over the network"),
        ("a\0.png", "no name"),
        ("  ", "no name"),
        (["sub/a.png"], "no name"),
        (3, "no name"),
    ],
)
def test_what_is_no_file_below_the_folder_is_named(folder: Path, name: object, message: str) -> None:
    if isinstance(name, str):
        name = name.replace("FOLDER", str(folder)).replace("OUTSIDE", str(folder.parent))
    with pytest.raises(InvalidInputError, match=message) as raised:
        media_path(folder, name, field="audio")
    assert raised.value.field == "audio"
    assert "INTERESTGRAPH_MODEL__MEDIA_FOLDER" in str(raised.value.remedy)


def test_the_name_alone_tells_what_leads_outside(tmp_path: Path) -> None:
    assert [
        leads_outside(tmp_path, name) for name in ("a.png", "..a.png", "a..", f"{tmp_path}/a.png", "http://x/a")
    ] == [False] * 5
    assert all(leads_outside(tmp_path, name) for name in ("..", "a/../b", "/a.png", f"{tmp_path}2/a.png"))

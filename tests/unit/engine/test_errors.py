from __future__ import annotations

import json

import pytest

from engine import errors


def _tree(root: type[errors.InterestGraphError]) -> list[type[errors.InterestGraphError]]:
    return [root, *(below for child in root.__subclasses__() for below in _tree(child))]


def test_codes_are_unique_and_drawn_in_the_docstring() -> None:
    # Other packages have errors of their own below this tree.
    classes = [cls for cls in _tree(errors.InterestGraphError) if cls.__module__ == errors.__name__]
    codes = [cls.code for cls in classes]
    assert len(set(codes)) == len(codes)
    for cls in classes[1:]:
        assert cls.__name__ in (errors.__doc__ or "")
        assert f"({cls.code})" in (errors.__doc__ or "")


def test_sentence_names_field_value_and_remedy() -> None:
    error = errors.InvalidInputError("It is wrong.", field="at", value=-1, remedy="Give a time.")
    assert str(error) == "It is wrong. [at=-1] Give a time."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", "x" * 10_000, b"\xff", object()])
def test_any_value_can_be_shown_as_json(value: object) -> None:
    shown = errors.InvalidInputError("It is wrong.", value=value).to_dict()
    text = json.dumps(shown, allow_nan=False).encode()
    assert len(text) < 2_000

"""What is evaluated: data with a split and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidInputError
from engine.evaluation.files import Source, read_events, read_sequences
from engine.evaluation.vectors import read_vectors
from engine.interests.signals import full_strength, sequence_types
from engine.settings import Settings, load_settings
from engine.training.data import TEXT, Dataset, Split, leave_one_out, split_by_time

SECTIONS: Final = ("model", "training", "co_occurrence", "interests", "ranking")
"""Sections of the settings that decide a result."""

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Case:
    """One data set with its split.

    Attributes:
        data: Items and behaviour.
        split: Train, validation and test.
        strengths: Strength of each event type of the vocabulary.
        settings: Everything.
        split_name: `leave one out` or `by time`.
        notes: What reading the files found odd, with its number.
    """

    data: Dataset
    split: Split
    strengths: npt.NDArray[np.float64]
    settings: Settings
    split_name: str
    notes: Mapping[str, int]

    def describe(self) -> dict[str, Any]:
        """Give the data set as plain data."""
        table, items = self.data.interactions, self.data.items
        trained = np.bincount(self.split.train.items, minlength=len(items))
        return {
            "name": self.data.name,
            "users": table.users,
            "items": len(items),
            "events": len(table),
            "attributes": len(items.interest_ids),
            "modalities": {name: int(vectors.any(axis=1).sum()) for name, vectors in items.modalities.items()},
            "split": self.split_name,
            "train_events": len(self.split.train),
            "users_measured": len(self.split.test.users),
            "users_too_short_to_measure": table.users - len(self.split.test.users),
            "items_not_in_training": int((trained == 0).sum()),
            "repeats": _repeats(self.data),
            **self.notes,
        }

    def settings_used(self) -> dict[str, Any]:
        """Give the settings that decide the result, without the seed."""
        found = {name: getattr(self.settings, name).model_dump(mode="json") for name in SECTIONS}
        found["training"].pop("seed")
        return found

    def fingerprint(self) -> str:
        """Name the case by everything that decides its result but the seed."""
        table, items = self.data.interactions, self.data.items
        digest = hashlib.sha256(json.dumps([self.settings_used(), self.split_name], sort_keys=True).encode())
        for array in (table.items, table.types, table.times, table.offsets, items.about.data, items.about.indices):
            digest.update(np.ascontiguousarray(array).tobytes())
        for name, vectors in items.modalities.items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(vectors).tobytes())
        return digest.hexdigest()[:16]

    def with_seed(self, seed: int) -> Settings:
        """Give the settings with another seed."""
        training = self.settings.training.model_copy(update={"seed": seed})
        return self.settings.model_copy(update={"training": training})


def sequence_case(
    path: Path,
    settings: Settings,
    *,
    items: Path | None = None,
    attributes: Path | None = None,
    vectors: Mapping[str, Path] | None = None,
    encode: Encode | None = None,
) -> Case:
    """Read sequences and hold out the last two items of each user.

    Args:
        path: Sequence file.
        settings: Everything.
        items: CSV of titles, or none.
        attributes: JSON of attributes, or none.
        vectors: File of vectors of each modality that is given, by name (`engine.evaluation.vectors`).
        encode: Makes vectors of texts; without it titles are not used.

    Raises:
        InvalidInputError: A file does not fit.
        TrainingError: No user is long enough.
    """
    source = with_vectors(read_sequences(path, items=items, attributes=attributes), vectors or {})
    data = replace(_dataset(source, path, encode), timed=False)
    return Case(data, leave_one_out(data), np.array([0.0, 1.0]), settings, "leave one out", source.notes)


def event_case(
    path: Path,
    settings: Settings,
    *,
    items: Path | None = None,
    attributes: Path | None = None,
    vectors: Mapping[str, Path] | None = None,
    encode: Encode | None = None,
) -> Case:
    """Read timestamped events and hold out the last days; arguments as in `sequence_case`."""
    types = sequence_types(settings.events)
    source = with_vectors(read_events(path, event_types=types, items=items, attributes=attributes), vectors or {})
    data = _dataset(source, path, encode)
    split = split_by_time(
        data, validation_days=settings.training.validation_days, test_days=settings.training.test_days
    )
    strengths = [0.0, *(full_strength(name, settings.events) for name in types)]
    return Case(data, split, np.array(strengths), settings, "by time", source.notes)


def with_vectors(source: Source, files: Mapping[str, Path]) -> Source:
    """Add given vectors to the items, by modality; vectors of texts stand in for titles.

    Raises:
        InvalidInputError: A file does not fit.
    """
    media = dict(source.items.media)
    content, notes, texts = source.items.content, dict(source.notes), source.texts
    for name, path in files.items():
        found, unknown = read_vectors(path, source.items.ids)
        if unknown:
            notes[f"{name}_rows_of_unknown_items"] = unknown
        if name == TEXT:
            content, texts = found, [""] * len(source.items)
        else:
            media[name] = found
    return replace(source, items=replace(source.items, content=content, media=media), texts=texts, notes=notes)


def with_overrides(assignments: Sequence[str]) -> Settings:
    """Give the settings with some replaced.

    Args:
        assignments: Each `section.key=value`, as in `model.dropout=0.6`; the value is JSON or a text.

    Raises:
        InvalidInputError: There is no such setting.
        SettingsError: The value is wrong.
    """
    plain = load_settings()
    changed: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        section, _, key = name.strip().partition(".")
        if not equals or section not in SECTIONS or key not in type(getattr(plain, section)).model_fields:
            raise InvalidInputError(
                "There is no such setting.",
                field="--set",
                value=assignment,
                remedy=f"Give section.key=value; sections: {', '.join(SECTIONS)} (docs/settings.md).",
            )
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        changed.setdefault(section, getattr(plain, section).model_dump())[key] = value
    return load_settings(**changed)


def _dataset(source: Source, path: Path, encode: Encode | None) -> Dataset:
    items = source.items
    if encode is not None and any(source.texts):
        items = replace(items, content=encode(source.texts))
    name = path.resolve().parent.name if path.name.startswith(("sequences", "events")) else path.name.split(".")[0]
    return Dataset(source.interactions, items, source.event_types, name)


def _repeats(data: Dataset) -> int:
    """Count the events whose user took the item before."""
    table = data.interactions
    users = np.repeat(np.arange(table.users, dtype=np.int64), np.diff(table.offsets))
    return len(table) - len(np.unique(users * max(len(data.items), 1) + table.items))

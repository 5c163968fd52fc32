"""Ready data sets: real behaviour with one command each."""

from __future__ import annotations

from engine.importing.datasets.catalogue import DATASETS, import_dataset

__all__ = ["DATASETS", "import_dataset"]

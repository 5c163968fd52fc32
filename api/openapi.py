"""The OpenAPI document as a file: `python -m api.openapi` writes `docs/openapi.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from api.factory import create_app
from engine.settings import Settings

PATH: Final = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"


def document() -> str:
    """Give the document as text; it depends on the code only, not on anybody's settings."""
    # A home that nobody has, so that no embedded server is looked for.
    settings = Settings.model_construct(home=Path("/nonexistent"))
    return json.dumps(create_app(settings).api_doc, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write the file, and say whether that changed it."""
    text = document()
    before = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    PATH.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PATH}: {'unchanged' if text == before else 'written'}\n")


if __name__ == "__main__":
    main()

"""Pages that are made from the code: settings, command line, statements, OpenAPI.

`python -m interestgraph.cli.reference` writes them; `--check` exits with 1 and names those that differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.settings import Section, Settings

ROOT = Path(__file__).resolve().parents[2]


def setting_rows() -> Iterator[tuple[str, str, str, str]]:
    """Give every setting: section, variable, default as text, description."""
    yield from _rows(Settings, "INTERESTGRAPH_", "")


def _rows(model: type[BaseModel], prefix: str, section: str) -> Iterator[tuple[str, str, str, str]]:
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            yield from _rows(annotation, f"{prefix}{name.upper()}__", name)
        else:
            yield section, _variable(prefix, name, info), _default(name, info), info.description or ""


def _variable(prefix: str, name: str, info: FieldInfo) -> str:
    choices = getattr(info.validation_alias, "choices", None)
    return str(choices[0]) if choices else f"{prefix}{name.upper()}"


def _default(name: str, info: FieldInfo) -> str:
    if name in {"home", "cache"}:
        return "the user's data folder" if name == "home" else "the user's cache folder"
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, dict):
        return json.dumps({key: _plain(item) for key, item in value.items()})
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def env_example() -> str:
    """Make `.env.example`: every setting with its meaning and default, commented out."""
    lines = [
        "# Copy to .env and change what you need. Every line shows the default; an empty value counts as not set.",
        "# Made by `make docs` from engine/settings/.",
    ]
    last = None
    for section, variable, default, description in setting_rows():
        if section != last:
            lines += ["", f"# --- {section or 'general'} ---"]
            last = section
        shown = "" if default.startswith("the user's") else default
        note = f" (default: {default})" if default.startswith("the user's") else ""
        lines += [f"# {description}{note}", f"# {variable}={shown}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Make `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "From the environment or a file `.env` in the working folder. Made by `make docs` from `engine/settings/`.",
    ]
    last = None
    for section, variable, default, description in setting_rows():
        if section != last:
            lines += ["", f"## {section or 'general'}", "", "| variable | default | meaning |", "|---|---|---|"]
            last = section
        shown = default if len(default) < 60 else "see `.env.example`"
        cell = f"`{shown}`" if shown and not shown.startswith(("the ", "see ")) else shown
        lines.append(f"| `{variable}` | {cell} | {description} |")
    return "\n".join(lines) + "\n"


def command_page() -> str:
    """Make `docs/cli.md` from the help of every command."""
    from interestgraph.cli import app, commands

    commands.register(app)
    root = typer.main.get_command(app)
    lines = ["# The `interestgraph` command", "", "Made by `make docs` from `interestgraph/cli`.", ""]

    def describe(command: Any, path: str) -> None:
        with typer.Context(command, info_name=path) as context:
            usage = context.command.get_usage(context).removeprefix("Usage: ").strip()
            lines.extend(
                [f"## {path}", "", (command.help or "").strip(), "", "```", " ".join(usage.split()), "```", ""]
            )
            options = [record for parameter in command.params if (record := parameter.get_help_record(context))]
            if options:
                lines.extend(["| option | meaning |", "|---|---|"])
                lines.extend(f"| `{_cell(name)}` | {_cell(text)} |" for name, text in options)
                lines.append("")
        for name, child in sorted(getattr(command, "commands", {}).items()):
            describe(child, f"{path} {name}")

    describe(root, "interestgraph")
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def statement_page() -> str:
    """Make `docs/statements.md` from the headers of every statement."""
    from cypher import catalogue

    lines = [
        "# Cypher statements",
        "",
        "Every statement the engine sends, by name. Made by `make docs` from the headers in `cypher/`.",
        "",
        "| statement | mode | purpose |",
        "|---|---|---|",
    ]
    lines.extend(f"| `{s.name}` | {s.mode} | {_cell(s.purpose)} |" for s in catalogue.statements())
    return "\n".join(lines) + "\n"


def openapi_page() -> str:
    """Make `docs/openapi.json` from the API's routes."""
    from api.openapi import document

    return document()


PAGES: dict[str, Callable[[], str]] = {
    ".env.example": env_example,
    "docs/settings.md": settings_page,
    "docs/cli.md": command_page,
    "docs/statements.md": statement_page,
    "docs/openapi.json": openapi_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them with `--check`."""
    check = "--check" in arguments
    different = []
    for name, make in PAGES.items():
        path = ROOT / name
        text = make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        different.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    verb = "differs from the code; run `make docs`" if check else "written"
    for name in different:
        sys.stdout.write(f"{name}: {verb}\n")
    return 1 if check and different else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

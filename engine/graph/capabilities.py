"""What the server can do: its version and named abilities, asked once per store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

SEARCH_CLAUSE: Final = "search_clause"
VECTOR_INDEX: Final = "vector_index"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A server's version and abilities.

    Attributes:
        version: As the server says it, for example `2026.09.0`.
        edition: `community` or `enterprise`.
        abilities: Names of what it can do.
    """

    version: str
    edition: str
    abilities: frozenset[str]

    def has(self, ability: str) -> bool:
        """Tell whether the server has an ability."""
        return ability in self.abilities


def detect(store: GraphStore) -> Capabilities:
    """Ask the server for its version."""
    row = store.read("schema/components")[0]
    return from_version(str(row["version"]), str(row["edition"]))


def from_version(version: str, edition: str) -> Capabilities:
    """Derive the abilities from a version."""
    numbers = [int(part) for part in version.split("-")[0].split(".")[:2]]
    abilities = {VECTOR_INDEX}
    # `SEARCH n IN (VECTOR INDEX ...)` needs CYPHER 25, which the 5 series does not speak.
    if numbers[0] >= 2026:
        abilities.add(SEARCH_CLAUSE)
    return Capabilities(version=version, edition=edition, abilities=frozenset(abilities))

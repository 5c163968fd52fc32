"""What the server can do: its version and named abilities, asked once per store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

SEARCH_CLAUSE: Final = "search_clause"
VECTOR_INDEX: Final = "vector_index"
OLDEST: Final = [5, 26]


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
    """Derive the abilities from a version.

    Raises:
        SettingsError: The server is older than 5.26.
    """
    numbers = [int(part) for part in version.split("-")[0].split(".")[:2]]
    if numbers < OLDEST:
        raise SettingsError(
            "This version of Neo4j is too old.",
            field="NEO4J_URI",
            value=version,
            remedy="Use Neo4j 5.26 LTS or Neo4j 2026.",
        )
    abilities = {VECTOR_INDEX}
    # `SEARCH n IN (VECTOR INDEX ...)` needs CYPHER 25, which the 5 series does not speak.
    if numbers[0] >= 2026:
        abilities.add(SEARCH_CLAUSE)
    return Capabilities(version=version, edition=edition, abilities=frozenset(abilities))

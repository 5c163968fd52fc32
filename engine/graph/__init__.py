"""The property graph in Neo4j."""

from __future__ import annotations

import sys

# The driver imports pandas and pyarrow wherever they are installed, some 75 MB in every process, to take their types
# as parameters. Nothing here hands it such; so it is made to find neither, and everybody else finds both.
_unneeded = [name for name in ("pandas", "pyarrow") if name not in sys.modules]
sys.modules.update(dict.fromkeys(_unneeded))  # type: ignore[arg-type]
try:
    import neo4j  # noqa: F401
finally:
    for _name in _unneeded:
        del sys.modules[_name]

"""Makes the lock of a Neo4j version again: `python -m engine.embedded.lock VERSION`.

Resolves the server's jars by jgo (a development dependency), fetches each and records its sha256 and size.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.embedded.jars import lock_path

ROOTS = (("org.neo4j", "neo4j"), ("org.neo4j.app", "neo4j-server"))
# jgo keeps some test dependencies of parents; the server needs none of them.
DROPPED_GROUPS = frozenset(
    {
        "junit",
        "org.junit",
        "org.junit.jupiter",
        "org.junit.platform",
        "org.junit.vintage",
        "org.mockito",
        "org.hamcrest",
        "org.assertj",
        "net.bytebuddy",
        "org.objenesis",
        "org.opentest4j",
        "org.apiguardian",
    }
)


def make_lock(version: str) -> list[dict[str, str | int]]:
    """Resolve a version and give its entries, sorted by group and artifact."""
    from jgo.maven import Dependency, MavenContext, PythonResolver

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(folder))
        roots = [
            Dependency(context.project(group, artifact).at_version(version).artifact("", "jar"))
            for group, artifact in ROOTS
        ]
        inputs, transitive = context.resolver.resolve(roots)
        wanted = [
            dependency
            for dependency in (*inputs, *transitive)
            if dependency.type == "jar" and dependency.groupId not in DROPPED_GROUPS and not dependency.optional
        ]

        def entry(dependency: Dependency) -> dict[str, str | int]:
            content = dependency.artifact.resolve().read_bytes()
            return {
                "group": dependency.groupId,
                "artifact": dependency.artifactId,
                "version": dependency.version,
                "classifier": dependency.classifier or "",
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
            }

        with ThreadPoolExecutor(8) as pool:
            entries = list(pool.map(entry, wanted))
    return sorted(entries, key=lambda e: (e["group"], e["artifact"], e["classifier"]))


def main(arguments: list[str]) -> int:
    """Write the lock of the version named."""
    (version,) = arguments
    entries = make_lock(version)
    path = lock_path(version)
    path.write_text(json.dumps({"version": version, "jars": entries}, indent=1) + "\n", encoding="utf-8")
    megabytes = sum(int(entry["size"]) for entry in entries) / 1e6
    sys.stdout.write(f"{path}: {len(entries)} jars, {megabytes:.0f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

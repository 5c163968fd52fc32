"""Fetches a Neo4j version's jars from Maven Central by a committed lock, verified, into a per-user cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from engine.errors import EmbeddedServerError

REPOSITORY: Final = "https://repo.maven.apache.org/maven2"
THREADS: Final = 8
TRIES: Final = 4
_CHUNK_BYTES: Final = 256 * 1024
_LOCKS: Final = Path(__file__).parent / "locks"

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of a lock."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """Name of the file in the repository and in the cache."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{suffix}.jar"

    @property
    def path(self) -> str:
        """Path below the repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


def lock_path(version: str) -> Path:
    """Give the file of a version's lock."""
    return _LOCKS / f"neo4j-{version}.json"


def read_lock(version: str) -> list[Jar]:
    """Read a version's lock.

    Raises:
        EmbeddedServerError: There is none for this version.
    """
    try:
        content = json.loads(lock_path(version).read_text(encoding="utf-8"))
    except OSError as error:
        known = sorted(path.stem.removeprefix("neo4j-") for path in _LOCKS.glob("neo4j-*.json"))
        raise EmbeddedServerError(
            "There is no lock for this version of Neo4j.",
            field="INTERESTGRAPH_NEO4J__VERSION",
            value=version,
            remedy=f"Use one of {', '.join(known)}.",
        ) from error
    return [Jar(**entry) for entry in content["jars"]]


class JarCache:
    """The jars of one version, in a folder of their own.

    Args:
        cache: The per-user cache folder.
        version: Version of Neo4j.
        repository: Address of the Maven repository.
    """

    def __init__(self, cache: Path, version: str, *, repository: str = REPOSITORY, jars: list[Jar] | None = None):
        self.version = version
        self.folder = cache / "neo4j" / version / "lib"
        self.jars = read_lock(version) if jars is None else jars
        self._repository = repository.rstrip("/")
        self._record = self.folder.parent / "verified.json"

    def missing(self, *, full: bool = False) -> list[Jar]:
        """Give the jars that are absent or not what the lock says.

        Args:
            full: Read every file again; else a file counts as good while size and time of change are those of
                its last verification.
        """
        verified = {} if full else self._verified()
        missing = []
        for jar in self.jars:
            path = self.folder / jar.filename
            try:
                stat = path.stat()
            except OSError:
                missing.append(jar)
                continue
            if verified.get(jar.filename) == [jar.sha256, stat.st_size, stat.st_mtime_ns]:
                continue
            if stat.st_size != jar.size or _sha256(path) != jar.sha256:
                missing.append(jar)
        return missing

    def ensure(self, progress: Progress | None = None) -> Path:
        """Fetch what is missing and give the folder.

        One process fetches at a time. A download that was cut goes on where it stopped. A file that is wrong is
        fetched again, and refused when it is wrong once more.

        Raises:
            EmbeddedServerError: The repository cannot be reached, or a file is not what the lock says.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.missing():
            self._write_record()
            return self.folder
        with file_lock(self.folder.parent / "fetch.lock"):
            missing = self.missing()
            total = sum(jar.size for jar in missing)
            counts: dict[str, int] = {}

            def advance(jar: Jar, done: int) -> None:
                counts[jar.filename] = done
                if progress is not None:
                    progress(sum(counts.values()), total)

            timeout = httpx.Timeout(30, connect=10)
            with httpx.Client(timeout=timeout, follow_redirects=True) as client, ThreadPoolExecutor(THREADS) as pool:
                futures = [pool.submit(self._fetch, client, jar, advance) for jar in missing]
                try:
                    for future in as_completed(futures):
                        future.result()
                except BaseException:
                    for future in futures:
                        future.cancel()
                    raise
            for path in self.folder.glob("*.jar"):
                if path.name not in {jar.filename for jar in self.jars}:
                    path.unlink()
            self._write_record()
        return self.folder

    def _fetch(self, client: httpx.Client, jar: Jar, advance: Callable[[Jar, int], None]) -> None:
        part = self.folder / f"{jar.filename}.part"
        refused = 0
        for attempt in range(TRIES):
            try:
                self._download(client, jar, part, advance)
            except httpx.HTTPError as error:
                if attempt == TRIES - 1:
                    raise EmbeddedServerError(
                        f"{jar.filename} cannot be fetched: {type(error).__name__} {error}.",
                        field="repository",
                        value=self._repository,
                        remedy="See that Maven Central can be reached; a new start goes on where this one stopped.",
                    ) from error
                time.sleep(0.5 * 2**attempt)
                continue
            if part.stat().st_size == jar.size and _sha256(part) == jar.sha256:
                part.replace(self.folder / jar.filename)
                return
            part.unlink()
            refused += 1
            if refused == 2:
                break
        raise EmbeddedServerError(
            f"{jar.filename} is not what the lock says; it is refused.",
            field="sha256",
            value=jar.sha256,
            remedy="See who answers for the repository; the lock is engine/embedded/locks.",
        )

    def _download(self, client: httpx.Client, jar: Jar, part: Path, advance: Callable[[Jar, int], None]) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have >= jar.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", f"{self._repository}/{jar.path}", headers=headers) as response:
            response.raise_for_status()
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                have = 0
            with part.open("ab" if have else "wb") as file:
                for chunk in response.iter_bytes(_CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    advance(jar, have)
                    if have > jar.size:
                        return

    def _verified(self) -> dict[str, list[object]]:
        try:
            content = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write_record(self) -> None:
        record = {}
        for jar in self.jars:
            stat = (self.folder / jar.filename).stat()
            record[jar.filename] = [jar.sha256, stat.st_size, stat.st_mtime_ns]
        if record != self._verified():
            write_atomic(self._record, json.dumps(record))


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that readers see the old or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Fetches a Neo4j version's jars from Maven Central by a committed lock, verified, into a per-user cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import ssl
import threading
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
RETRY_S: Final = 0.5
_PASSING: Final = frozenset({408, 425, 429})
_CERTIFICATES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
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


class _StoppedError(Exception):
    """Another download failed, or the user stopped."""


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

    def foreign(self) -> list[Path]:
        """Give the jars in the folder that the lock does not name; Java would load them."""
        named = {jar.filename for jar in self.jars}
        return [path for path in self.folder.glob("*.jar") if path.name not in named]

    def ensure(self, progress: Progress | None = None) -> Path:
        """Fetch what is missing, remove what does not belong there, and give the folder.

        One process fetches at a time. A download that was cut goes on where it stopped. A file that is wrong is
        fetched again, and refused when it is wrong once more.

        Raises:
            EmbeddedServerError: The repository cannot be reached, a file is not what the lock says, or the cache
                cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.missing() and not self.foreign():
                self._write_record()
                return self.folder
            with file_lock(self.folder.parent / "fetch.lock"):
                if missing := self.missing():
                    self._fetch_all(missing, progress)
                for path in self.foreign():
                    path.unlink()
                self._write_record()
        except OSError as error:
            raise EmbeddedServerError(
                f"The cache of jars cannot be written: {error.strerror or error}.",
                field="INTERESTGRAPH_CACHE",
                value=str(self.folder),
                remedy="Make room there, or set it to a folder that can be written.",
            ) from error
        return self.folder

    def _fetch_all(self, missing: list[Jar], progress: Progress | None) -> None:
        total = sum(jar.size for jar in missing)
        counts = {jar.filename: 0 for jar in missing}
        stop = threading.Event()

        def advance(jar: Jar, done: int) -> None:
            if stop.is_set():
                raise _StoppedError
            counts[jar.filename] = done
            if progress is not None:
                progress(sum(counts.values()), total)

        # The bytes as they are: neither a proxy's compression nor a Range of compressed bytes.
        headers = {"Accept-Encoding": "identity"}
        timeout = httpx.Timeout(30, connect=10)
        with (
            httpx.Client(timeout=timeout, headers=headers, follow_redirects=True, verify=trusted()) as client,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            futures = [pool.submit(self._fetch, client, jar, advance) for jar in missing]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # Ctrl-C, or one file that cannot be had: what is under way ends at its next piece and is kept.
                stop.set()
                for future in futures:
                    future.cancel()
                raise

    def _fetch(self, client: httpx.Client, jar: Jar, advance: Callable[[Jar, int], None]) -> None:
        part = self.folder / f"{jar.filename}.part"
        failures = wrong = 0
        while wrong < 2:
            before = _size(part)
            try:
                self._download(client, jar, part, advance)
            except httpx.HTTPError as error:
                # What came further than before was not in vain; only standing still counts.
                failures = 1 if _size(part) > before else failures + 1
                if failures >= TRIES or not _passing(error):
                    raise EmbeddedServerError(
                        f"{jar.filename} cannot be fetched: {type(error).__name__} {error}.",
                        field="INTERESTGRAPH_NEO4J__REPOSITORY",
                        value=self._repository,
                        remedy="See that this Maven repository can be reached; "
                        "a new start goes on where this one stopped.",
                    ) from error
                time.sleep(RETRY_S * 2 ** (failures - 1))
                continue
            if _size(part) == jar.size and _sha256(part) == jar.sha256:
                part.replace(self.folder / jar.filename)
                return
            part.unlink(missing_ok=True)
            wrong += 1
        raise EmbeddedServerError(
            f"{jar.filename} is not what the lock says, twice; it is refused.",
            field="sha256",
            value=jar.sha256,
            remedy=f"See who answers for {self._repository}; the lock is {lock_path(self.version).name}.",
        )

    def _download(self, client: httpx.Client, jar: Jar, part: Path, advance: Callable[[Jar, int], None]) -> None:
        have = _size(part)
        advance(jar, have)
        if have >= jar.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", f"{self._repository}/{jar.path}", headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                # Its file is shorter than what is here already: not the file of the lock.
                return
            response.raise_for_status()
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                have = 0
            with part.open("ab" if have else "wb") as file:
                for chunk in response.iter_raw():
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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    # A file left by a killed process keeps its old mode otherwise.
    os.fchmod(descriptor, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def trusted() -> ssl.SSLContext:
    """Trust the certificates that the environment names, as pip and curl do, else the usual ones."""
    for name in _CERTIFICATES:
        path = os.environ.get(name)
        if path and Path(path).is_file():
            return ssl.create_default_context(cafile=path)
    return httpx.create_ssl_context()


def _passing(error: httpx.HTTPError) -> bool:
    """Tell whether a failure may pass by itself."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code in _PASSING
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

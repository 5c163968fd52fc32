"""The client itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Final

import httpx

from interestgraph.client.answers import (
    EventOutcome,
    Interest,
    Job,
    Recommendations,
    RecommendedItem,
    Sent,
    SentLines,
    pick,
    ranked,
)
from interestgraph.client.errors import ConnectionFailedError, JobTimeoutError, problem_of
from interestgraph.client.parameters import flags, given, segment, with_id

_RETRIED: Final = frozenset({429, 503})


class Client:
    """Speaks to one server. Safe to share between threads.

    Args:
        base_url: Address of the API.
        api_key: Key, where the server needs one.
        timeout_s: Seconds that one attempt may take.
        attempts: Most attempts of one call.
        max_wait_s: Longest wait between two attempts; a longer Retry-After is not waited for.
        transport: Another way to send requests, for tests.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        api_key: str | None = None,
        *,
        timeout_s: float = 10.0,
        attempts: int = 5,
        max_wait_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout_s, transport=transport)
        self._attempts = max(1, attempts)
        self._max_wait_s = max_wait_s

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Behaviour

    def send_event(
        self,
        type: str,
        user_id: str,
        item_id: str | None = None,
        *,
        create_missing: bool = False,
        stream: bool = False,
        **more: Any,
    ) -> Sent:
        """Send one event; `more` may hold `id`, `at`, `value`, `query`, `context`, `recommendation_id` and others.

        Raises:
            ProblemError: It cannot be accepted.
        """
        event = {"type": type, "user_id": user_id, "item_id": item_id, **more}
        return self.send_events([event], create_missing=create_missing, stream=stream).raise_refused()

    def send_events(
        self,
        events: Iterable[Mapping[str, Any]],
        *,
        create_missing: bool = False,
        atomic: bool = False,
        stream: bool = False,
    ) -> Sent:
        """Send several events, each taken or refused for itself.

        Args:
            events: At most as many as the server takes at once, 1,000 by itself.
            create_missing: Make items that are not there, instead of refusing the events.
            atomic: All are written or none; the first that cannot be accepted is raised.
            stream: Do not wait until they are in the graph: they go into the server's stream.
        """
        batch = [with_id(event) for event in events]
        query = flags(create_missing=create_missing, atomic=atomic, stream=stream)
        answer = self._call("POST", "/v1/events", params=query, json={"events": batch})
        outcomes = tuple(pick(EventOutcome, event) for event in answer["events"])
        return Sent(
            accepted=answer.get("accepted", 0),
            duplicates=answer.get("duplicates", 0),
            freshness=answer.get("freshness"),
            ids=tuple(outcome.id for outcome in outcomes),
            refused=answer.get("refused", 0),
            queued=answer.get("queued", 0),
            outcomes=outcomes,
        )

    def send_lines(
        self,
        events: Iterable[Mapping[str, Any]],
        *,
        create_missing: bool = False,
        stream: bool = False,
        piece: int = 10_000,
        timeout_s: float = 300.0,
    ) -> SentLines:
        """Send any number of events as JSON lines.

        They go in pieces, so that little is held and little is sent again after a failure.

        Args:
            events: As many as there are; they are taken as they are sent.
            create_missing: Make items that are not there, instead of refusing the events.
            stream: Do not wait until they are in the graph: they go into the server's stream.
            piece: Events of one request.
            timeout_s: Seconds that one request may take.
        """
        query = flags(create_missing=create_missing, atomic=False, stream=stream)
        sent = SentLines()
        left = iter(events)
        while part := [json.dumps(with_id(event), ensure_ascii=False) for event in islice(left, piece)]:
            answer = self._call(
                "POST",
                "/v1/events",
                params=query,
                content="\n".join(part).encode(),
                headers={"Content-Type": "application/x-ndjson"},
                timeout=timeout_s,
            )
            refusals = [(sent.lines + found["line"], found["problem"]) for found in answer["refusals"]]
            sent = SentLines(
                lines=sent.lines + len(part),
                accepted=sent.accepted + answer.get("accepted", 0),
                duplicates=sent.duplicates + answer.get("duplicates", 0),
                refused=sent.refused + answer["refused"],
                queued=sent.queued + answer.get("queued", 0),
                freshness=answer.get("freshness") or sent.freshness,
                refusals=(*sent.refusals, *refusals)[:1000],
            )
        return sent

    def delete_event(self, event_id: str) -> str:
        """Take an event back: the graph is as if it had never come.

        Returns:
            Token to ask with for an answer that no longer knows of it.
        """
        return str(self._call("DELETE", f"/v1/events/{segment(event_id)}")["freshness"])

    def user_events(self, user_id: str) -> Iterator[dict[str, Any]]:
        """Give the events of a user, newest first."""
        return self._pages(f"/v1/users/{segment(user_id)}/events", "events")

    # Answers

    def recommendations(
        self,
        user_id: str,
        n: int = 10,
        *,
        freshness: str | None = None,
        explain: bool = True,
        exclude: Sequence[str] = (),
        interest: str | None = None,
        seen: bool | None = None,
        diversity: float | None = None,
    ) -> Recommendations:
        """Ask what to recommend.

        Args:
            user_id: Whom.
            n: How many items.
            freshness: Token of sent events that the answer must know of.
            explain: Whether each term comes with its path, and each item with a sentence.
            exclude: Items that must not come back.
            interest: Only items about this interest.
            seen: Whether items of the user's history may come back; the server's setting where absent.
            diversity: 0 orders by score only; the server's setting where absent.
        """
        query: dict[str, Any] = {"n": n, "explain": explain, "exclude": list(exclude)}
        query.update({"freshness": freshness, "interest": interest, "seen": seen, "diversity": diversity})
        answer = self._call("GET", f"/v1/users/{segment(user_id)}/recommendations", params=given(query))
        return Recommendations(
            items=tuple(ranked(item) for item in answer["items"]),
            recommendation_id=answer.get("recommendation_id"),
            newcomer=answer["newcomer"],
            version=answer["version"],
            complete=answer["complete"],
            cut=answer["cut"],
            answer=answer,
        )

    def similar(self, item_id: str, n: int = 10) -> tuple[RecommendedItem, ...]:
        """Ask which items are like one."""
        answer = self._call("GET", f"/v1/items/{segment(item_id)}/similar", params={"n": n})
        return tuple(ranked(item) for item in answer["items"])

    def interests(
        self, user_id: str, n: int | None = None, *, at: int | str | None = None, freshness: str | None = None
    ) -> tuple[Interest, ...]:
        """Ask what a user is interested in, strongest first; now, or as it was at a past time."""
        query = given({"n": n, "at": at, "freshness": freshness})
        answer = self._call("GET", f"/v1/users/{segment(user_id)}/interests", params=query)
        return tuple(pick(Interest, interest) for interest in answer["interests"])

    def interest(self, interest_id: str) -> dict[str, Any]:
        """Read an interest and its place in the hierarchy."""
        return self._call("GET", f"/v1/interests/{segment(interest_id)}")

    def related(self, interest_id: str, n: int = 10) -> dict[str, Any]:
        """Ask which interests go together with one."""
        return self._call("GET", f"/v1/interests/{segment(interest_id)}/related", params={"n": n})

    def trend(self, interest_id: str, **window: Any) -> dict[str, Any]:
        """Ask how an interest goes; the members are those of `GET /v1/interests/{id}/trend`."""
        return self._call("GET", f"/v1/interests/{segment(interest_id)}/trend", params=given(window))

    def profile(self, user_id: str, **options: Any) -> dict[str, Any]:
        """Ask for the patterns in a user's behaviour; the members are those of `GET /v1/users/{id}/profile`."""
        return self._call("GET", f"/v1/users/{segment(user_id)}/profile", params=given(options))

    def neighbours(self, user_id: str, *, depth: int = 1, n: int = 10) -> dict[str, Any]:
        """Ask for the users who are near, strongest first."""
        return self._call("GET", f"/v1/users/{segment(user_id)}/neighbours", params={"depth": depth, "n": n})

    def declare_interests(self, user_id: str, weights: Mapping[str, float]) -> None:
        """Replace what a user has declared to like: weight by interest id."""
        body = {"interests": [{"id": name, "weight": weight} for name, weight in weights.items()]}
        self._call("PUT", f"/v1/users/{segment(user_id)}/interests", json=body)

    # Items and users

    def item(self, item_id: str) -> dict[str, Any]:
        """Read an item."""
        return self._call("GET", f"/v1/items/{segment(item_id)}")

    def items(self) -> Iterator[dict[str, Any]]:
        """Read every item, by id."""
        return self._pages("/v1/items", "items")

    def put_item(self, item_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """Make an item or replace it."""
        return self._call("PUT", f"/v1/items/{segment(item_id)}", json=item)

    def patch_item(self, item_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change some members of an item."""
        return self._call("PATCH", f"/v1/items/{segment(item_id)}", json=changes)

    def delete_item(self, item_id: str) -> None:
        """Delete an item."""
        self._call("DELETE", f"/v1/items/{segment(item_id)}")

    def user(self, user_id: str) -> dict[str, Any]:
        """Read a user."""
        return self._call("GET", f"/v1/users/{segment(user_id)}")

    def users(self) -> Iterator[dict[str, Any]]:
        """Read every user, by id."""
        return self._pages("/v1/users", "users")

    def put_user(self, user_id: str, user: Mapping[str, Any]) -> dict[str, Any]:
        """Make a user or replace it."""
        return self._call("PUT", f"/v1/users/{segment(user_id)}", json=user)

    def patch_user(self, user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change some members of a user."""
        return self._call("PATCH", f"/v1/users/{segment(user_id)}", json=changes)

    def delete_user(self, user_id: str) -> None:
        """Delete a user with everything known of them."""
        self._call("DELETE", f"/v1/users/{segment(user_id)}")

    # Work and versions

    def reembed(self, **selection: Any) -> Job:
        """Ask the workers to embed again; the members are those of `POST /v1/jobs/reembed`."""
        return self._job(self._call("POST", "/v1/jobs/reembed", json=selection, repeat=False))

    def retrain(self, **options: Any) -> Job:
        """Ask the workers to train a new version; the members are those of `POST /v1/jobs/retrain`."""
        return self._job(self._call("POST", "/v1/jobs/retrain", json=options, repeat=False))

    def start(self, kind: str, **parameters: Any) -> Job:
        """Ask the workers for any kind of job: `relate_interests`, `discover_topics`, `find_similar_users`, …"""
        return self._job(self._call("POST", f"/v1/jobs/{segment(kind)}", json=parameters, repeat=False))

    def job(self, job_id: str) -> Job:
        """Read a job."""
        return self._job(self._call("GET", f"/v1/jobs/{segment(job_id)}"))

    def jobs(self) -> Iterator[Job]:
        """Read the jobs, newest first."""
        return (self._job(job) for job in self._pages("/v1/jobs", "jobs"))

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop."""
        return self._job(self._call("POST", f"/v1/jobs/{segment(job_id)}/cancel"))

    def wait(self, job_id: str, *, timeout_s: float = 600.0, poll_s: float = 0.5) -> Job:
        """Wait until a job has ended.

        Raises:
            JobTimeoutError: It has not ended in time.
        """
        end = time.monotonic() + timeout_s
        while True:
            job = self.job(job_id)
            if job.is_final:
                return job
            if time.monotonic() + poll_s > end:
                raise JobTimeoutError(f"Job {job_id} is still {job.state} after {timeout_s:g} s: {job.message or ''}")
            time.sleep(poll_s)

    def versions(self) -> list[dict[str, Any]]:
        """Read the embedding versions, newest first."""
        versions: list[dict[str, Any]] = self._call("GET", "/v1/versions")["versions"]
        return versions

    def activate(self, version: str) -> dict[str, Any]:
        """Serve from another version."""
        return self._call("POST", f"/v1/versions/{segment(version)}/activate")

    def ready(self) -> dict[str, Any]:
        """Read the state of each part; never raises for one that is down."""
        response = self._send("GET", "/health/ready")
        return dict(response.json())

    # How

    @staticmethod
    def _job(answer: Mapping[str, Any]) -> Job:
        return pick(Job, answer, answer=answer)

    def _pages(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._call("GET", path, params=given({"cursor": cursor}))
            yield from page[name]
            cursor = page["next"]
            if cursor is None:
                return

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **parts)
        except httpx.TransportError as error:
            raise ConnectionFailedError(f"{method} {self._http.base_url}{path}: {error or repr(error)}") from error

    def _call(self, method: str, path: str, *, repeat: bool = True, **parts: Any) -> dict[str, Any]:
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            wait_s = min(0.1 * 2**attempt, self._max_wait_s)
            try:
                response = self._send(method, path, **parts)
            except ConnectionFailedError:
                if last or not repeat:
                    raise
            else:
                if response.is_success:
                    return dict(response.json()) if response.content else {}
                error = problem_of(response)
                asked_s = wait_s if error.retry_after_s is None else error.retry_after_s
                # 429 is said before anything is done, so that everything may be repeated after it.
                may_repeat = response.status_code in _RETRIED and (repeat or response.status_code == 429)
                if last or not may_repeat or asked_s > self._max_wait_s:
                    raise error
                wait_s = max(wait_s, asked_s)
            time.sleep(wait_s)
        raise AssertionError("unreachable")

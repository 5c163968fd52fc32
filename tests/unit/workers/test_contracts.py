from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from engine.errors import BrokerUnavailableError
from engine.jobs.parameters import JobKind
from engine.settings import load_settings
from workers import contracts
from workers.queues import QUEUES, ROUTES, beat_schedule

HEAVY = ("torch", "torch_geometric", "transformers", "workers.tasks", "engine.model", "engine.pipelines")


def imported_with(module: str) -> set[str]:
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_contracts_import_neither_torch_nor_tasks() -> None:
    found = imported_with("workers.contracts")
    assert "workers.contracts" in found
    assert not found & set(HEAVY)


def test_tasks_import_no_torch() -> None:
    found = imported_with("workers.tasks")
    assert "workers.tasks.jobs" in found
    assert not found & {"torch", "torch_geometric", "transformers", "flask"}


def test_every_kind_has_a_queue_that_exists() -> None:
    names = {queue.name for queue in QUEUES}
    assert set(contracts.QUEUE_OF_KIND) == set(JobKind)
    assert set(contracts.QUEUE_OF_KIND.values()) <= names
    assert {route["queue"] for route in ROUTES.values()} <= names


def test_no_message_stands_in_two_queues() -> None:
    routes = [(queue.exchange.name, queue.routing_key) for queue in QUEUES]
    assert len(set(routes)) == len(QUEUES)
    assert all(exchange and key for exchange, key in routes)


def test_messages_of_the_beat_expire() -> None:
    settings = load_settings(workers={"retrain_every_hours": 24})
    schedule = beat_schedule(settings)
    assert {entry["task"] for entry in schedule.values()} == set(ROUTES) - {contracts.RUN_JOB}
    for entry in schedule.values():
        assert 0 < entry["schedule"] <= max(entry["options"]["expires"], 2)


def test_training_by_the_clock_is_off_unless_asked_for() -> None:
    assert "retraining" not in beat_schedule(load_settings())


@pytest.mark.parametrize("answers", [False, True], ids=["nobody listens", "listens and is silent"])
def test_a_dead_broker_is_an_error_soon(answers: bool) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if answers:
            listener.listen()
        settings = load_settings(redis_url=f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        with pytest.raises(BrokerUnavailableError):
            contracts.send(settings, contracts.RUN_JOB, {"job_id": "j", "version": None}, queue="gpu")

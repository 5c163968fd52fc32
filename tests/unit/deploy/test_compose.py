"""The compose file against the settings and the code. No container is started here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from interestgraph.cli.reference import setting_rows
from workers import contracts

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: s for name, s in SERVICES.items() if s["image"].startswith("interestgraph-")}


def test_the_parts_are_there() -> None:
    assert {"neo4j", "valkey", "api", "consumer", "worker-cpu", "worker-gpu", "beat", "flower"} <= set(SERVICES)
    assert SERVICES["worker-gpu"]["profiles"] == ["gpu"]


def test_every_variable_is_a_setting() -> None:
    known = {variable for _, variable, _, _ in setting_rows()}
    for service in OURS.values():
        assert set(service["environment"]) <= known


def test_addresses_name_services_and_their_ports() -> None:
    for service in OURS.values():
        environment = service["environment"]
        assert environment["NEO4J_URI"] == "bolt://neo4j:7687"
        assert environment["REDIS_URL"].startswith("redis://valkey:6379/")
        assert environment["NEO4J_PASSWORD_FILE"] == "/run/secrets/neo4j_password"
        assert service["secrets"] == ["neo4j_password"]


def test_api_requires_keys_outside_loopback() -> None:
    environment = SERVICES["api"]["environment"]
    assert environment["INTERESTGRAPH_API__HOST"] == "0.0.0.0"
    assert environment["INTERESTGRAPH_API__REQUIRE_KEYS"] == "true"
    assert f":{environment['INTERESTGRAPH_API__PORT']}" in SERVICES["api"]["ports"][0]


def test_ports_are_published_on_loopback_only() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_start_order_is_by_health() -> None:
    for name in ("api", "consumer", "worker-cpu", "worker-gpu", "beat"):
        needs = SERVICES[name]["depends_on"]
        assert needs["neo4j"]["condition"] == needs["valkey"]["condition"] == "service_healthy"
        assert needs["migrate"]["condition"] == "service_completed_successfully"
    for name in ("neo4j", "valkey", "api"):
        assert "healthcheck" in SERVICES[name]


def test_workers_listen_to_the_queues_of_the_contracts() -> None:
    def queue(service: str) -> str:
        command = SERVICES[service]["command"]
        return command[command.index("--queues") + 1]

    assert queue("worker-cpu") == contracts.CPU_QUEUE
    assert queue("worker-jobs") == queue("worker-gpu") == contracts.GPU_QUEUE


def test_consumer_is_the_module_and_has_time_to_finish_its_batch() -> None:
    consumer = SERVICES["consumer"]
    assert consumer["command"] == ["python", "-m", "workers.consumer"]
    assert (ROOT / "workers" / "consumer.py").exists()
    assert int(consumer["stop_grace_period"].removesuffix("s")) >= 30
    assert consumer["image"] == SERVICES["api"]["image"]


def test_named_volumes_and_secrets_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"]


def test_images_are_built_by_files_that_exist_and_the_api_has_no_torch() -> None:
    for service in OURS.values():
        if "build" in service:
            text = (ROOT / service["build"]["dockerfile"]).read_text()
            for source in re.findall(r"^COPY (.+) \S+$", text, re.M):
                for part in source.split():
                    assert (ROOT / part).exists(), part
    assert "[train]" not in (ROOT / "deploy/api.Dockerfile").read_text()
    assert "[train]" in (ROOT / "deploy/train.Dockerfile").read_text()


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_accepts_the_file() -> None:
    done = subprocess.run(
        ["docker-compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr

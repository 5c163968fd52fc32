"""Prometheus metrics, summed over the processes of the web server.

`gunicorn_conf` sets `PROMETHEUS_MULTIPROC_DIR` before this is imported; without it, one process counts for itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.auth import needs
from api.keys import Scope
from engine.events.ingest import IngestResult
from engine.ranking.click_through import FollowUps

_ELSEWHERE: Final = "interestgraph-metrics"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS: Final = Counter("interestgraph_http_requests_total", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS: Final = Histogram(
    "interestgraph_http_request_seconds",
    "Seconds from request to answer.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
EVENTS_ACCEPTED: Final = Counter("interestgraph_events_accepted_total", "Events written to the graph.")
EVENTS_DUPLICATE: Final = Counter("interestgraph_events_duplicate_total", "Events that were there already.")
EVENTS_REFUSED: Final = Counter("interestgraph_events_refused_total", "Events that could not be accepted.")
EVENTS_QUEUED: Final = Counter("interestgraph_events_queued_total", "Events put into the stream.")
RECOMMENDED: Final = Counter(
    "interestgraph_recommended_items_total", "Items in answers, by the embedding version that ranked them.", ["version"]
)
FOLLOW_UPS: Final = Counter(
    "interestgraph_follow_ups_total",
    "Accepted events that name an answer, by the version that made it and their type.",
    ["version", "type"],
)
FOLD_LAG_SECONDS: Final = Gauge(
    "interestgraph_fold_lag_seconds",
    "Seconds that the oldest event has waited that edges and popularity do not know of.",
    multiprocess_mode="livemax",
)
STATE_AGE_SECONDS: Final = Gauge(
    "interestgraph_state_age_seconds",
    "Seconds since the ranking state was last seen to be fresh; the oldest process.",
    multiprocess_mode="livemax",
)
STATE_READ_AT_SECONDS: Final = Gauge(
    "interestgraph_state_read_at_seconds",
    "Unix time at which a process last read the graph with no item known to be missing.",
    ["process"],
    multiprocess_mode="livemostrecent",
)
STATE_ITEMS: Final = Gauge(
    "interestgraph_state_items",
    "Items in the ranking state; the process that looked last.",
    multiprocess_mode="livemostrecent",
)
MODEL_VERSION: Final = Gauge(
    "interestgraph_model_version_info",
    "1 for the embedding version that a process serves from.",
    ["version"],
    multiprocess_mode="livemax",
)
UP: Final = Gauge(
    "interestgraph_part_up", "1 while a part answers, as last asked.", ["part"], multiprocess_mode="livemostrecent"
)

blueprint = Blueprint("metrics", __name__)


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@blueprint.get("/metrics")
@needs(Scope.READ)
def metrics() -> Response:
    """Give every metric in the text form of Prometheus."""
    elsewhere: CollectorRegistry = current_app.extensions[_ELSEWHERE]
    return Response(generate_latest(_registry()) + generate_latest(elsewhere), content_type=CONTENT_TYPE_LATEST)


_follow_ups: Final = FollowUps()


def count_follow_ups(raws: Sequence[object], result: IngestResult) -> None:
    """Count what follows from answers in a batch that was taken in."""
    for (version, event_type), count in _follow_ups.count(raws, result.outcomes).items():
        FOLLOW_UPS.labels(version, event_type).inc(count)


_served_version: str | None = None


def set_model_version(version: str | None) -> None:
    """Say which embedding version this process serves from."""
    global _served_version
    if version == _served_version:
        return
    if _served_version is not None:
        MODEL_VERSION.labels(_served_version).set(0)
    if version is not None:
        MODEL_VERSION.labels(version).set(1)
    _served_version = version


def route_of_request() -> str:
    """Give the rule that the present request matched; never the path itself, which anybody can make up."""
    return request.url_rule.rule if request.url_rule is not None else "(none)"


def register(app: Flask, *collectors: Collector) -> None:
    """Count each request of an application and serve `/metrics`.

    Args:
        app: The application.
        collectors: Further metrics, read from elsewhere when they are asked for.
    """
    app.register_blueprint(blueprint)
    app.extensions[_ELSEWHERE] = CollectorRegistry()
    for collector in collectors:
        app.extensions[_ELSEWHERE].register(collector)

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        labels = (request.method if request.url_rule is not None else "(any)", route_of_request(), response.status_code)
        REQUESTS.labels(*labels).inc()
        REQUEST_SECONDS.labels(*labels).observe(time.perf_counter() - g.get("started", time.perf_counter()))
        return response

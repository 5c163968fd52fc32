"""What the stream of events and the fold have before them, read when Prometheus asks.

Consumers and workers are processes of their own; the stream and the graph know how far they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.errors import InterestGraphError
from engine.stream.state import StreamState

_GAUGES: Final[tuple[tuple[str, str, Callable[[StreamState], float]], ...]] = (
    ("stream_length", "Events in the stream, those in the hands of consumers included.", lambda s: s.length),
    ("stream_pending", "Events in the hands of consumers.", lambda s: s.pending),
    ("stream_lag_seconds", "Seconds since the oldest event in the stream was put in.", lambda s: s.lag_s),
    ("stream_dead_letters", "Refused events that are kept.", lambda s: s.dead),
    ("stream_consumers", "Consumers that have asked in the last 10 seconds or have events in hand.", lambda s: s.awake),
)
_COUNTERS: Final[tuple[tuple[str, str, Callable[[StreamState], float]], ...]] = (
    ("stream_accepted", "Events that consumers have written.", lambda s: s.accepted),
    ("stream_duplicates", "Events of the stream that were in the graph already.", lambda s: s.duplicates),
    ("stream_refused", "Events of the stream that could not be accepted.", lambda s: s.refused),
    ("stream_paused_seconds", "Seconds that consumers have waited for the fold.", lambda s: s.paused_s),
)


class StreamCollector(Collector):
    """Gives the metrics; what cannot be read is left out.

    Args:
        read_state: Reads the state of the stream.
        count_unfolded: Counts the events that wait for the fold.
    """

    def __init__(self, read_state: Callable[[], StreamState], count_unfolded: Callable[[], int]) -> None:
        self._read_state = read_state
        self._count_unfolded = count_unfolded

    def collect(self) -> Iterator[Metric]:
        """Read both."""
        try:
            state = self._read_state()
        except InterestGraphError:
            pass
        else:
            for name, about, value in _GAUGES:
                yield GaugeMetricFamily(f"interestgraph_{name}", about, value=value(state))
            for name, about, value in _COUNTERS:
                yield CounterMetricFamily(f"interestgraph_{name}", about, value=value(state))
            yield _follow_ups(state)
        try:
            unfolded = self._count_unfolded()
        except InterestGraphError:
            return
        yield GaugeMetricFamily("interestgraph_events_unfolded", "Events that wait for the fold.", value=unfolded)


def _follow_ups(state: StreamState) -> Metric:
    family = CounterMetricFamily(
        "interestgraph_stream_follow_ups",
        "Accepted events of the stream that name an answer, by the version that made it and their type.",
        labels=["version", "type"],
    )
    for labels, count in state.follow_ups.items():
        family.add_metric(labels, count)
    return family

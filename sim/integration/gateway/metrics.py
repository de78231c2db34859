"""The gateway's numbers in Prometheus' words: plain counters here, families of samples only when somebody asks.

Labels are endpoints as they were registered, methods and statuses; never a path, an address or a key as a client sent
it, so that their number is bounded. Latencies are seconds of the runtime's clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
UNKNOWN = "unknown"  # the endpoint of a request that meant none


class _Latency:
    """A histogram of one endpoint."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0


class GatewayMetrics(Collector):
    """Counts what happens; `text` is the page that a scraper reads."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}  # (endpoint, status) -> answers
        self.latencies: dict[str, _Latency] = {}
        self.refusals: dict[str, int] = {}  # by the bucket that refused
        self.auth_failures = 0
        self.in_flight = 0
        self.sockets = 0
        self.body_bytes = 0
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}  # name -> (help, value)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def answered(self, endpoint: str, status: int, spent_s: float, body_bytes: int) -> None:
        """A request has its answer."""
        requests = self.requests
        pair = (endpoint, status)
        requests[pair] = requests.get(pair, 0) + 1
        latency = self.latencies.get(endpoint)
        if latency is None:
            latency = self.latencies[endpoint] = _Latency()
        latency.counts[bisect_left(BOUNDS_S, spent_s)] += 1
        latency.sum_s += spent_s
        self.body_bytes += body_bytes

    def refused(self, bucket: str) -> None:
        """A limiter said no."""
        self.refusals[bucket] = self.refusals.get(bucket, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """All families."""
        requests = CounterMetricFamily("gateway_requests", "Requests answered", labels=["endpoint", "status"])
        for (endpoint, status), count in sorted(self.requests.items()):
            requests.add_metric([endpoint, str(status)], count)
        yield requests
        latency_s = HistogramMetricFamily("gateway_request_seconds", "From request to answer", labels=["endpoint"])
        for endpoint, latency in sorted(self.latencies.items()):
            latency_s.add_metric([endpoint], _cumulated(latency.counts), latency.sum_s)
        yield latency_s
        refusals = CounterMetricFamily("gateway_rate_limited", "Requests refused by a limiter", labels=["bucket"])
        for bucket, count in sorted(self.refusals.items()):
            refusals.add_metric([bucket], count)
        yield refusals
        yield CounterMetricFamily("gateway_auth_failures", "Requests without a valid credential", self.auth_failures)
        yield CounterMetricFamily("gateway_body_bytes", "Bytes of bodies read", self.body_bytes)
        yield GaugeMetricFamily("gateway_in_flight", "Requests under way", self.in_flight)
        yield GaugeMetricFamily("gateway_websockets", "Open WebSockets", self.sockets)
        for name, (told, value) in sorted(self.gauges.items()):
            yield GaugeMetricFamily(name, told, value())

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    found, total = [], 0
    for bound, count in zip((*BOUNDS_S, float("inf")), counts, strict=True):
        total += count
        found.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
    return found

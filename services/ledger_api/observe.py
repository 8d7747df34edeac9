"""Log lines as JSON, metrics for Prometheus, traces where OpenTelemetry is configured. Never a body or a token."""

from __future__ import annotations

import logging
import os
import traceback
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUESTS = Histogram(
    "ledger_request_seconds", "Seconds of each request", ("road", "method", "place", "status"), buckets=BUCKETS
)
PROBLEMS = Counter("ledger_problems_total", "Refusals by type", ("road", "kind"))
IN_FLIGHT = Gauge("ledger_requests_in_flight", "Requests under way", ("road",))
#: The library makes texts of a metric's labels and takes a lock at each look-up; there are few of these.
requests_of = lru_cache(1000)(REQUESTS.labels)
in_flight_of = lru_cache(2)(IN_FLIGHT.labels)

log = structlog.get_logger("ledger_api")


def configure_logs(level: str) -> None:
    """Write one JSON object a line to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=open(2, "w", closefd=False, buffering=1)),  # noqa: SIM115
        cache_logger_on_first_use=True,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)


def without_values(error: BaseException) -> dict[str, Any]:
    """Return what may be told of a failure: its kind and where it was raised.

    Never its text: the database's has the row, a model's the input.
    """
    found: dict[str, Any] = {"error": type(error).__name__, "sqlstate": getattr(error, "sqlstate", None)}
    found["constraint"] = getattr(getattr(error, "diag", None), "constraint_name", None)
    frames = traceback.extract_tb(error.__traceback__)
    found["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {name: value for name, value in found.items() if value}


class Traces:
    """Spans by OpenTelemetry: where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set and its packages are there; else nothing."""

    def __init__(self) -> None:
        self._tracer: Any = None
        self._provider: Any = None

    def start(self) -> None:
        """Send spans to the endpoint that the standard variables name."""
        if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError:
            log.warning("traces_off", reason="OTEL_EXPORTER_OTLP_ENDPOINT is set, OpenTelemetry is not installed")
            return
        name = os.environ.get("OTEL_SERVICE_NAME", "ledger-api")
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("ledger_api")

    def span(self, name: str, **attributes: str) -> AbstractContextManager[Any]:
        """Return a span around a request."""
        if self._tracer is None:
            return nullcontext()
        # An exception's text may have values of the request.
        found: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        )
        return found

    def stop(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()


TRACES = Traces()

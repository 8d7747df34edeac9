"""A store with its habits, a client that uses it, and what a run's first task does there."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.health_store import store_findings
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.runs.params import default_params

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from tests.faults.peculiar_s3 import PeculiarS3


class Place:
    """A peculiar server, a bucket in it, and a client that uses both."""

    def __init__(self, server: PeculiarS3, config: ClientConfig) -> None:
        self.server = server
        self.config = config

    def findings(self) -> dict[str, tuple[str, str]]:
        return {found.subject: (found.state, found.detail) for found in store_findings(self.config)}

    def left(self) -> list[str]:
        """Return what is in the bucket."""
        self.server.habits = ()
        client, bucket = self.server.client(), self.config.s3_bucket
        versions = client.list_object_versions(Bucket=bucket)
        uploads: list[str] = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in versions.get(kind, [])] + uploads


def begin(config: ClientConfig) -> None:
    """Do what a run's first task does before its own work."""
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(conf={}, logical_date=now, run_after=now)
    context: Any = {"params": default_params(config), "dag_run": dag_run, "run_id": "manual"}
    StartRunOperator(task_id="start", client_config=config).pre_execute(context)

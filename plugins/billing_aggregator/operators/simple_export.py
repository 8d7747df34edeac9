# ruff: noqa
# mypy: ignore-errors
"""COPY in row-exact chunks to S3, and the manifest."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing_aggregator.connections import s3_hook
from billing_aggregator.operators.run_aware import RunAwareOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class ExportOperator(RunAwareOperator):
    """Export one query in chunks.

    :param name: the export's name.
    :param query: a SELECT.
    """

    def __init__(self, *, name: str, query: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.export_name = name
        self.query = query

    def execute(self, context: Context) -> dict[str, Any]:
        """Return rows and files."""
        run = self.run_params(context)
        client = s3_hook(self.client_config).get_conn()
        files: list[dict[str, Any]] = []
        rows = 0
        header = b""
        chunk: list[bytes] = []

        def flush() -> None:
            body = header + b"".join(chunk)
            name = f"{self.export_name}_{len(files):04d}.csv"
            key = self.client_config.key_template.format(
                client=self.client_config.client,
                environment=self.client_config.environment,
                file=name,
                business_date=run.business_date,
                run_id=context["run_id"],
            )
            client.put_object(Bucket=self.client_config.s3_bucket, Key=key, Body=body)
            files.append(
                {"key": key, "rows": len(chunk), "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            )
            chunk.clear()

        with closing(self.warehouse_hook(context).get_conn()) as connection, connection.cursor() as cursor:
            with cursor.copy(f"COPY ({self.query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
                for row in copy:
                    if not header:
                        header = bytes(row)
                        continue
                    chunk.append(bytes(row))
                    rows += 1
                    if len(chunk) == run.max_rows_per_file:
                        flush()
        if chunk or not files:
            flush()
        return {"name": self.export_name, "rows": rows, "files": files, "control_totals": {}}


class PublishOperator(RunAwareOperator):
    """Write the manifest."""

    def __init__(self, *, export_tasks: list[str], **kwargs: Any) -> None:
        super().__init__(publishes=True, **kwargs)
        self.export_tasks = export_tasks

    def execute(self, context: Context) -> str:
        """Return the manifest's key."""
        exports = [x for x in context["ti"].xcom_pull(task_ids=self.export_tasks) if x]
        manifest = {"run_id": context["run_id"], "published_at": datetime.now(UTC).isoformat(), "exports": exports}
        s3_hook(self.client_config).get_conn().put_object(
            Bucket=self.client_config.s3_bucket, Key=self.client_config.manifest_key, Body=json.dumps(manifest).encode()
        )
        return self.client_config.manifest_key

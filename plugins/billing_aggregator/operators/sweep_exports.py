"""Deletes what orphaned runs left below a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.config.store_options import StoreOptions
from billing_aggregator.export.keys import check_target
from billing_aggregator.export.plan.planner import STAGING_SCHEMA
from billing_aggregator.export.plan.staging import sweep_staging
from billing_aggregator.export.store.abandoned_uploads import DAY, sweep_uploads
from billing_aggregator.operators.export_base import ExportBaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk.definitions.context import Context

HOUR = 3600.0


class SweepExportsOperator(ExportBaseOperator):
    """Abort open uploads below a client's prefix, and drop frozen tables, that are older than a day.

    For what no task could clean up: a worker that was killed between opening uploads and pushing its plan. Returns the
    keys of the ``uploads`` and the names of the ``tables``.

    :param target: ``s3://bucket`` or ``file:///folder``. (templated)
    :param client: first part of the prefix. (templated)
    :param environment: second part of the prefix. (templated)
    :param older_than_hours: from which age on something is orphaned; longer than any run takes.
    :param staging_schema: where queries are frozen.
    :param options: what the exports' options say of the bucket's requests, e.g. that the requester pays.
    """

    template_fields: Sequence[str] = (*ExportBaseOperator.template_fields, "target", "client", "environment")

    def __init__(
        self,
        *,
        target: str,
        client: str,
        environment: str,
        older_than_hours: float = DAY / HOUR,
        staging_schema: str = STAGING_SCHEMA,
        options: StoreOptions | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if older_than_hours < 1:
            raise ValueError(f"older_than_hours is {older_than_hours}: uploads of a run that goes on would be aborted")
        if "{{" not in target:
            check_target(target)
        self.target = target
        self.client = client
        self.environment = environment
        self.older_than_hours = older_than_hours
        self.staging_schema = staging_schema
        self.options = options if isinstance(options, StoreOptions) else StoreOptions.model_validate(options or {})

    def work(self, context: Context) -> dict[str, list[str]]:
        """Return what was aborted and dropped."""
        seconds = self.older_than_hours * HOUR
        _, prefix = self.published_prefix()
        uploads = sweep_uploads(self.get_store(self.target, self.options), prefix, older_than=seconds)
        with self.database() as connection:
            tables = sweep_staging(connection, self.staging_schema, older_than=seconds, timeout=self.statement_timeout)
        return {"uploads": uploads, "tables": tables}

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix."""
        return self.target, f"{self.client}/{self.environment}/"

"""Publishes all exports of a run: one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from billing_aggregator.export.copy.chunk import ChunkState
from billing_aggregator.export.publish.commit import publish
from billing_aggregator.export.publish.lock import TIME_TO_LIVE, WAIT_SECONDS
from billing_aggregator.operators.export_base import ExportBaseOperator
from billing_aggregator.operators.planned_exports import flat, place_of, pull_dry_runs, pull_plans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.export.plan.export_plan import ExportPlan
    from billing_aggregator.export.publish.commit import Publication


def export_asset(target: str, client: str, environment: str, export_name: str) -> Asset:
    """Return the asset of one export, ``Asset("<target>/<client>/<environment>/<export>")``.

    Its URI is its name as well: with a name that stays when the bucket changes, Airflow would refuse the new one for as
    long as it knows the old one.

    :param target: ``s3://bucket`` or ``file:///folder``.
    """
    return Asset(uri=f"{target.rstrip('/')}/{client}/{environment}/{export_name}", group="exports")


class PublishExportsOperator(ExportBaseOperator):
    """Publish all exports of a run, all or nothing.

    Locks the prefix, compares the parts in the store with the tasks' states and the rows and sums in the database
    with the plan, completes all uploads side by side, removes files that an earlier publication had and this one has
    not, and writes ``<client>/<environment>/_manifest.json`` under the condition that nobody else has written it. The
    task may be repeated after a failure at any point.

    .. seealso::
        docs/export.md explains each step and what readers see meanwhile.

    Returns ``manifest_key``, ``run_id``, ``repeated``, ``removed`` (keys) and ``exports``: name → rows, columns,
    bytes, files and control totals. A run of dry runs logs them and is skipped.

    :param plan_tasks: ids of the tasks that plan the exports; one that was skipped has no plan.
    :param states: what the chunks' tasks returned: a list of XComs of mapped tasks. (templated)
    :param keep: names of exports that may be left out of a run: their earlier files stay published then.
    :param assets: export name → asset; its event gets rows, bytes, files and the manifest's key.
    :param lock_ttl: seconds without a sign of life after which another publisher is taken for dead.
    :param lock_wait: seconds to wait for another publisher.
    :param over_newer: publish also where another run has published a newer business date.
    """

    template_fields: Sequence[str] = (*ExportBaseOperator.template_fields, "states")

    def __init__(
        self,
        *,
        plan_tasks: Sequence[str],
        states: Any,
        keep: Sequence[str] = (),
        assets: Mapping[str, Asset] | None = None,
        lock_ttl: float = TIME_TO_LIVE,
        lock_wait: float = WAIT_SECONDS,
        over_newer: bool = True,
        **kwargs: Any,
    ) -> None:
        self.assets = dict(assets or {})
        super().__init__(outlets=[*kwargs.pop("outlets", []), *self.assets.values()], **kwargs)
        if lock_ttl <= 0 or lock_wait < 0:
            raise ValueError(f"lock_ttl is {lock_ttl}, lock_wait {lock_wait}; give positive seconds")
        self.plan_tasks = list(plan_tasks)
        self.plans: list[ExportPlan] = []
        self.reported: dict[str, Any] = {}
        self.states = states
        self.keep = list(keep)
        self.lock_ttl = lock_ttl
        self.lock_wait = lock_wait
        self.over_newer = over_newer

    def work(self, context: Context) -> dict[str, Any]:
        """Publish; return what is published now."""
        for report in pull_dry_runs(context, self.plan_tasks):
            self.log.info("dry run of %s: %s", report["export"], report | {"files": len(report["files"])})
        plans = self.plans = pull_plans(context, self.plan_tasks)
        if not plans:
            raise AirflowSkipException("there is nothing to publish: dry run, or no export was planned")
        publication = publish(
            self.get_db_connection,
            self.get_store(plans[0].run.target, plans[0].options),
            plans,
            [ChunkState.from_json(state) for state in flat(self.states)],
            timeout=self.statement_timeout,
            keep=self.keep,
            lock_ttl=self.lock_ttl,
            lock_wait=self.lock_wait,
            over_newer=self.over_newer,
        )
        return self._report(context, publication)

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix for the link."""
        return place_of(self.plans)

    def _report(self, context: Context, publication: Publication) -> dict[str, Any]:
        exports: dict[str, Any] = {}
        for name, export in publication.manifest.exports.items():
            if export.kept_from is not None:
                self.log.info("%s stays as run %s has published it", name, export.kept_from.run_id)
                continue
            exports[name] = {
                "rows": export.rows,
                "columns": export.columns,
                "column_details": [column.model_dump() for column in export.column_details],
                "bytes": sum(file.bytes for file in export.files),
                "files": [file.model_dump() for file in export.files],
                "control_totals": export.control_totals,
            }
            size, files = exports[name]["bytes"], len(export.files)
            self.log.info("published %s: %s rows, %s bytes, %d files", name, f"{export.rows:,}", f"{size:,}", files)
            if name in self.assets:
                context["outlet_events"][self.assets[name]].extra = {
                    "rows": export.rows,
                    "bytes": size,
                    "files": files,
                    "manifest_key": publication.manifest_key,
                }
        self.reported = exports
        return {
            "manifest_key": publication.manifest_key,
            "run_id": publication.manifest.run_id,
            "repeated": publication.repeated,
            "removed": list(publication.removed),
            "exports": exports,
        }

"""Exports the rows of one unit of a plan into the uploads that the plan has opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.export.copy.chunk import export_chunks
from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.operators.export_base import ExportBaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions.context import Context


class ExportChunksOperator(ExportBaseOperator):
    """Stream one unit of a plan from Postgres to its multipart uploads, which stay open.

    Expand it over the plan: any worker can do any unit, each is retried by itself, and doing one twice writes the same
    bytes again. Memory is a few buffers, nothing touches the worker's disk. Rows are counted on the wire and compared
    with the command tag and the plan; a relation that was rebuilt or changed since the plan fails the task.

    .. seealso::
        docs/export.md

    Returns the states of the chunks for :class:`~billing_aggregator.operators.publish_exports.PublishExportsOperator`.
    With ``map_index_template="{{ export_unit }}"`` the UI names each task after its first file.

    :param plan: what the plan's task pushed as ``plan``. (templated)
    :param unit: one of the units that the plan's task returned. (templated)
    """

    template_fields: Sequence[str] = (*ExportBaseOperator.template_fields, "plan", "unit")

    def __init__(self, *, plan: Any, unit: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.unit = unit

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Return the chunks' states."""
        context["export_unit"] = self.unit["name"]  # type: ignore[typeddict-unknown-key]  # for map_index_template
        plan = ExportPlan.from_json(self.plan)
        store = self.get_store(plan.run.target, plan.options)
        with self.database() as connection:
            states = export_chunks(connection, store, plan, self.unit["chunks"], timeout=self.statement_timeout)
        return [state.to_json() for state in states]

    def published_prefix(self) -> tuple[str, str]:
        """Return target and prefix for the link."""
        return self.plan["run"]["target"], ExportPlan.from_json(self.plan).run.prefix

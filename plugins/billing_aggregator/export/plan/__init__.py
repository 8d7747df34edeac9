"""How an export is cut into chunks at exact rows, and what guards its rows until they are published."""

from billing_aggregator.export.plan.export_plan import Chunk, ExportPlan
from billing_aggregator.export.plan.planner import Export, plan_export

__all__ = ["Chunk", "Export", "ExportPlan", "plan_export"]

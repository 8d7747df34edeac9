"""A laboratory for exports: a database, a store, and the three steps of a run in one place."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2

from billing_aggregator.config.export_options import ExportOptions
from billing_aggregator.export.copy.chunk import ChunkState, export_chunks
from billing_aggregator.export.keys import ExportRun
from billing_aggregator.export.plan.export_plan import ExportPlan
from billing_aggregator.export.plan.planner import Export, plan_export
from billing_aggregator.export.publish.commit import Publication, publish
from billing_aggregator.export.reader import current_manifest, read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing_aggregator.export.manifest import Manifest
    from billing_aggregator.export.store.protocol import Store

DRIVERS = {"psycopg": psycopg, "psycopg2": psycopg2}
TIMEOUT = 60.0
_runs = count(1)


def over_json(values: Any) -> Any:
    """Send values the way an XCom does."""
    return json.loads(json.dumps(values))


@dataclass
class Lab:
    """Plans, exports and publishes; every value between the steps goes through JSON."""

    dsn: str
    driver: str
    store: Store
    target: str
    options: ExportOptions = field(default_factory=ExportOptions)

    def connect(self) -> Any:
        return DRIVERS[self.driver].connect(self.dsn)

    def sql(self, *statements: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, statement: str) -> Any:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(statement).fetchall()[0][0]

    def go_on_as(self, role: str, *grants: str) -> None:
        """Create *role* anew with these grants, in which ``{role}`` is its name; the exports connect as that role."""
        self.sql(
            f"do $$ begin if exists (select from pg_roles where rolname = '{role}') then "
            f"drop owned by {role}; drop role {role}; end if; end $$",
            f"create role {role} login",
            *(grant.format(role=role) for grant in grants),
        )
        self.dsn = self.dsn.replace("user=postgres", f"user={role}")

    def run(self, run_id: str | None = None, business_date: str = "2026-01-31") -> ExportRun:
        return ExportRun(self.target, "enercity", "prod", business_date, run_id or f"run {next(_runs)}")

    def plan(
        self, run: ExportRun, export: Export, options: ExportOptions | None = None, *, attempt: int = 1
    ) -> ExportPlan:
        options = options or self.options
        with closing(self.connect()) as connection:
            plan = plan_export(connection, self.store, run, export, options, timeout=TIMEOUT, attempt=attempt)
        return ExportPlan.from_json(over_json(plan.to_json()))

    def chunks(self, plan: ExportPlan, indexes: Sequence[int] | None = None) -> list[ChunkState]:
        chosen = range(len(plan.chunks)) if indexes is None else indexes
        if not chosen:
            return []
        with closing(self.connect()) as connection:
            states = export_chunks(connection, self.store, plan, chosen, timeout=TIMEOUT)
        return [ChunkState.from_json(over_json(state.to_json())) for state in states]

    def publish(self, plans: Sequence[ExportPlan], states: Sequence[ChunkState], **options: Any) -> Publication:
        return publish(self.connect, self.store, plans, states, timeout=TIMEOUT, **options)

    def whole_run(
        self, exports: Iterable[Export], run: ExportRun | None = None, options: ExportOptions | None = None
    ) -> Publication:
        run = run or self.run()
        plans = [self.plan(run, export, options) for export in exports]
        return self.publish(plans, [state for plan in plans for state in self.chunks(plan)])

    def manifest(self) -> Manifest:
        manifest = current_manifest(self.store, "enercity", "prod")
        assert manifest is not None
        return manifest

    def csv(self, export: str) -> list[bytes]:
        """Return the CSV of each published file."""
        published = self.manifest().exports[export]
        return [read_csv(self.store, published, file) for file in published.files]

    def files(self) -> list[str]:
        return [key for key in self.store.keys("") if not key.rpartition("/")[2].startswith("_")]

    def open_uploads(self) -> list[str]:
        return sorted(upload.key for upload, _ in self.store.open_uploads("enercity/prod/"))

"""What the page of publications shows of a run beside its figures: columns of ``report_oibl.aggregator_runs``.

When it was due, when each phase began, what its checks found, and which files it has published. Rows of runs before
these columns have NULL there: not recorded, which is not the same as nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing_aggregator.postgres.protocols import Cursor
    from billing_aggregator.runs.summary import RunSummary

COLUMNS = ("due_at", "phases", "checks", "exports")
ADD_COLUMNS = """
alter table report_oibl.aggregator_runs
    add column if not exists due_at timestamptz,
    add column if not exists phases jsonb,
    add column if not exists checks jsonb,
    add column if not exists exports jsonb;
comment on column report_oibl.aggregator_runs.due_at is 'published later than this is late; null: no deadline';
comment on column report_oibl.aggregator_runs.phases is 'phase -> when its first task began (UTC)';
comment on column report_oibl.aggregator_runs.checks is
'what each check found: names of columns, never their values';
comment on column report_oibl.aggregator_runs.exports is
'export -> rows, bytes, columns with types and meanings, files with their versions'
"""
BEGIN = """
update report_oibl.aggregator_runs set
    due_at = %(due_at)s, phases = jsonb_build_object('start', started_at), checks = null, exports = null
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
"""
# The first task of a phase writes; the others find it written and leave the row alone.
PHASE = """
update report_oibl.aggregator_runs set
    phases = coalesce(phases, '{}') || jsonb_build_object(%(phase)s::text, clock_timestamp())
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
    and (phases -> %(phase)s::text) is null
"""
END = """
update report_oibl.aggregator_runs set checks = %(checks)s::jsonb, exports = %(exports)s::jsonb
where deployment = %(deployment)s and dag_id = %(dag_id)s and run_id = %(run_id)s
"""


def begin(cursor: Cursor, run: Mapping[str, Any], due_at: datetime | None) -> None:
    """Write when the run is due, and that it is in its first phase; what an earlier try has left is forgotten.

    :param run: deployment, dag_id and run_id.
    """
    cursor.execute(BEGIN, dict(run) | {"due_at": due_at})


def enter_phase(cursor: Cursor, run: Mapping[str, Any], phase: str) -> None:
    """Write that *phase* begins now, unless that is written already."""
    cursor.execute(PHASE, dict(run) | {"phase": phase})


def end(cursor: Cursor, run: Mapping[str, Any], summary: RunSummary) -> None:
    """Write what the checks of a run found and what it has published."""
    exports = {
        export.name: {
            "rows": export.rows,
            "bytes": export.bytes,
            "columns": list(export.columns),
            "files": [dict(file) for file in export.stored],
        }
        for export in summary.exports
    }
    checks = [asdict(check) for check in summary.checks]
    values = {"checks": json.dumps(checks), "exports": json.dumps(exports)}
    cursor.execute(END, dict(run) | values)

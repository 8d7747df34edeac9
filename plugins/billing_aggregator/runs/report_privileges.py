"""May the role make and fill the report schema? Asked by a run's first task and by ``health``, in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing_aggregator.sql.report_schema import REPORT_SCHEMA

if TYPE_CHECKING:
    from billing_aggregator.postgres.protocols import Cursor

REPORT = """
select to_regnamespace(%s) is not null,
    coalesce(has_schema_privilege(to_regnamespace(%s)::oid, 'create, usage'), false),
    has_database_privilege(current_database(), 'create'), current_user::text, quote_ident(current_database()),
    coalesce((select pg_get_userbyid(nspowner) from pg_namespace where nspname = %s), '')
"""


class ReportSchema(NamedTuple):
    """What was found.

    :param detail: how the schema is, in words.
    :param lacks: which privilege is missing, with the way out; empty if none is.
    """

    detail: str
    lacks: str = ""


def report_schema(cursor: Cursor) -> ReportSchema:
    """Return whether the session's role may create tables in the report schema, or the schema itself."""
    cursor.execute(REPORT, [REPORT_SCHEMA] * 3)
    exists, may_write, may_create, user, database, owner = cursor.fetchone()
    if exists and may_write:
        return ReportSchema(f"schema exists, owner {owner}, role {user} may write")
    if exists:
        return ReportSchema(
            "",
            f"role {user} may not create tables in the schema {REPORT_SCHEMA}, which belongs to {owner}: "
            f"alter schema {REPORT_SCHEMA} owner to {user}",
        )
    if may_create:
        return ReportSchema("schema does not exist yet; the first run may create it")
    return ReportSchema(
        "", f"role {user} may not create the schema {REPORT_SCHEMA}: grant create on database {database} to {user}"
    )

"""Sets what a session of ours depends on and checks that it lasts; tells whether a pooler lies between.

Works with both drivers and imports neither.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from billing_aggregator.errors.kinds import TerminalError, sqlstate
from billing_aggregator.errors.text import harmless
from billing_aggregator.postgres.drivers import own_driver
from billing_aggregator.postgres.settings import SINCE_A_VERSION, WHERE_POSSIBLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing_aggregator.postgres.protocols import Connection, Cursor

# SQLSTATE classes: a bad value, no such right, not to be changed in a session.
REFUSALS = ("22", "42", "55")
POOLED = (
    "a pooler in transaction mode lies between, which gives each transaction another session of the server; connect to "
    "the server itself or to a pool in session mode"
)
# What PgBouncer says to every transaction in its third mode, which is worse.
STATEMENT_POOLING = "statement pooling mode"

# Before anything is asked: texts of a session in SQL_ASCII are bytes, and a role's time-outs hold for our questions.
_FIRST = """
set client_encoding = 'UTF8'; set statement_timeout = 0; set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0
"""
# Names are in lower case here; the view says TimeZone. Settings with a dot belong to extensions or to nobody.
_KNOWN = """
select lower(name), context = 'user' or (context = 'superuser' and current_setting('is_superuser') = 'on')
from pg_catalog.pg_settings
where lower(name) in (select lower(key) from pg_catalog.json_each_text(%s::json))
"""
_SET = """
select pg_catalog.json_object_agg(key, pg_catalog.set_config(key, value, false))
from pg_catalog.json_each_text(%s::json)
"""
_READ = """
select pg_catalog.json_object_agg(key, coalesce(pg_catalog.current_setting(key, true), ''))
from pg_catalog.json_each_text(%s::json)
"""


class SessionError(TerminalError):
    """A session cannot be what the code depends on; the message is one line with the way out."""


def own_session(connection: Connection, settings: Mapping[str, str]) -> None:
    """Make a new *connection* ours: plain tuples, transactions, *settings*; checked in a second transaction.

    Beside *settings* it gets :data:`~billing_aggregator.postgres.settings.WHERE_POSSIBLE`.

    :raises SessionError: the server has no such setting, refuses its value, or a pooler lost it.
    """
    try:
        lost = _lost(connection, settings)
    except Exception as error:
        if STATEMENT_POOLING in str(error):
            raise SessionError(POOLED) from None
        raise
    if lost:
        names = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")  # noqa: PLR2004 - enough to see
        raise SessionError(f"the session's settings do not last ({names}): {POOLED}")


def _lost(connection: Connection, settings: Mapping[str, str]) -> list[str]:
    """Set all and return the names of what is not there in the next transaction."""
    own_driver(connection)
    with connection.cursor() as cursor:
        cursor.execute(_FIRST)
        known = _known(cursor, {**settings, **WHERE_POSSIBLE})
        _refuse_unknown(settings, known)
        wanted = {name: value for name, value in settings.items() if name in known or "." in name}
        found = _set(connection, cursor, wanted)
        extra = {name: value for name, value in WHERE_POSSIBLE.items() if known.get(name)}
        _try(cursor, {name: value for name, value in extra.items() if name not in wanted})
        connection.commit()
        cursor.execute(_READ, [json.dumps(wanted)])
        arrived = cursor.fetchone()[0]
        connection.rollback()
    return sorted(name for name in found if arrived.get(name) != found[name])


def shares_backends(connection: Connection, other: Connection) -> bool:
    """Tell whether a pooler gives one session of the server to both: then no setting and no lock is safe.

    Both are open. A pool in transaction mode hands the session that one has just left to the other.
    """
    pids = set()
    for each in (connection, other, connection):
        with each.cursor() as cursor:
            cursor.execute("select pg_catalog.pg_backend_pid()")
            pids.add((each is connection, cursor.fetchone()[0]))
        each.rollback()
    return len(pids) != 2 or len({pid for _, pid in pids}) != 2  # noqa: PLR2004 - one session for each of two


def behind_pooler(connection: Connection) -> bool:
    """Tell whether somebody between answers for the server: the session's number is not the one it was given."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_catalog.pg_backend_pid()")
        pid = cursor.fetchone()[0]
    connection.rollback()
    return bool(connection.info.backend_pid != pid)


def _known(cursor: Cursor, settings: Mapping[str, str]) -> dict[str, bool]:
    """Return the settings that the server has, in lower case, and whether this role may set each."""
    cursor.execute(_KNOWN, [json.dumps(dict(settings))])
    return dict(cursor.fetchall())


def _refuse_unknown(settings: Mapping[str, str], known: Mapping[str, bool]) -> None:
    unknown = [name for name in settings if name not in known and "." not in name]
    wrong = sorted(set(unknown) - SINCE_A_VERSION)
    if wrong:
        raise SessionError(f"sql_settings: {', '.join(wrong)}: this server has no such setting; remove it")


def _set(connection: Connection, cursor: Cursor, wanted: Mapping[str, str]) -> dict[str, str]:
    """Set all at once and return what the server made of each value, e.g. ``1h`` of ``3600s``."""
    try:
        cursor.execute(_SET, [json.dumps(wanted)])
    except Exception as error:
        state = sqlstate(error)
        connection.rollback()
        if state is None or state[:2] not in REFUSALS:
            raise
        raise SessionError(
            f"the session's settings are refused: {_message(error)}; see sql_settings of the client's entry, and "
            "the role's rights"
        ) from None
    found: dict[str, str] = cursor.fetchone()[0]
    return found


def _message(error: Exception) -> str:
    """Return the server's words, with the value: a setting is no customer's data."""
    return harmless(str(getattr(getattr(error, "diag", None), "message_primary", None) or error))


def _try(cursor: Cursor, settings: Mapping[str, str]) -> None:
    """Set what can be set: all at once, else one by one."""
    batches: Sequence[Mapping[str, str]] = [settings, *({name: value} for name, value in settings.items())]
    for batch in batches:
        cursor.execute("savepoint optional")
        try:
            cursor.execute(_SET, [json.dumps(dict(batch))])
        except Exception as error:
            if sqlstate(error) is None:
                raise
            cursor.execute("rollback to savepoint optional")
        else:
            if batch is settings:
                return

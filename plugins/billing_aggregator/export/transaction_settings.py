"""What an export's transaction sets for itself, whatever the database, the role, the connection or a pooler say.

Everything is set local to the transaction, in the statement that begins it, and read back: a pooler that gives each
statement another session would lose it silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.errors import TerminalExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.postgres.protocols import Cursor

#: What a CSV field looks like, and how the text of a query is read.
TEXT_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "xmlbinary": "base64",
    "xmloption": "content",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "row_security": "on",
    "default_table_access_method": "heap",
}
#: Which rows come first. A table is read by its pages: an index that holds all columns has an order of its own, and a
#: scan that joins another one in its middle does not begin at the first page.
SCAN_SETTINGS = {
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
    "enable_seqscan": "on",
    "enable_tidscan": "on",
    # Of a table without a condition on its columns there is no other way by an index; the catalogue is read by indexes.
    "enable_indexonlyscan": "off",
    "enable_indexscan": "on",
    "enable_bitmapscan": "on",
    "seq_page_cost": "1",
    "random_page_cost": "4",
    # A scan without expressions: there is nothing to compile.
    "jit": "off",
}
#: A transaction waits for a slow store as long as it takes; ``statement_timeout`` is the caller's.
TIMEOUT_SETTINGS = {
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    # A task that was killed must not leave its query running.
    "client_connection_check_interval": "10s",
}
#: Setting → the first version of the server that is asked for it.
SINCE = {"idle_session_timeout": 140000, "client_connection_check_interval": 150000, "transaction_timeout": 170000}
#: What decides how a query is run, beside ``enable_...``; not how much memory it may take.
PLANNER_SETTINGS = (
    *("seq_page_cost", "random_page_cost", "cpu_tuple_cost", "cpu_index_tuple_cost", "cpu_operator_cost"),
    *("constraint_exclusion", "from_collapse_limit", "join_collapse_limit", "recursive_worktable_factor"),
    *(
        "geqo",
        "geqo_threshold",
        "geqo_effort",
        "geqo_pool_size",
        "geqo_generations",
        "geqo_selection_bias",
        "geqo_seed",
    ),
)


def settings_for(server_version: int) -> dict[str, str]:
    """Return the settings that a server of that version has, e.g. 150004, each in the form in which it shows them."""
    settings = TEXT_SETTINGS | SCAN_SETTINGS | TIMEOUT_SETTINGS
    return {name: value for name, value in settings.items() if server_version >= SINCE.get(name, 0)}


def check_arrived(cursor: Cursor, settings: Mapping[str, str]) -> None:
    """Check that the session has *settings*. ``SHOW`` takes no snapshot: the caller's first query still does.

    :raises TerminalExportError: one has another value.
    """
    cursor.execute("show all")
    now = {name.lower(): value for name, value, *_ in cursor.fetchall()}
    lost = [
        f"{name} is {now[name]!r} and not {value!r}"
        for name, value in settings.items()
        if now.get(name, value) != value  # a server may hide one
    ]
    if lost:
        raise TerminalExportError(
            f"the session lost what was set for the transaction: {', '.join(lost)}; a pooler between Airflow and "
            "Postgres must keep a transaction on one session (pool_mode = transaction or session)"
        )


def plan_as_by_default(cursor: Cursor) -> None:
    """For this transaction, run queries as a server without any planner setting would, but in one process."""
    kept = ["enable_seqscan", "enable_tidscan"]
    cursor.execute(
        r"""
        select set_config(name, boot_val, true) from pg_settings
        where (name like 'enable\_%%' or name = any(%s::text[])) and name <> all(%s::text[]) and context = 'user'
        """,
        [list(PLANNER_SETTINGS), kept],
    )

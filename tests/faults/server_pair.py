"""A primary and its streaming standby behind one address, which can restart and fail over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from tests.waiting import wait_for

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.faults.proxy import CuttingProxy


class Pair:
    """A primary, its streaming standby, and a proxy that leads to one of them."""

    def __init__(self, primary: EmbeddedPostgres, proxy: CuttingProxy, standby_port: int, standby: str) -> None:
        self.primary, self.proxy, self.standby_port, self._standby = primary, proxy, standby_port, standby
        self.dsn = primary.dsn().replace(f"port={primary.port}", f"port={proxy.port}")

    def restart(self, mode: str) -> None:
        self.primary._run("pg_ctl", "-D", self.primary._data, "-m", mode, "-w", "-t", "120", "restart")

    def fail_over(self) -> None:
        """Let the primary die, promote the standby, and lead everybody to it."""
        self.primary._run("pg_ctl", "-D", self.primary._data, "-m", "immediate", "-w", "stop")
        self.primary._run("pg_ctl", "-D", self._standby, "-w", "-t", "120", "promote")
        self.proxy.behind = self.standby_port
        self.proxy.cut()

    def stop_standby(self) -> None:
        self.primary._run("pg_ctl", "-D", self._standby, "-m", "immediate", "-w", "stop")


def wait_for_standby(pair: Pair) -> None:
    """Wait until the standby has everything that the primary has written."""
    with psycopg.connect(pair.primary.dsn(), autocommit=True) as primary:
        place = primary.execute("select pg_current_wal_insert_lsn()::text").fetchone()
        primary.execute("select pg_switch_wal()")
    standby = pair.primary.dsn().replace(f"port={pair.primary.port}", f"port={pair.standby_port}")
    with psycopg.connect(standby, autocommit=True) as session:
        caught_up = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_for(lambda: session.execute(caught_up, place).fetchall()[0][0], "the standby follows")

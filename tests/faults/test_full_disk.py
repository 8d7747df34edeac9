"""A tablespace that is really full; a short form is in test_server_faults.py."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.local.postgres import EmbeddedPostgres
from tests.deploy.support import missing_tool
from tests.faults.test_server_faults import FILL, lab_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.faults
def test_a_tablespace_that_is_really_full(tmp_path: Path) -> None:
    """A tablespace of 8 MiB: the frozen copy does not fit; with room, the same run publishes."""
    with EmbeddedPostgres() as server:
        place = server._folder / "small"
        place.mkdir()
        mounted = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", str(place)]
        if subprocess.run(mounted, capture_output=True, check=False).returncode:
            missing_tool("a small tablespace needs the right to mount a tmpfs")
        try:
            identity = server._identity
            if identity:
                os.chown(place, identity["user"], identity["group"])
            lab = lab_of(server.dsn(), tmp_path)
            lab.sql(
                FILL, f"create tablespace small location '{place}'", "alter system set default_tablespace = 'small'"
            )
            # Of md5s nobody makes a smaller row: toast would compress the repeated ones.
            lab.sql("select pg_reload_conf()", "create table seed tablespace pg_default as select 1 as id")
            query = (
                "select g as id, (select string_agg(md5(random()::text || g || i), '') from generate_series(1, 50) i) "
                "as t from generate_series(1, 10000) g order by g"
            )
            export = Export("big", query=query, staging_schema="public")
            with pytest.raises(psycopg.errors.DiskFull) as error:
                lab.plan(lab.run("full"), export)
            assert classify(error.value) == "transient"
            assert lab.value("select count(*) from pg_class where relname like 'aggregator_export_%'") == 0
            assert lab.files() == []
            lab.sql("alter system reset default_tablespace", "select pg_reload_conf()")
            lab.whole_run([export], lab.run("full"))
            assert lab.manifest().exports["big"].rows == 10_000
        finally:
            server.stop()
            subprocess.run(["umount", str(place)], capture_output=True, check=False)

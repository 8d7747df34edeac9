"""Asks the page within Airflow's own API server, as several users; prints what each got as JSON.

Reads what to ask from the command line: ``{"port": of the warehouse, "tag": of a run}``.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from billing_aggregator.config import load_clients
from billing_aggregator.ui import desk
from tests.waiting import PATIENCE_SECONDS

USERS = {"enercity": "USER", "enercity.looks": "VIEWER", "q-cells": "USER"}
RUN = "/billing-publications/runs/enercity/local/"


def main() -> None:
    from airflow.utils.db import initdb

    # However slow this machine is.
    desk.PATIENCE_SECONDS = PATIENCE_SECONDS
    initdb()
    order = json.loads(sys.argv[1])
    _fill(order["port"])

    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.main import app
    from starlette.testclient import TestClient

    client = TestClient(app, base_url="http://airflow.example")
    found: dict[str, Any] = {}
    for name, role in {**USERS, "": ""}.items():
        client.cookies.clear()
        if name:
            client.cookies.set(
                "_token", get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
            )
        found[name] = _ask(client, order["tag"])
    client.cookies.set("_token", get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="ADMIN")))
    plugins = client.get("/api/v2/plugins").json()["plugins"]
    found["views"] = [view for plugin in plugins for view in plugin["external_views"]]
    print("RESULT " + json.dumps(found))


def _ask(client: Any, tag: str) -> dict[str, Any]:
    overview = client.get("/billing-publications/", follow_redirects=False)
    file = f"{RUN}{tag}/file?export=list&index=0"
    run = client.get(RUN + tag, follow_redirects=False)
    return {
        "status": overview.status_code,
        "location": overview.headers.get("location"),
        "sees": sorted({entry.client for entry in load_clients() if f'data-name="{entry.client}/' in overview.text}),
        "policy": overview.headers.get("content-security-policy"),
        "run": run.status_code,
        "why": re.findall("<p>(.*?)</p>", run.text)[:3],
        "links": "/dags/billing_data_aggregator_enercity_local/runs/one" in run.text,
        "style": client.get("/billing-publications/static/page.css").status_code,
        "file": client.get(file, follow_redirects=False).status_code,
    }


def _fill(port: int) -> None:
    """Let Airflow know the DAGs of all clients, and the connection of one."""
    from airflow.models.connection import Connection
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        for entry in load_clients():
            session.add(
                DagModel(
                    dag_id=entry.dag_id, bundle_name="dags-folder", fileloc="f", is_paused=False,
                    max_active_tasks=1, max_consecutive_failed_dag_runs=0, has_task_concurrency_limits=False,
                )
            )  # fmt: skip
        session.add(
            Connection(
                conn_id="octopus_enercity_local", conn_type="postgres", host="127.0.0.1", port=port,
                schema="octopus", login="billing_aggregator",
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()

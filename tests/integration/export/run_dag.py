"""Runs a DAG of dags/ once for each configuration and prints what happened as JSON; started by test_dag.py."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main() -> None:
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.utils.db import initdb

    initdb()
    folder = Path(__file__).parent / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert not bag.import_errors, bag.import_errors
    print("RESULT " + json.dumps([one_run(bag.dags[sys.argv[1]], conf) for conf in json.loads(sys.argv[2])]))


def one_run(dag: Any, conf: dict[str, Any]) -> dict[str, Any]:
    """Run the DAG; return its state, its tasks' states, assets' events, links and names of mapped tasks."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    run = dag.test(logical_date=datetime.now(UTC), run_conf=conf)
    tasks, links, names = defaultdict(list), {}, []
    for ti in run.get_task_instances():
        tasks[ti.task_id].append(str(ti.state))
        if ti.task_id == "export_orders":
            names.append(ti.rendered_map_index)
    with create_session() as session:
        events = [
            {"name": name, "extra": {k: v for k, v in event.extra.items() if k != "from_rest_api"}}
            for event, name in session.execute(
                select(AssetEvent, AssetModel.name)
                .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
                .where(AssetEvent.source_run_id == run.run_id)
            )
        ]
        for xcom in session.scalars(select(XComModel).where(XComModel.run_id == run.run_id)):
            if xcom.key.startswith("_link_"):
                links[xcom.task_id] = str(xcom.value).strip('"')
    return {
        "state": str(run.state),
        "tasks": tasks,
        "events": events,
        "links": links,
        "names": sorted(filter(None, names)),
    }


if __name__ == "__main__":
    main()

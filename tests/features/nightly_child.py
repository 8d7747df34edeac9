"""Runs the generated DAG again and again in one process, each time with other variables and params.

Reads a JSON object a line: ``{"variables": {...}, "conf": {...}, "dag": beginning of its id}``. Answers each with a
line ``RESULT {...}``: the run's state, the state and the tries of each task, and the errors. Everything that Airflow
prints goes to stdout, too.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAGS = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


def main() -> None:
    from airflow.utils.db import initdb

    initdb()
    # What this process does; a DAG's deadline is left out then, as on the command line.
    sys.argv = ["airflow", "dags", "test"]
    for line in sys.stdin:
        order = json.loads(line)
        for name in [name for name in os.environ if name.startswith(("BDA_", "AIRFLOW_CONN_"))]:
            del os.environ[name]
        os.environ.update(order["variables"])
        print("RESULT " + json.dumps(one_run(order["conf"], order["dag"])), flush=True)


def one_run(conf: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Run the DAG of the variables' client; return the result."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    bag = BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")
    if bag.import_errors:
        return {"state": "broken", "tasks": {}, "tries": {}, "error": str(bag.import_errors)}
    # A client with feeds has more DAGs than its night.
    (dag,) = (found for name, found in bag.dags.items() if name.startswith(prefix))
    try:
        run = dag.test(logical_date=datetime.now(UTC), run_conf=conf)
    except Exception as error:
        return {"state": "refused", "tasks": {}, "tries": {}, "error": str(error)}
    instances = list(run.get_task_instances())
    return {
        "state": str(run.state),
        "tasks": {
            f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state) for ti in instances
        },
        "tries": {ti.task_id: ti.try_number for ti in instances},
        "error": "",
    }


if __name__ == "__main__":
    main()

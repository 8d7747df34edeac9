"""Forks attempts at nights; started by the tests, it has imported what an attempt needs.

Reads lists of orders as JSON lines; all of a list run at the same time, each in a child that may be killed. Answers a
list with the children's exit codes: 0 for a run that succeeded, 1 for one that failed, -9 for one that was killed.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import cache, partial
from typing import Any

from tests.survival.night_child import Attempt, Order
from tests.survival.told import answer_for_airflow


def child(order: Order, gate: int) -> int:
    """Run one attempt when the gate opens; return its exit code."""
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    warehouse = f"postgres://{os.environ['WAREHOUSE']}/octopus_{order.config['client']}"
    os.environ[f"AIRFLOW_CONN_{order.config['db_conn_id'].upper()}"] = warehouse
    os.read(gate, 1)
    attempt = Attempt(order)
    answer_for_airflow(attempt)
    return 0 if attempt.run() else 1


def together(orders: list[dict[str, Any]]) -> list[int]:
    """Start all orders at the same moment and return their exit codes."""
    gate, opener = os.pipe()
    children = []
    for order in orders:
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            code = 2
            try:
                code = child(Order(**order), gate)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        children.append(pid)
    os.close(gate)
    os.close(opener)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


def remember_service_descriptions() -> None:
    """Read botocore's descriptions of S3 once for all children: most of what making a client takes."""
    import boto3
    from botocore.loaders import JSONFileLoader

    loader: Any = JSONFileLoader
    read = cache(partial(loader.load_file, loader()))
    loader.load_file = lambda _self, path: read(path)
    boto3.client("s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")


def main() -> None:
    from airflow.sdk.bases.operator import ExecutorSafeguard

    from billing_aggregator.dag import build  # noqa: F401 - imported once, for all children
    from billing_aggregator.postgres import hook  # noqa: F401
    from billing_aggregator.s3 import client  # noqa: F401

    ExecutorSafeguard.test_mode = True
    remember_service_descriptions()
    for line in sys.stdin:
        print(json.dumps(together(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

"""One Airflow DAG for each client and environment of include/clients.yaml."""

from airflow.sdk import get_parsing_context

from billing_aggregator.config import load_clients
from billing_aggregator.dag.build import build_or_explain
from billing_aggregator.sql.read_once import ReadOnce

wanted = get_parsing_context()
once = ReadOnce()
for client in load_clients():
    if wanted.dag_id in (None, client.dag_id):
        dag = build_or_explain(client, wanted.task_id, once)
        if dag is not None:
            globals()[dag.dag_id] = dag

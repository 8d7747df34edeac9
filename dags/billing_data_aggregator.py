"""One Airflow DAG for each client and environment of include/clients.yaml."""

from airflow.sdk import get_parsing_context

from billing_aggregator.config import load_clients
from billing_aggregator.pipeline import build_or_explain

wanted = get_parsing_context().dag_id
for client in load_clients():
    if wanted in (None, client.dag_id):
        dag = build_or_explain(client)
        if dag is not None:
            globals()[dag.dag_id] = dag

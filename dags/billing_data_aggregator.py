"""For each client and environment of include/clients.yaml one Airflow DAG of its night, and one of each feed."""

from airflow.sdk import get_parsing_context

from billing_aggregator.config import load_clients
from billing_aggregator.dag.all_dags import dags_of
from billing_aggregator.sql.read_once import ReadOnce

wanted = get_parsing_context()
once = ReadOnce()
for client in load_clients():
    for dag in dags_of(client, wanted.dag_id, wanted.task_id, once):
        globals()[dag.dag_id] = dag

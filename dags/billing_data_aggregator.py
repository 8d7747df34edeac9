"""For each client and environment of include/clients.yaml one Airflow DAG of its night, and one of each feed."""

from billing_aggregator.dag import build_dags

# Several hundred clients: docs/deploy.md says how to split them into several files like this one.
globals().update(build_dags())

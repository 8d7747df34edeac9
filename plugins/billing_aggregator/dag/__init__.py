"""The graph of a client's night: phases, task groups, deadline. The DAG file calls :func:`build_dags`."""

from billing_aggregator.dag.build import build_dag, build_or_explain
from billing_aggregator.dag.build_all import build_dags

__all__ = ["build_dag", "build_dags", "build_or_explain"]

"""The graph of a client's night: phases, task groups, deadline. The DAG file calls :func:`build_or_explain`."""

from billing_aggregator.dag.build import build_dag, build_or_explain

__all__ = ["build_dag", "build_or_explain"]

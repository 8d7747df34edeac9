"""Which run it is, among those of every Airflow that works on the same warehouse."""

from __future__ import annotations

from dataclasses import dataclass

from billing_aggregator.runs.session_names import run_tag


@dataclass(frozen=True)
class Run:
    """A run of one DAG in one Airflow; *tag* names its database sessions."""

    client: str
    environment: str
    deployment: str
    dag_id: str
    run_id: str

    @property
    def tag(self) -> str:
        """The run's tag in ``application_name``."""
        return run_tag(self.deployment, self.dag_id, self.run_id)

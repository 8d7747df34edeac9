"""A client's night as data: phases, systems, ordered scripts, exports; read once from configuration and folders.

The DAG, ``plan`` and ``validate`` are made from it. Knows no Airflow, no database and no environment variables.
"""

from billing_aggregator.night.description import Night, NightPhase, SystemScripts
from billing_aggregator.night.exports import NightExport
from billing_aggregator.night.phases import DAG_PHASES, SCRIPT_PHASES, ScriptPhase
from billing_aggregator.night.read import read_night

__all__ = [
    "DAG_PHASES",
    "SCRIPT_PHASES",
    "Night",
    "NightExport",
    "NightPhase",
    "ScriptPhase",
    "SystemScripts",
    "read_night",
]

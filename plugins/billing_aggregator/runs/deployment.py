"""Which Airflow this is: two of them may run the same DAG with the same run ids during a migration."""

from __future__ import annotations

import secrets
import socket
from functools import lru_cache
from urllib.parse import urlsplit

import structlog

VARIABLE = "billing_aggregator_deployment"

log = structlog.get_logger(__name__)


@lru_cache(maxsize=1)
def deployment() -> str:
    """Return this Airflow's name: its address and four hexadecimal digits, ``airflow.example:8080#3f9a``.

    The name is made by the first run and kept as the Airflow Variable ``billing_aggregator_deployment``: the metadata
    database is what makes a deployment one, its address may be the same for both (``localhost:8080``). Where Variables
    cannot be reached the address alone is the name.
    """
    from airflow.sdk import Variable

    try:
        found = Variable.get(VARIABLE, default=None)
        if found is None:
            Variable.set(
                VARIABLE, f"{_address()}#{secrets.token_hex(2)}", description="names this Airflow in locks and runs"
            )
            # Runs that start at the same moment may each have set one: the last one stays. Within a run the first task
            # hands its name on, so a run that read another one is still one run.
            found = Variable.get(VARIABLE)
        return str(found)
    except Exception as error:  # outside of a task there is no way to Variables, and each way fails differently
        log.debug("no deployment variable", reason=type(error).__name__)
        return _address()


def _address() -> str:
    from airflow.configuration import conf

    url = conf.get("api", "base_url", fallback="")
    return urlsplit(url).netloc or socket.gethostname()

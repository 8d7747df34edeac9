"""Shows a configuration error in the UI instead of taking other clients' DAGs down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.alerts import on_task_failure

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from billing_aggregator.config import ClientConfig


class BrokenConfigOperator(BaseOperator):
    """Fail at once with the explanation.

    :param error: what is wrong and the way out.
    :param client_config: whose channels get the alert; None: the client is not known.
    """

    def __init__(self, *, error: str, client_config: ClientConfig | None = None, **kwargs: Any) -> None:
        if client_config is not None:
            kwargs.setdefault("on_failure_callback", on_task_failure)
        super().__init__(**kwargs)
        self.error = error
        self.client_config = client_config

    def execute(self, context: Context) -> NoReturn:
        """Raise AirflowFailException with the explanation."""
        raise AirflowFailException(self.error)

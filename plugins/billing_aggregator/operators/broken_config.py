"""Shows a configuration error in the UI instead of taking other clients' DAGs down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class BrokenConfigOperator(BaseOperator):
    """Fail at once with the explanation.

    :param error: what is wrong and the way out.
    """

    def __init__(self, *, error: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context: Context) -> NoReturn:
        """Raise AirflowFailException with the explanation."""
        raise AirflowFailException(self.error)

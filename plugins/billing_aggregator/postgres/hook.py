"""Airflow's PostgresHook with our session settings. Imports Airflow's provider, so import it only where it is used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException

from billing_aggregator.config.airflow_connections import DATABASE_TYPES, find_connection, malformed
from billing_aggregator.postgres.extras import WITHOUT_OPTIONS, own_extras
from billing_aggregator.postgres.session import own_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.postgres.protocols import Connection

UNKNOWN_OPTION = "invalid connection option"


class WarehouseHook(PostgresHook):
    """Connects without startup ``options``, then sets and checks every session before it is used.

    :param settings: the settings of the session: see :func:`billing_aggregator.postgres.session_settings`.
    """

    def __init__(self, *args: Any, settings: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = dict(settings)

    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        """Return the Airflow connection; see :func:`billing_aggregator.config.airflow_connections.find_connection`."""
        found = find_connection(conn_id, *DATABASE_TYPES)
        if found is None:
            raise AirflowNotFoundException(f"there is no Airflow connection {conn_id}; create it (type postgres)")
        return found

    def get_conn(self) -> Connection:  # type: ignore[override]  # without `with`: the drivers disagree what that ends
        """Return a new connection.

        :raises ConfigError: the connection's extra would replace the session's settings.
        :raises MalformedConnectionError: its extra has an option that libpq does not know.
        :raises SessionError: the session cannot be set as the code requires.
        """
        # The name is sent at startup, so that it is in the logs of poolers too.
        name = {"application_name": self.settings["application_name"]}
        self.connection.extra = json.dumps(own_extras(self.connection) | name | WITHOUT_OPTIONS)
        try:
            connection = cast("Connection", super().get_conn())
        except Exception as error:
            if UNKNOWN_OPTION in str(error):
                option = str(error).strip().rpartition(UNKNOWN_OPTION)[2].strip().splitlines()[0]
                raise malformed(
                    self.connection.conn_id, f"its extra has an option that libpq does not know: {option}"
                ) from None
            raise
        try:
            own_session(connection, self.settings)
        except BaseException:
            connection.close()
            raise
        return connection

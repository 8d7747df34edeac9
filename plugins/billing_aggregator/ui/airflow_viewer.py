"""The person who is logged in to Airflow, judged by Airflow's own auth manager. Imported in the API server only."""

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends
from fastapi.responses import RedirectResponse
from starlette.requests import Request


class AirflowViewer:
    """A user of Airflow.

    :param user: as the auth manager knows them.
    """

    def __init__(self, user: Any) -> None:
        self._user = user

    def visible_dags(self) -> frozenset[str] | None:
        """Return the DAGs that the user may see: those that Airflow's own list shows them."""
        return frozenset(get_auth_manager().get_authorized_dag_ids(user=self._user, method="GET"))

    def may_download(self, dag_id: str) -> bool:
        """Return whether the user may trigger the DAG: those who may only look see figures, never rows."""
        return bool(
            get_auth_manager().is_authorized_dag(
                method="POST",
                access_entity=DagAccessEntity.RUN,
                details=DagDetails(id=dag_id, team_name=_team(dag_id)),
                user=self._user,
            )
        )


def airflow_viewer(user: Any = Depends(get_user)) -> AirflowViewer:
    """Return who asks; raises HTTP 401 for somebody who has not logged in."""
    return AirflowViewer(user)


def to_login(request: Request) -> RedirectResponse:
    """Return the way to Airflow's login, and back to the page."""
    return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)), status_code=303)


def _team(dag_id: str) -> str | None:
    from airflow.models.dag import DagModel  # noqa: PLC0415 - SQLAlchemy's models are ready when the server has started

    team: str | None = DagModel.get_team_name(dag_id)
    return team

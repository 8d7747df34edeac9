"""What Airflow's plugin registers for the page. Loaded in every process of Airflow, so it imports next to nothing.

The application itself is made when the API server gets the first request for it: the scheduler, the workers and the dag
processor load the plugin as well, and never the page.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import load_clients
from billing_aggregator.config.paths import IncludeNotFoundError, include_folder
from billing_aggregator.ui.address import NAME, PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping


class LazyApp:
    """An ASGI application that is made at its first request."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._app: Any = None
        self._lock = Lock()

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]
    ) -> None:
        """Hand the request on."""
        if self._app is None:
            with self._lock:
                self._app = self._app or self._make()
        await self._app(scope, receive, send)


def fastapi_apps() -> list[dict[str, Any]]:
    """Return the page for Airflow's API server; nothing where it cannot work."""
    return [{"app": LazyApp(_make), "url_prefix": PREFIX, "name": NAME}] if can_work() else []


def external_views() -> list[dict[str, Any]]:
    """Return the entry of Airflow's menu; nothing where the page cannot work.

    It has no ``url_route``: Airflow would show it in a frame that allows neither downloads nor links to its own pages.
    """
    view = {"name": NAME, "href": f"{PREFIX}/", "destination": "nav", "category": "browse"}
    return [view] if can_work() else []


def can_work() -> bool:
    """Return whether this machine has the clients' configuration; MWAA's web server has no ``dags/`` folder."""
    try:
        include_folder()
    except IncludeNotFoundError:
        return False
    return True


def _make() -> Any:
    from billing_aggregator.ui.airflow_viewer import airflow_viewer, to_login
    from billing_aggregator.ui.app import create_app

    return create_app(load_clients, airflow_viewer, to_login=to_login)

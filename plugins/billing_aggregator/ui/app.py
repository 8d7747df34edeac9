"""The page's web application: the same in Airflow's API server and on a laptop."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import Response

from billing_aggregator.ui.desk import PATIENCE_SECONDS, Desk, Entry
from billing_aggregator.ui.nights import utc_now
from billing_aggregator.ui.pages import FOLDER, page
from billing_aggregator.ui.routes import router
from billing_aggregator.ui.viewers import Viewer, who_asks

# Everything comes from this server, and nothing of it runs inline.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PRIVATE = "private, no-store"
NOT_LOGGED_IN = 401


def create_app(
    clients: Callable[[], list[Entry]],
    viewer: Callable[..., Viewer],
    *,
    to_login: Callable[[Request], Response] | None = None,
    in_airflow: bool = True,
    now: Callable[[], datetime] = utc_now,
    patience: float = PATIENCE_SECONDS,
) -> FastAPI:
    """Return the application.

    :param clients: returns every configured client and environment; is asked once a minute.
    :param viewer: FastAPI's dependency that says who asks.
    :param to_login: answers those who have not logged in.
    :param in_airflow: whether links to Airflow's own pages lead anywhere.
    :param patience: seconds that a page waits for warehouses.
    """
    app = FastAPI(title="Billing publications", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = Desk(clients, now, patience)
    app.state.in_airflow = in_airflow
    app.dependency_overrides[who_asks] = viewer
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    app.include_router(router)

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[..., Any]) -> Response:
        answer: Response = await call_next(request)
        answer.headers.update(HEADERS)
        if "/static/" not in request.url.path:
            answer.headers["Cache-Control"] = PRIVATE
        return answer

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == NOT_LOGGED_IN and to_login is not None:
            return to_login(request)
        return HTMLResponse(page("message.html", request, text=str(error.detail)), error.status_code)

    return app

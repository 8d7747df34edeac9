"""The REST application: routes, the page /docs, problem details for all errors."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from services.ledger_api.problems import ProblemError
from services.ledger_api.rest import routes_books, routes_operations, routes_usage
from services.ledger_api.rest.refusals import refusal

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from fastapi import Request
    from starlette.responses import HTMLResponse, Response

    from services.ledger_api.service import Service

ABOUT = """The double-entry ledger over REST. Amounts are exact decimal strings. Lists are paged by key: send `next` of
a page as `after`. A refusal is a problem document (RFC 9457) and has written nothing."""


def new_app(service: Service, lifespan: Any = None) -> FastAPI:
    """Return the application.

    :param lifespan: what starts before the first request and stops after the last.
    """
    app = FastAPI(
        title="Ledger API", version="1", description=ABOUT, docs_url=None, redoc_url=None, lifespan=_of(lifespan)
    )
    app.state.service = service
    app.include_router(routes_operations.router)
    app.include_router(routes_books.router)
    app.include_router(routes_usage.router)
    app.mount("/docs/assets", StaticFiles(directory=_assets()))
    app.add_api_route("/docs", _docs, include_in_schema=False)
    for error in (ProblemError, RequestValidationError, HTTPException, psycopg.Error, PoolTimeout, Exception):
        app.add_exception_handler(error, _refused)
    return app


def _of(lifespan: Any) -> Any:
    if lifespan is None:
        return None

    def start(_: FastAPI) -> AbstractAsyncContextManager[None]:
        found: AbstractAsyncContextManager[None] = lifespan()
        return found

    return start


def _assets() -> Path:
    """Return the folder of Swagger UI's files, which a package brings: /docs needs no network."""
    spec = importlib.util.find_spec("flask_swagger_ui")
    assert spec is not None  # noqa: S101 - a pinned requirement
    assert spec.origin is not None  # noqa: S101 - it has files
    return Path(spec.origin).parent / "dist"


async def _docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Ledger API",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon-32x32.png",
    )


async def _refused(request: Request, error: Exception) -> Response:
    return refusal(request.scope, error)

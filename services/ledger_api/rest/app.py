"""The REST application: routes, the page /docs, problem details for all errors."""

from __future__ import annotations

import importlib.util
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from services.ledger_api.observe import log, without_values
from services.ledger_api.problems import ProblemError, of_database
from services.ledger_api.rest import routes_books, routes_operations, routes_usage
from services.ledger_api.rest.middleware import problem_response

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from fastapi import Request
    from starlette.responses import HTMLResponse, Response

    from services.ledger_api.service import Service

BAD_REQUEST, UNPROCESSABLE, SERVER_ERROR = 400, 422, 500
ABOUT = """The double-entry ledger over REST. Amounts are exact decimal strings. Lists are paged by key: send `next` of
a page as `after`. A refusal is a problem document (RFC 9457) and has written nothing."""
INTERNAL = ProblemError("internal", SERVER_ERROR, "The service has failed", "the log has the request's id")


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
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for error in (psycopg.Error, PoolTimeout, Exception):
        app.add_exception_handler(error, _failed)
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


def _id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for it
    return problem_response(error, _id(request))


async def _invalid(request: Request, error: Exception) -> Response:
    """Tell what is wrong and where; never the value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = error.errors()
    unreadable = any(each["type"] == "json_invalid" for each in found)
    errors = [{"place": ".".join(map(str, each["loc"])), "problem": str(each["msg"])} for each in found][:20]
    status = BAD_REQUEST if unreadable else UNPROCESSABLE
    detail = "; ".join(f"{each['place']}: {each['problem']}" for each in errors[:3])
    problem = ProblemError("invalid-request", status, "The request is invalid", detail, errors=errors)
    return problem_response(problem, _id(request))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    title = HTTPStatus(error.status_code).phrase
    kind = title.lower().replace(" ", "-")
    headers = dict(error.headers) if error.headers else None
    detail = f"{request.method} {request.url.path}" if error.status_code != BAD_REQUEST else "the body cannot be read"
    return problem_response(ProblemError(kind, error.status_code, title, detail, headers=headers), _id(request))


async def _failed(request: Request, error: Exception) -> Response:
    problem = of_database(error)
    if problem is None:
        log.error("failed", request_id=_id(request), **without_values(error))
    return problem_response(problem or INTERNAL, _id(request))

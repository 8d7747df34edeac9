"""What an error of a request is to its caller: RFC 9457 problem details, whichever road inside it has taken."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from services.ledger_api.observe import PROBLEMS, log, without_values
from services.ledger_api.problems import ProblemError, of_database

if TYPE_CHECKING:
    from starlette.types import Scope

BAD_REQUEST, UNPROCESSABLE, SERVER_ERROR = 400, 422, 500
INTERNAL = ProblemError("internal", SERVER_ERROR, "The service has failed", "the log has the request's id")


def problem_response(problem: ProblemError, request_id: str) -> JSONResponse:
    """Return the answer that a problem is."""
    PROBLEMS.labels("rest", problem.kind).inc()
    return JSONResponse(
        problem.body(request_id), problem.status, problem.headers, media_type="application/problem+json"
    )


def refusal(scope: Scope, error: Exception) -> JSONResponse:
    """Return the answer to a request that has ended with *error*."""
    request_id = str(scope.get("state", {}).get("request_id", ""))
    problem = _problem(scope, error)
    if problem is None:
        log.error("failed", request_id=request_id, **without_values(error))
    return problem_response(problem or INTERNAL, request_id)


def _problem(scope: Scope, error: Exception) -> ProblemError | None:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _of_http(scope, error)
    return of_database(error)


def _invalid(error: RequestValidationError) -> ProblemError:
    """Tell what is wrong and where; never the value."""
    found = error.errors()
    unreadable = any(each["type"] == "json_invalid" for each in found)
    errors = [{"place": ".".join(map(str, each["loc"])), "problem": str(each["msg"])} for each in found][:20]
    status = BAD_REQUEST if unreadable else UNPROCESSABLE
    detail = "; ".join(f"{each['place']}: {each['problem']}" for each in errors[:3])
    return ProblemError("invalid-request", status, "The request is invalid", detail, errors=errors)


def _of_http(scope: Scope, error: HTTPException) -> ProblemError:
    title = HTTPStatus(error.status_code).phrase
    kind = title.lower().replace(" ", "-")
    headers = dict(error.headers) if error.headers else None
    detail = f"{scope['method']} {scope['path']}" if error.status_code != BAD_REQUEST else "the body cannot be read"
    return ProblemError(kind, error.status_code, title, detail, headers=headers)

"""Refusals of both roads: RFC 9457 problem details, and what each error of the database means to a caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import DeadlockDetected, InsufficientPrivilege, SerializationFailure
from psycopg_pool import PoolTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIED = (SerializationFailure, DeadlockDetected)
#: The ledger's own refusals, by constraint: type, status, title.
BY_CONSTRAINT = {
    "transaction_idempotency": ("idempotency-conflict", 409, "The idempotency key was used with other content"),
    "transaction_reverses": ("already-reversed", 409, "The transaction is reversed already"),
    "transaction_month_open": ("closed-month", 422, "The month is closed"),
    "transaction_balances": ("unbalanced", 422, "Debit and credit differ"),
    "transaction_balances_in_base": ("unbalanced", 422, "Debit and credit differ in base"),
    "transaction_two_entries": ("unbalanced", 422, "A transaction has two entries or more"),
    "entry_account": ("unknown-account", 422, "The account is unknown"),
    "entry_currency": ("unknown-currency", 422, "The currency is unknown"),
    "entry_minor_units": ("invalid-amount", 422, "The amount is finer than its currency"),
    "account_allow_negative": ("below-zero", 422, "The account may not go below zero"),
}


class ProblemError(Exception):
    """A refusal.

    :param kind: the last part of its type, ``/problems/<kind>``.
    :param status: HTTP status.
    :param headers: of the HTTP answer.
    """

    def __init__(
        self,
        kind: str,
        status: int,
        title: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.status, self.title, self.detail = kind, status, title, detail
        self.errors, self.headers = errors, headers

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the problem document."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return document | ({"errors": self.errors} if self.errors else {})


def not_found(what: str) -> ProblemError:
    """Return the answer to a request for something that is not there."""
    return ProblemError("not-found", 404, "Not found", f"there is no {what}")


def invalid(detail: str) -> ProblemError:
    """Return the answer to a value that cannot be used."""
    return ProblemError("invalid-request", 422, "The request is invalid", detail)


def unavailable(detail: str) -> ProblemError:
    """Return the answer for now; the same request may work in a moment."""
    return ProblemError("unavailable", 503, "The ledger cannot answer now", detail, headers={"Retry-After": "1"})


def missing_privilege(error: InsufficientPrivilege) -> ProblemError:
    """Return the answer where the service's role may not do its work: a person has to grant it."""
    detail = f"the service's role lacks a privilege: {error.diag.message_primary}; run services/ledger_api/sql/role.sql"
    return ProblemError("missing-privilege", 503, "The service lacks a privilege in its database", detail)


def of_database(error: Exception) -> ProblemError | None:
    """Return the problem that an error of the database is to a caller; None: it is a mistake of ours."""
    for kind_of_error, answer in FOR_NOW:
        if isinstance(error, kind_of_error):
            return answer(error)
    if isinstance(error, psycopg.Error):
        known = BY_CONSTRAINT.get(error.diag.constraint_name or "")
        if known:
            kind, status, title = known
            detail = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
            return ProblemError(kind, status, title, detail)
    if isinstance(error, psycopg.DataError):
        return invalid(error.diag.message_primary or "a value cannot be stored")
    if isinstance(error, psycopg.OperationalError):
        return unavailable("the database does not answer")
    return None


#: Errors that are no fault of the request: kind -> the answer.
FOR_NOW: tuple[tuple[Any, Callable[[Any], ProblemError]], ...] = (
    (RETRIED, lambda _: unavailable("many requests have changed the same accounts; send it again")),
    (PoolTimeout, lambda _: unavailable("all connections of the database are in use; send it again")),
    (InsufficientPrivilege, missing_privilege),
)

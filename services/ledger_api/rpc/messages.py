"""From messages of gRPC to the bodies of REST, so that both are checked by the same models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from services.ledger_api.models import Day, Name, TransactionIn
from services.ledger_api.problems import invalid

if TYPE_CHECKING:
    from datetime import date

    from services.ledger_api.proto import ledger_pb2 as pb

DAY: TypeAdapter[date] = TypeAdapter(Day)
NAME: TypeAdapter[str] = TypeAdapter(Name)


def account_of(text: str) -> tuple[str, str]:
    """Return owner and code of ``<owner>/<code>``; a code alone is an account of the house."""
    owner, slash, code = text.rpartition("/")
    return (owner, code) if slash else ("house", text)


def transaction_of(request: pb.TransactionRequest) -> tuple[str, TransactionIn]:
    """Return idempotency key and body.

    :raises ProblemError: what REST would answer.
    """
    entries = []
    for line in request.entries:
        owner, code = account_of(line.account)
        entry: dict[str, Any] = {
            "owner": owner, "code": code, "side": line.side, "amount": line.amount, "currency": line.currency
        }  # fmt: skip
        if line.base_amount:
            entry["base_amount"] = line.base_amount
        entries.append(entry)
    body: dict[str, Any] = {"entries": entries, "description": request.description}
    if request.kind:
        body["kind"] = request.kind
    if request.business_date:
        body["business_date"] = request.business_date
    return _checked(request.idempotency_key, body)


def entry_of(request: pb.LedgerEntry) -> tuple[str, TransactionIn]:
    """Return idempotency key and body of a transaction of two entries."""
    sides = (("debit", request.account_dr), ("credit", request.account_cr))
    entries = []
    for side, account in sides:
        owner, code = account_of(account)
        entries.append(
            {"owner": owner, "code": code, "side": side, "amount": request.amount, "currency": request.currency}
        )
    return _checked(request.txn_id, {"entries": entries})


def day_of(text: str) -> date | None:
    """Return a day; None for an empty text."""
    try:
        return DAY.validate_python(text) if text else None
    except ValidationError:
        raise invalid(f"{text[:40]!r} is no day: YYYY-MM-DD") from None


def _checked(key: str, body: dict[str, Any]) -> tuple[str, TransactionIn]:
    try:
        return NAME.validate_python(key), TransactionIn.model_validate(body)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, each['loc'])) or 'key'}: {each['msg']}" for each in error.errors()]
        raise invalid("; ".join(found[:3])) from None

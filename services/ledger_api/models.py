"""Bodies of requests and answers. Amounts are strings, exact; unknown fields are refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

#: No NUL: Postgres has none in its texts.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
MAX_ENTRIES = 1000
Kind = Literal[
    "invoice", "payment", "cancellation", "customer_credit", "usage_post", "usage_correction", "agreement_start",
    "agreement_end", "manual",
]  # fmt: skip


def _above_zero(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError("must be above zero")
    return text


def _usual_day(day: date) -> date:
    if not 1900 <= day.year <= 2999:  # noqa: PLR2004 - a mistyped year is no business day
        raise ValueError("must be a day from 1900 to 2999")
    return day


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=1000, pattern=PRINTABLE)]
AmountOrZero = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}(\.[0-9]{1,6})?$", max_length=21)]
Amount = Annotated[AmountOrZero, AfterValidator(_above_zero)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,12}$")]
#: Of a header: printable ASCII, no blanks at its ends.
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]([ -~]*[!-~])?$")] | None
Day = Annotated[date, AfterValidator(_usual_day)]


class Body(BaseModel):
    """A body of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EntryIn(Body):
    """One line: an account of *owner* (``house`` or a customer's id) is debited or credited."""

    owner: Name = "house"
    code: Name
    side: Literal["debit", "credit"]
    amount: Amount = Field(examples=["19.99"])
    currency: Currency = Field(examples=["EUR"])
    base_amount: AmountOrZero | None = None


class TransactionIn(Body):
    """A transaction to be posted. ``business_date``: today where it is left out."""

    kind: Kind = "manual"
    business_date: Day | None = None
    description: Text = ""
    metadata: dict[Name, Text] = Field(default_factory=dict, max_length=50)
    entries: Annotated[list[EntryIn], Field(min_length=2, max_length=MAX_ENTRIES)]


class ReversalIn(Body):
    """``business_date``: today where it is left out."""

    business_date: Day | None = None
    description: Text = ""


class TierIn(Body):
    """A tier of customers and the credits that it grants."""

    name: Name
    credits: AmountOrZero


class ReadingIn(Body):
    """A reading by hand, of everything or of one app."""

    app_id: UUID | None = None


class EntryOut(BaseModel):
    """One line of a transaction."""

    line: int
    owner: str
    code: str
    side: str
    amount: str
    currency: str
    base_amount: str | None = None


class TransactionOut(BaseModel):
    """A posted transaction."""

    transaction_id: UUID
    idempotency_key: str
    kind: str
    business_date: date
    occurred_at: datetime
    posted_at: datetime
    description: str
    source: str
    reverses: UUID | None = None
    metadata: dict[str, Any]
    entries: list[EntryOut]


class Page(BaseModel):
    """Rows in the order of their key. ``next``: the value of ``after`` for what follows; null: this is the end."""

    items: list[Any]
    next: str | None = None


class TransactionPage(Page):
    """A page of transactions."""

    items: list[TransactionOut]

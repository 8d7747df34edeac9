"""The tables of dunning and payment allocation as Python objects, in the same way as the billing's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from tests.golden.model.columns import Instant, Number, Text


class Case(NamedTuple):
    """receivablemanagement_vault.case_receivables."""

    id: UUID
    mba: Text
    status: Text
    created_at: Instant


class CaseClaim(NamedTuple):
    """receivablemanagement_vault.dunning_claims."""

    case_receivable_id: UUID | None
    dunning_claim_id: UUID | None
    dunning_level: Number
    scenario: Text


class Lock(NamedTuple):
    """dunninglock_vault.dunning_locks."""

    mba: Text
    reason: Text
    deleted: bool | None
    expires_at: Instant
    created_at: Instant
    updated_at: Instant


class PasBooking(NamedTuple):
    """paymentallocation_vault.bookings."""

    id: UUID
    payment_id: UUID | None
    payment_state_id: UUID | None
    sap_id: Text


class PasPayment(NamedTuple):
    """paymentallocation_vault.payments."""

    id: UUID
    amount: Decimal | None


class PasState(NamedTuple):
    """paymentallocation_vault.payment_states."""

    id: UUID
    payment_status: Text

"""What may be changed of dunning and of payment allocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.columns import INSTANT, OTHER, Column, chosen

if TYPE_CHECKING:
    from tests.golden.fuzzing.columns import Tables

MBA = Column(like="datalake_vault.billing_account.name")
RECEIVABLES_TABLES: Tables = {
    "receivablemanagement_vault.case_receivables": (
        "id",
        6,
        {
            "mba": MBA,
            "status": Column(chosen(("DUNNING", "CLOSED", "dunning", None))),
            "created_at": INSTANT,
        },
    ),
    "receivablemanagement_vault.dunning_claims": (
        "id",
        6,
        {
            "case_receivable_id": OTHER,
            "scenario": OTHER,
            "dunning_claim_id": Column(values.unique_id, renew=True, nullable=False),
            "dunning_level": Column(chosen((None, 0, 1, 2, 3))),
        },
    ),
    "dunninglock_vault.dunning_locks": (
        "id",
        5,
        {
            "mba": MBA,
            "deleted": Column(chosen(("true", "false", "false"))),
            "expires_at": Column(values.expiry),
            "created_at": Column(values.unique_instant, renew=True),
            "updated_at": Column(values.unique_instant, nullable=False, renew=True),
            "reason": OTHER,
        },
    ),
    "paymentallocation_vault.bookings": (
        "id",
        3,
        {
            "payment_id": OTHER,
            "payment_state_id": OTHER,
            "sap_id": Column(like="bookkeeper_vault.journal_entries.id"),
        },
    ),
    "paymentallocation_vault.payments": ("id", 1, {"amount": Column(chosen((None, "0", "-1", "12.34")))}),
    "paymentallocation_vault.payment_states": ("id", 1, {"payment_status": OTHER}),
}

"""Client data: patterns of due charge types, tax codes with their VAT accounts."""

from __future__ import annotations

from datetime import date

from tests.golden.model.basics import like

#: Charges modified, and balances created, on this Berlin day or before are not in the list.
CUT_OFF = date(2019, 7, 30)
DUE_PATTERNS = (
    "BANK_FEE",
    "DUNNING_FEE",
    "%_ABSCHLAG",
    "%_BILL",
    "%_BILL_MIGRATION",
    "%_CANCELLATION_BALANCE",
    "%_MANUAL_BILL",
    "%_MANUAL_BONUS",
    "EPILOT_%_LEASE_PAY",
    "EPILOT_%_SERVICE_PAY",
    "EPILOT_%_UNIT_PAY",
    "OVERPAYMENT_CREDIT",
    "OVERPAYMENT_REFUND",
    "OVERPAYMENT_USED",
    "METER_BLOCKING_%_FEE",
    "METER_BLOCKING_LETTER",
    "METER_UNBLOCKING_%_FEE",
    "%_CANCELLATION_BALANCE_WRITE_OFF",
)
_ENERCITY = {
    "76100030": "11 1A 21 2A",
    "76100101": "12 1B",
    "76100100": "22 2B",
    "76110005": "59 5W 69 6W",
    "76110030": "51 5A 61 6A 62 6B",
    "RC": "81 8A",
}


def due_matches(glid: str | None) -> int:
    """Due charge types: how many patterns the glid matches (every axis pattern is %)."""
    return sum(like(glid, pattern) for pattern in DUE_PATTERNS)


def vat_accounts(client: str) -> dict[str, str]:
    """VAT booking accounts: tax code to account."""
    if client not in ("enercity", "local"):
        return {}
    return {code: account for account, codes in _ENERCITY.items() for code in codes.split()}

"""Values that rules stumble over: instants around cut-offs and midnights, near-miss texts, equal and odd amounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BERLIN = ZoneInfo("Europe/Berlin")
#: Business date of all runs, and an instant of it: the summer time makes UTC day and Berlin day differ by two hours.
AS_OF = date(2025, 7, 2)
IN_THE_NIGHT = datetime(2025, 7, 1, 22, 30, tzinfo=UTC)
CUT_OFFS = tuple(
    date.fromisoformat(day)
    for day in _words(
        "2019-07-30 2020-11-01 2020-11-12 2021-06-06 2021-06-08 2021-10-09 2023-01-02 2023-01-13 2023-01-18 "
        "2024-01-04 2024-01-31 2021-03-28 2023-10-29 2025-07-01"
    )
)
NUDGES = (-86_400_000, -7_200_000, -3_600_000, -1, 0, 1, 3_600_000, 43_200_000, 86_400_000)
GLIDS = _words(
    "ELEC_ABSCHLAG GAS_ABSCHLAG ABSCHLAG _ABSCHLAG ELECXABSCHLAG elec_abschlag ELEC_BILL ELECXBILL "
    "GAS_BILL_MIGRATION BILL_MIGRATION ELEC_BILL_CANCEL BANK_FEE BANKXFEE BANK_FEE_RETURN DUNNING_FEE "
    "DUNNING_FEE_MIGRATION X_FEE METER_BLOCKING_ELEC_FEE METER_BLOCKING_FEE METER_BLOCKING_LETTER "
    "METER_UNBLOCKING_X_FEE ELEC_MANUAL_BILL GASXMANUALXBILL ELEC_MANUAL_BONUS ELECXMANUALXBONUS MANUAL_BONUS "
    "ELEC_MANUAL_BONUS_REFUND ELEC_MANUAL_BONUS_CANCELLATION ELEC_CANCELLATION_BALANCE "
    "ELECXCANCELLATIONXBALANCE ELEC_CANCELLATION_BALANCE_WRITE_OFF ELEC_MANUAL_CONSUMPTION "
    "GASXMANUALXCONSUMPTION OVERPAYMENT_CREDIT OVERPAYMENTXCREDIT OVERPAYMENT_USED OVERPAYMENTXUSED "
    "OVERPAYMENT_REFUND OVERPAYMENT_REFUND_CANCEL OVERPAYMENT_CREDIT_REJECTED EPILOT_HEAT_LEASE_PAY "
    "EPILOTXHEATXLEASEXPAY EPILOT__UNIT_PAY EPILOT_HEAT_SERVICE_PAY ELEC_DISCOUNT_YEAR ELECXDISCOUNTX "
    "ELEC_DISCOUNT ELEC_SUBSCRIPTION_BASE GASXSUBSCRIPTIONXWORK ELEC_SUBSCRIPTION ELEC_ABSCHLAG_REJECTED "
    "PAYMENT_TRANSACTION"
)
AXES = (
    None, "", "subscription", "cancellation", "subscription-cancellation-x", "Cancellation", "special",
    "my special one", "SPECIAL", "write-off", "a write-off-cancellation", "write_off", "special cancellation",
    "abschlag",
)  # fmt: skip
FORMULAS = (
    "ac.TaxIncludedAmount", "TaxIncludedAmount", "TaxExcludedAmount - energyTax.Amount", "VATExcludedAmount - GASTAX",
    "VATExcludedAmount - ELECTRICITYTAX", "TaxIncludedAmount - VAT - ENERGYTAX",
    "TaxIncludedAmount - VAT - ELECTRICITYTAX", "TaxIncludedAmount - VAT - GASTAX", "VATExcludedAmount",
    "TaxIncludedAmount - VAT", "energyTax.Amount", "GASTAX", "ELECTRICITYTAX", "vat.Amount", "VAT", "vat", "Unknown",
    "", None,
)  # fmt: skip
FREQUENT_FORMULAS = (
    "TaxIncludedAmount",
    "VAT",
    "VATExcludedAmount - ELECTRICITYTAX",
    "ELECTRICITYTAX",
    "VATExcludedAmount",
)
TAX_CODES = ("11", "1A", "2A", "12", "22", "59", "5W", "6B", "81", "8A", "99", "")
LEDGERS = ("14000000", "41000100", "45000000", "51000000", "54", "4", "5", "76100030", "", None)
DUE_STATUSES = (
    "DUE",
    "DUE",
    "DUE_LETTERED",
    "DUE_LETTERED",
    "DUE_CANCELLED",
    "DUE_CANCELLED",
    "DUEX",
    "PAID",
    "due",
    None,
)
REQUEST_STATUSES = ("REJECTED", "REJECTED", "CANCELLED", "CANCELLED", "DONE", "rejected", None)
#: Glids, axes and days of the amount rules that hold for a while only.
WINDOWS = (
    (("ELEC_DISCOUNT_YEAR", "GASXDISCOUNTX"), ("", "x-cancellation-y"), ("2021-06-06", "2023-01-18")),
    (("ELEC_MANUAL_BONUS", "GASXMANUALXBONUS"), (None, "x-cancellation-y"), ("2020-11-01", "2020-11-12", "2023-01-13")),
    (("ELEC_SUBSCRIPTION_BASE",), ("x-cancellation-y", "cancellation", "x"), ("2021-06-08",)),
    (("ELEC_SUBSCRIPTION_BASE", None), ("x-write-off-y", "write-off", "write_off"), ("2023-01-02",)),
    (("EPILOT_HEAT_UNIT_PAY", "ELEC_ABSCHLAG"), ("", "x"), ("2024-01-04", "2021-10-09")),
)
CATEGORIES = ("VAT", "VAT", "gasTax", "electricityTax", "vat", "otherTax", None)
CHARACTERISTICS = (
    '{"migrationFlag": "true"}',
    '{"migrationFlag": null}',
    '{"migrationFlag": ""}',
    "{}",
    "[1]",
    '{"migrationFlag": true}',
)
RATES = ("19", "19.0", "7", "16", "0", "2.05", None)


def cut_off(rng: Random) -> date:
    """Return a day around which a rule changes."""
    return rng.choice(CUT_OFFS)


def instant(rng: Random) -> str:
    """Return an instant near the Berlin or UTC midnight of a cut-off day, or of the day after."""
    zone = rng.choice((BERLIN, BERLIN, UTC))
    midnight = datetime.combine(cut_off(rng) + timedelta(days=rng.randint(0, 1)), time(), zone).astimezone(UTC)
    return (midnight + timedelta(milliseconds=rng.choice(NUDGES))).isoformat(timespec="milliseconds")


def journal_time(rng: Random) -> str:
    """Return a time without zone near a cut-off day."""
    midnight = datetime.combine(cut_off(rng), time()) + timedelta(days=rng.randint(-1, 1))
    return (midnight + timedelta(seconds=rng.choice((0, 0, -1, 1, 5400, 82_800)))).isoformat(sep=" ")


def near(rng: Random, day: str) -> str:
    """Return a time without zone on *day*, the day before or the day after."""
    return f"{date.fromisoformat(day) + timedelta(days=rng.randint(-1, 1))} {rng.choice(('00:00:00', '23:59:59'))}"


def day(rng: Random) -> str:
    """Return a day at most one day from a cut-off."""
    return (cut_off(rng) + timedelta(days=rng.randint(-1, 1))).isoformat()


def expiry(rng: Random) -> str | None:
    """Return the end of a dunning lock, mostly near today, never the same instant twice."""
    offset = timedelta(hours=rng.randint(-50, 50), microseconds=rng.randint(0, 999_999))
    around = (IN_THE_NIGHT + offset).isoformat()
    return rng.choice((None, around, around, "2098-01-01T00:00:00+00:00"))


def unique_instant(rng: Random) -> str:
    """Return an instant that hardly any other row has: for orders without a rule for ties."""
    return f"{instant(rng)[:19]}.{rng.randint(0, 999_999):06d}+00"


def unique_id(rng: Random) -> str:
    """Return a UUID that no row has."""
    return str(UUID(int=rng.getrandbits(128)))


def cents(rng: Random) -> int | None:
    """Return an amount from a few, so that equal amounts meet."""
    return rng.choice((None, 0, 0, 1, -1, 100, 100, -100, 200, 200, 300, -300, 11900, -11900))

"""Balances of charges: overpayments and the payments that use them, cancelled amounts, several states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.statements import BALANCE, CHARGE, LAKE, insert

if TYPE_CHECKING:
    from random import Random

    from tests.golden.fuzzing.changes import Keys

TAX_ROW = f"{LAKE}.applied_billing_tax_rate"


def overpayment_pairs(rng: Random, keys: Keys) -> list[str]:
    """Several credits and used charges of one account and amount, tied by requests, items and balances."""
    account, amount = keys.pick(rng, f"{LAKE}.billing_account"), rng.choice((100, 5000))
    credits = rng.randint(1, 3)
    shared = rng.random() < 0.3
    balances: list[int] = []
    statements = []
    for number in range(credits + rng.randint(1, 3)):
        transaction = f"fuzz-{rng.randint(1, 3) if shared else keys.fresh()}"
        glid = "OVERPAYMENT_CREDIT" if number < credits else "OVERPAYMENT_USED"
        names = {"billingaccountouid": account, "transactionid": transaction}
        statements += _overpayment(rng, keys, amount, glid=glid, **names)
        if number < credits:
            balances.append(keys.fresh())
            columns = {"ouid": balances[-1], "datetimecreate": values.instant(rng), "status": "PAID", "amount": amount}
            statements.append(insert(BALANCE, **columns, **names))
        else:
            paid = [balance for balance in balances if rng.random() < 0.8]
            statements += _payment(keys, transaction, paid, amount)
    return statements


def _overpayment(rng: Random, keys: Keys, amount: int, **names: object) -> list[str]:
    ouid = keys.fresh()
    amounts = {"taxexcludedamount": amount, "taxincludedamount": amount}
    times = {"datetimecreate": values.instant(rng), "datetimelastmodif": "2024-05-05T00:00:00+00"}
    tax = insert(TAX_ROW, ouid=keys.fresh(), appliedbillingchargeouid=ouid, taxcategory="VAT", taxrate=0, amount=0)
    return [insert(CHARGE, ouid=ouid, **times, **names, **amounts), tax]


def _payment(keys: Keys, transaction: str, balances: list[int], amount: int) -> list[str]:
    request = keys.fresh()
    common = {"paymentouid": request, "referredtype": "CANCELLED_BALANCE", "amount": amount}
    return [
        insert(f"{LAKE}.payment_request", ouid=request, transactionid=transaction, status="DONE"),
        *[insert(f"{LAKE}.payment_item", ouid=keys.fresh(), referredouid=balance, **common) for balance in balances],
    ]


def cancelled(rng: Random, keys: Keys) -> list[str]:
    """A cancelled balance of the amount of one charge, or of all charges, of a transaction."""
    transaction = rng.choice(keys.transactions)
    amount = rng.choice(("min({0})", "max({0})", "sum({0})", "2 * sum({0})")).format("taxincludedamount")
    return [
        f"insert into {BALANCE} (ouid, datetimecreate, datetimelastmodif, billingaccountouid, transactionid, status, "
        f"amount, startdatetime) select {keys.fresh()}, '{values.instant(rng)}', '{values.instant(rng)}', "
        "min(billingaccountouid), transactionid, "
        f"'{rng.choice(('DUE_CANCELLED', 'DUE_CANCELLED', 'DUE_LETTERED'))}', {amount}, '{values.instant(rng)}' "
        f"from {CHARGE} where transactionid = '{transaction}' group by transactionid"
        for _ in range(rng.randint(1, 2))
    ]


def split_story(rng: Random, keys: Keys) -> list[str]:
    """Balances of a charge's amount and account in different states."""
    source = keys.pick(rng, CHARGE)
    lettering = rng.choice(("null", f"'{values.instant(rng)}'"))
    same = "transactionid, billingaccountouid"
    return [
        f"insert into {BALANCE} (ouid, status, datetimelastmodif, startdatetime, letteringdate, amount, {same}) "
        f"select {keys.fresh()}, '{status}', '{values.instant(rng)}', "
        f"{rng.choice(('null', repr(values.instant(rng))))}, {lettering}, taxincludedamount, {same} "
        f"from {CHARGE} where ouid = {source}"
        for status in rng.choices(("DUE", "DUE_LETTERED", "DUE_CANCELLED", "DUEX"), k=rng.randint(2, 3))
    ]

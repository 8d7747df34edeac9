"""Charges that belong together: chains of transactions, twins, charges of one transaction, write-offs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.literals import literal
from tests.golden.fuzzing.statements import CHARGE, LAKE, insert

if TYPE_CHECKING:
    from random import Random

    from tests.golden.fuzzing.changes import Keys

SHIFTS = ("0", "20 minutes", "-20 minutes", "1 hour")


def rejection_chain(rng: Random, keys: Keys) -> list[str]:
    """Transactions that reject each other: depth 1 to 8, sometimes a cycle, sometimes mixed with an original."""
    chain = rng.sample(keys.transactions, rng.randint(2, 8))
    pairs = list(zip(chain[1:], chain, strict=False))
    if rng.random() < 0.2:
        pairs.append((chain[0], chain[-1]))
    return [_point(rng, child, parent, "rejectedChargeTransactionId") for child, parent in pairs]


def partial_chain(rng: Random, keys: Keys) -> list[str]:
    """Partial payments over up to three levels."""
    chain = rng.sample(keys.transactions, rng.randint(2, 4))
    return [
        _point(rng, child, parent, "partiallyPaidChargeTransactionId")
        for child, parent in zip(chain[1:], chain, strict=False)
    ]


def _point(rng: Random, child: str, parent: str, key: str) -> str:
    one_only = (
        f"and ouid = (select min(ouid) from {CHARGE} where transactionid = '{child}')" if rng.random() < 0.3 else ""
    )
    return (
        f"update {CHARGE} set characteristics = coalesce(characteristics, '{{}}') || '{{\"{key}\": \"{parent}\"}}' "
        f"where transactionid = '{child}' {one_only}"
    )


def written_off(rng: Random, keys: Keys) -> list[str]:
    """A write-off order over a few charges, its list written more or less carefully."""
    product, order = keys.fresh(), keys.fresh()
    charges = [str(rng.choice(keys.hot[CHARGE][-12:])) for _ in range(rng.randint(1, 3))]
    odd = rng.choice(("", "", "12a34", "12.5", "99999999999999999999999", "x"))
    pieces = rng.choice((",", ", ", " ,")).join([*charges, odd] if rng.random() < 0.5 else charges)
    characteristics = json.dumps({"CHARGES_OUIDS": pieces, "CANCELLATION_REASON": f"R{order}"})
    columns = {"ouid": product, "orderdate": values.unique_instant(rng), "characteristics": characteristics}
    return [
        insert(f"{LAKE}.product", name="ACTCHARGESCANCELLATION", **columns),
        insert(f"{LAKE}.product_order", ouid=order, state="COMPLETED"),
        insert(f"{LAKE}.order_item", ouid=keys.fresh(), productorderouid=order, product_ouid=product),
        *[
            insert(f"{LAKE}.note", ouid=keys.fresh(), productorderouid=order, text=f"note {number}")
            for number in range(rng.randint(0, 2))
        ],
    ]


def bonus_story(rng: Random, keys: Keys) -> list[str]:
    """Twins of a charge as bonus, refund or cancellation of the bonus: same account, transaction, gross."""
    source = keys.pick(rng, CHARGE)
    accounting = rng.choice(("", ", accountingid = 'ignored'"))
    kind = f"glid = 'ELEC_MANUAL_BONUS', analyticaxis = {literal(rng.choice(('bonus', 'bonus', 'a special one')))}"
    statements = [f"update {CHARGE} set {kind}{accounting} where ouid = {source}"]
    for _ in range(rng.randint(1, 2)):
        glid = rng.choice(("ELEC_MANUAL_BONUS_REFUND", "GASXMANUALXBONUSXREFUND", "ELEC_MANUAL_BONUS_CANCELLATION"))
        same = "customerouid, billingaccountouid, transactionid, taxexcludedamount, accountingid, datetimelastmodif"
        statements.append(
            f"insert into {CHARGE} (ouid, glid, datetimecreate, taxincludedamount, {same}) select {keys.fresh()}, "
            f"'{glid}', '{values.instant(rng)}', taxincludedamount * {rng.choice((1, 1, -1))}, {same} "
            f"from {CHARGE} where ouid = {source}"
        )
    return statements


def consumption_story(rng: Random, keys: Keys) -> list[str]:
    """A charge as manual consumption, with products that made its bill within the same hour, or nearly."""
    charge = keys.pick(rng, CHARGE)
    period = "startdatetime = '2024-03-31T01:00:00+00', enddatetime = '2024-10-27T01:00:00+00', productname = 'Kiosk'"
    return [
        f"update {CHARGE} set glid = 'ELEC_MANUAL_CONSUMPTION', {period} where ouid = {charge}",
        *[
            f"insert into {LAKE}.product (ouid, name, billingaccountouid, startdatetime, enddatetime, orderdate, "
            f"characteristics) select {keys.fresh()}, productname, billingaccountouid, startdatetime, enddatetime, "
            f"datetimecreate + interval '{shift}', "
            f'\'{{"billId": "BC-{9 - number}"}}\' from {CHARGE} where ouid = {charge}'
            for number, shift in enumerate(rng.sample(SHIFTS, 2))
        ],
    ]


def fee_story(rng: Random, keys: Keys) -> list[str]:
    """Fees and cancellation balances in one transaction with bills and bonuses, whose dates they may take."""
    transaction = rng.choice(keys.transactions)
    charges = [keys.pick(rng, CHARGE) for _ in range(rng.randint(2, 4))]
    kinds = (
        ("ELEC_BILL", "bill"),
        ("ELEC_MANUAL_BONUS", "bonus"),
        ("ELEC_MANUAL_BONUS", "a special one"),
        ("ELEC_MANUAL_BONUS", None),
        ("BANK_FEE", "fee"),
        ("ELEC_CANCELLATION_BALANCE", "x"),
    )
    statements = []
    for charge, (glid, axis) in zip(charges, rng.choices(kinds, k=len(charges)), strict=True):
        advice = keys.pick(rng, f"{LAKE}.settlement_note_advice") if rng.random() < 0.7 else None
        statements.append(
            f"update {CHARGE} set transactionid = '{transaction}', glid = '{glid}', analyticaxis = {literal(axis)}, "
            f"settlementnoteadviceouid = {literal(advice)} where ouid = {charge}"
        )
    return statements


def same_transaction(rng: Random, keys: Keys) -> list[str]:
    """Charges of one account move into one transaction with equal amounts: places and splits matter."""
    transaction = rng.choice(keys.transactions)
    charges = ", ".join(str(keys.pick(rng, CHARGE)) for _ in range(rng.randint(1, 3)))
    return [
        f"update {CHARGE} c set transactionid = '{transaction}', taxincludedamount = coalesce(o.taxincludedamount, 0), "
        f"billingaccountouid = o.billingaccountouid from (select * from {CHARGE} where transactionid = '{transaction}' "
        f"order by ouid limit 1) o where c.ouid in ({charges})"
    ]

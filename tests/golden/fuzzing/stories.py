"""Changes of several rows at once: chains, pairs, and postings that random single changes hardly ever make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.literals import literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.golden.fuzzing.changes import Keys

LAKE = "datalake_vault"
BOOKS = "bookkeeper_vault"
CHARGE = f"{LAKE}.applied_billing_charge"
TAX_ROW = f"{LAKE}.applied_billing_tax_rate"
BALANCE = f"{LAKE}.billing_account_balance"
ITEM = f"{BOOKS}.journal_entry_item"
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


def insert(table: str, **columns: object) -> str:
    """Return an INSERT of one row."""
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(map(literal, columns.values()))})"


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


def posting(rng: Random, keys: Keys) -> list[str]:
    """A posting line, or a tax line, of any formula, day, account and sign for an aggregate that charges have."""
    return _posting(rng, keys, rng.choice(keys.aggregates), values.journal_time(rng))


def window_posting(rng: Random, keys: Keys) -> list[str]:
    """A posting near the beginning or end of an amount rule's window, of charges that the rule is for."""
    aggregate = rng.choice(keys.aggregates)
    glids, axes, days = rng.choice(values.WINDOWS)
    kind = f"glid = {literal(rng.choice(glids))}, analyticaxis = {literal(rng.choice(axes))}"
    created = f"datetimecreate = '{rng.choice(days)}T{rng.choice(('00:00', '01:30'))}:00+02'"
    change = (
        f"update {CHARGE} set {kind}{f', {created}' if rng.random() < 0.3 else ''} where aggregateid = '{aggregate}'"
    )
    return [change, *_posting(rng, keys, aggregate, values.near(rng, rng.choice(days)))]


def _posting(rng: Random, keys: Keys, aggregate: str, created: str) -> list[str]:
    kind = rng.choice(("TRPC", "REBK", "CANC", "MANU", "PAS"))
    number = rng.choice((f"BR_{kind}-{keys.fresh()}", "BR_TRPC-012001"))
    item, transaction_item = keys.fresh_uuid(), keys.fresh_uuid()
    formula = rng.choice(values.FORMULAS + values.FREQUENT_FORMULAS)
    code = {"type": "rfbibl", "key": "mwskz", "value": rng.choice(values.TAX_CODES)}
    return [
        *_document(keys, item, created, number, values.day(rng)),
        _item(keys, item, rng.choice(values.LEDGERS), rng.choice((100, -100))),
        insert(f"{ITEM}_account_metadata", uuid=keys.fresh_uuid(), journal_entry_items_uuid=item, **code),
        insert(f"{BOOKS}.transaction_items", uuid=transaction_item, external_reference=aggregate),
        *(_tax_line if rng.random() < 0.3 else _booking_line)(rng, keys, item, transaction_item, formula),
    ]


def _document(keys: Keys, item: str, created: str, number: str, day: str) -> list[str]:
    summary, entry = keys.fresh_uuid(), keys.fresh_uuid()
    keys.entries[item] = entry
    return [
        insert(f"{BOOKS}.summaries", uuid=summary, create_time=created, export=True),
        insert(f"{BOOKS}.journal_entries", uuid=entry, summaries_uuid=summary, id=number, date=day),
    ]


def _item(keys: Keys, item: str, account: str | None, amount: int) -> str:
    return insert(ITEM + "s", uuid=item, journal_entries_uuid=keys.entries[item], account=account, amount=amount)


def _booking_line(rng: Random, keys: Keys, item: str, transaction_item: str, formula: str | None) -> list[str]:
    source = keys.fresh_uuid()
    tax = keys.pick(rng, f"{BOOKS}.transaction_item_taxes") if rng.random() < 0.3 else None
    part = {"journal_entry_item_sources_uuid": source, "transaction_items_uuid": transaction_item, "amount": 100}
    return [
        insert(f"{ITEM}_sources", uuid=source, journal_entry_items_uuid=item),
        insert(
            f"{ITEM}_source_items",
            uuid=keys.fresh_uuid(),
            amount_formula=formula,
            transaction_item_taxes_uuid=tax,
            **part,
        ),
    ]


def _tax_line(rng: Random, keys: Keys, item: str, transaction_item: str, formula: str | None) -> list[str]:
    tax, source = keys.fresh_uuid(), keys.fresh_uuid()
    part = {"journal_entry_item_tax_sources_uuid": source, "transaction_items_uuid": transaction_item, "amount": 950}
    return [
        insert(f"{ITEM}_taxes", uuid=tax, journal_entry_items_uuid=item, amount=rng.choice((950, -950, 0))),
        insert(f"{ITEM}_tax_sources", uuid=source, journal_entry_item_taxes_uuid=tax),
        insert(f"{ITEM}_tax_source_items", uuid=keys.fresh_uuid(), amount_formula=formula, base_amount=5000, **part),
    ]


def linked_tax_posting(rng: Random, keys: Keys) -> list[str]:
    """A VAT or energy tax line that names a tax aggregate of its own aggregate, or of another one."""
    tax_item, tax_aggregate = keys.fresh_uuid(), keys.pick(rng, f"{LAKE}.tax_aggregate")
    formula = rng.choice(("VAT", "vat.Amount", "ELECTRICITYTAX", "GASTAX", "energyTax.Amount"))
    return [
        insert(f"{BOOKS}.transaction_item_taxes", uuid=tax_item, external_reference=str(tax_aggregate)),
        f"update {ITEM}_source_items s set amount_formula = '{formula}', transaction_item_taxes_uuid = '{tax_item}' "
        f"where s.uuid = (select min(i.uuid::text)::uuid from {ITEM}_source_items i "
        f"join {BOOKS}.transaction_items t on t.uuid = i.transaction_items_uuid "
        f"join {LAKE}.charge_aggregate c on c.aggregateid = t.external_reference "
        f"join {LAKE}.tax_aggregate x on x.chargeaggregateouid = c.ouid where x.ouid = {tax_aggregate})",
    ]


def allocation(rng: Random, keys: Keys) -> list[str]:
    """A PAS booking that the journal names by id and by document, on one of the days around the cut-off."""
    pas, item, transaction_item = (keys.fresh_uuid() for _ in range(3))
    number = f"BR_PAS-{keys.fresh()}"
    created = rng.choice(("2024-01-30 23:59:59", "2024-01-31 00:00:00", "2024-01-31 12:00:00", "2024-02-01 00:00:00"))
    payment, state = (keys.pick(rng, f"paymentallocation_vault.{table}") for table in ("payments", "payment_states"))
    columns = {"id": pas, "payment_id": payment, "payment_state_id": state, "sap_id": number}
    return [
        insert("paymentallocation_vault.bookings", **columns),
        *_document(keys, item, created, number, "2024-02-02"),
        _item(keys, item, rng.choice(values.LEDGERS), rng.choice((5, -5))),
        insert(f"{BOOKS}.transaction_items", uuid=transaction_item, external_reference=rng.choice((pas, "another"))),
        *_booking_line(rng, keys, item, transaction_item, "TaxIncludedAmount"),
    ]


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


STORIES: tuple[Callable[[Random, Keys], list[str]], ...] = (
    rejection_chain,
    partial_chain,
    overpayment_pairs,
    cancelled,
    posting,
    posting,
    window_posting,
    window_posting,
    linked_tax_posting,
    allocation,
    written_off,
    bonus_story,
    consumption_story,
    same_transaction,
    split_story,
    fee_story,
)

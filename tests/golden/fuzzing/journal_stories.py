"""Postings of the journal: booking lines, tax lines, lines near a rule's window, payment allocations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing import values
from tests.golden.fuzzing.literals import literal
from tests.golden.fuzzing.statements import BOOKS, CHARGE, LAKE, insert

if TYPE_CHECKING:
    from random import Random

    from tests.golden.fuzzing.changes import Keys

ITEM = f"{BOOKS}.journal_entry_item"


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

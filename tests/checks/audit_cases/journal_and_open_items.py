"""The journal, the list as a whole and its open items: V1, V2."""

from __future__ import annotations

from tests.checks.audit_cases.planting import (
    BOOKING,
    BOOKINGS,
    JOURNAL,
    LIST,
    OPEN_ITEM,
    UNLISTED,
    change,
    remove,
    twice,
)
from tests.checks.case import Case

CASES = [
    # Bookkeeper: the journal against the bookings, by two routes.
    Case(
        "published booking lost",
        remove(UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "published booking doubled",
        twice(UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "published booking on the other side",
        change("newbs = case newbs when '40' then '50' else '40' end", UNLISTED, BOOKINGS),
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "amount of a posting line",
        "update bookkeeper_vault.journal_entry_item_source_items set amount = amount * 3",
        {"bookkeeper/200_bookings_complete"},
    ),
    Case(
        "amount of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set amount = amount * 3",
        {"bookkeeper/200_tax_lines_complete"},
    ),
    Case(
        "base of a tax line",
        "update bookkeeper_vault.journal_entry_item_tax_source_items set base_amount = base_amount * 3",
        {"bookkeeper/200_tax_lines_complete"},
    ),
    Case(
        "tax line doubled",
        twice(f"aggregate_id in (select aggregate_id from {LIST} where {BOOKING})", "report_oibl.base_data_bbtax"),
        {"bookkeeper/200_tax_lines_complete", JOURNAL},
    ),
    Case(
        "head lost",
        remove(
            "xbelnr not in (select xblnr from report_oibl.base_data_bbtax)",
            "report_oibl.base_data_bbkpf",
        ),
        {"bookkeeper/200_document_heads_complete"},
    ),
    Case(
        "document out of balance",
        "update bookkeeper_vault.journal_entry_items set amount = amount + 1 where account = '14000000'",
        {"bookkeeper/300_documents_balanced"},
    ),
    Case(
        "tax code without account",
        change("newko = null", "true", "report_oibl.base_data_bbtax"),
        {"bookkeeper/300_tax_codes_have_account"},
    ),
    Case(
        "an account's bookings are new",
        "create table report_oibl.bookkeeper_results as select * from report_oibl.new_bookkeeper_results "
        "where newko <> '80120040'; grant select on report_oibl.bookkeeper_results to billing_aggregator",
        {"bookkeeper/400_bookings_near_previous"},
    ),
    # The list and the client's data at all.
    Case(
        "no due charge type",
        "delete from report_oibl.client_data_due_charge_type",
        {
            "tripica/110_due_charge_types_configured",
            "tripica/200_open_items_complete",
            "tripica/200_open_items_well_formed",
        },
    ),
    Case(
        "empty list",
        f"truncate {LIST}",
        {
            "tripica/110_list_not_empty",
            "tripica/200_allocated_payments_complete",
            "tripica/200_charge_bookings_complete",
            "tripica/200_open_items_complete",
            "tripica/200_payment_balances_complete",
            "tripica/200_tax_bookings_complete",
        },
    ),
    # V1, V2: open items.
    Case(
        "open item twice",
        twice(OPEN_ITEM),
        {"tripica/200_open_items_complete", "tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item with a tax code",
        change("booking_tax_code = '1A'", OPEN_ITEM),
        {"tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item on the cancellation axis",
        change("analyticaxis = 'cancellation'", OPEN_ITEM),
        {"tripica/200_open_items_well_formed"},
    ),
    Case("open item lost", remove(OPEN_ITEM), {"tripica/200_open_items_complete"}),
    Case(
        "energy tax of an open item",
        change("amount_energy_tax = 0.01", OPEN_ITEM),
        {"tripica/200_open_items_complete"},
    ),
    Case(
        "gross of an open item",
        change("amount_gross = amount_gross + 0.01, amount_net = amount_net + 0.01", OPEN_ITEM),
        {"tripica/200_open_items_complete"},
    ),
    *[
        Case(
            f"{amount} of an open item alone",
            change(f"amount_{amount} = amount_{amount} + 0.01", f"{OPEN_ITEM} and glid not like '%_MANUAL_BONUS'"),
            {"tripica/200_open_items_complete", "tripica/300_gross_is_net_plus_vat"},
        )
        for amount in ("net", "gross", "vat")
    ],
    Case(
        "open item of a special bonus",
        change("analyticaxis = 'x.special.y'", f"{OPEN_ITEM} and glid like '%_MANUAL_BONUS'"),
        {"tripica/200_open_items_well_formed"},
    ),
    Case(
        "open item of a type that is not due",
        change("glid = 'ELEC_ABSCHLAG_REJECTED'", OPEN_ITEM),
        {"tripica/200_open_items_complete", "tripica/200_open_items_well_formed"},
    ),
]

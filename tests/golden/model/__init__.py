"""A plain reference model of the open items and balance list: naive, in memory, rule by rule.

It is written from the specification alone and shares no code or SQL with the scripts that it is compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.model.aggregates import aggregate_taxes, vat_links
from tests.golden.model.cancelled import cancelled_charges
from tests.golden.model.charge_rows import charge_bookings, open_items
from tests.golden.model.charges import data_charges
from tests.golden.model.client_data import vat_accounts
from tests.golden.model.journal import bookings, headers, tax_lines
from tests.golden.model.other_rows import correct_signs, payment_allocations, payment_balances, tax_bookings
from tests.golden.model.overpayments import overpayment_dates
from tests.golden.model.write_offs import write_offs

if TYPE_CHECKING:
    from datetime import date

    from tests.golden.model.rows import ListRow
    from tests.golden.model.vault import Vault


def the_list(vault: Vault, client: str, as_of: date) -> list[ListRow]:
    """Return all rows of the list for *client*, for the business date *as_of*, in no particular order."""
    journal = bookings(vault)
    charges = data_charges(vault, as_of, write_offs(vault))
    rows = [
        *open_items(charges, journal, cancelled_charges(vault), overpayment_dates(vault)),
        *charge_bookings(charges, journal, aggregate_taxes(vault), vat_links(vault)),
        *payment_balances(vault, journal),
        *tax_bookings(tax_lines(vault, vat_accounts(client)), headers(vault), charges),
        *payment_allocations(vault, journal),
    ]
    return correct_signs(rows)

"""The cases: defects of the list, and the checks that notice each."""

from tests.checks.audit_cases import bookings, journal_and_open_items, plausibility

CASES = [*journal_and_open_items.CASES, *bookings.CASES, *plausibility.CASES]

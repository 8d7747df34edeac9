"""What may be changed: tables, their keys, and where new values of a column come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing.billing_tables import BILLING_TABLES
from tests.golden.fuzzing.journal_tables import JOURNAL_TABLES
from tests.golden.fuzzing.receivables_tables import RECEIVABLES_TABLES

if TYPE_CHECKING:
    from tests.golden.fuzzing.columns import Tables

#: In this order: a seed picks by number.
TABLES: Tables = BILLING_TABLES | JOURNAL_TABLES | RECEIVABLES_TABLES

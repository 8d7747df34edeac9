"""Changes of several rows at once: chains, pairs, and postings that random single changes hardly ever make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.golden.fuzzing.balance_stories import cancelled, overpayment_pairs, split_story
from tests.golden.fuzzing.charge_stories import (
    bonus_story,
    consumption_story,
    fee_story,
    partial_chain,
    rejection_chain,
    same_transaction,
    written_off,
)
from tests.golden.fuzzing.journal_stories import allocation, linked_tax_posting, posting, window_posting

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.golden.fuzzing.changes import Keys

#: In this order: a seed picks by number.
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

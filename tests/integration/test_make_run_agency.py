"""``make run CLIENT=agency``: a stand-in of the platform, readings, and the nights around a month's end."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.integration.test_make_run_webshop import command


@pytest.mark.benchmark
def test_the_month_that_has_ended_is_posted_and_the_books_balance() -> None:
    done = command("run", "--client", "agency", "--environment", "local", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    feeds = json.loads(done.stdout)["feeds"]
    months = sorted({month for _, month, *_ in feeds["months"]})
    amounts = {(name, month): Decimal(credits) for name, month, _, _, credits in feeds["months"]}
    posted = {
        (name, day[:7]): Decimal(credits) for name, kind, day, _, credits in feeds["postings"] if kind == "usage_post"
    }
    assert len(posted) == 2
    assert posted == {key: credits for key, credits in amounts.items() if key[1] == months[0]}
    assert sum(Decimal(debit) - Decimal(credit) for *_, debit, credit, _ in feeds["usage_ledger"]) == 0
    assert {kind for _, kind, *_ in feeds["postings"]} == {"usage_post", "agreement_start", "agreement_end"}

"""The quick form of the rounds: `make test-feeds` runs hundreds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.feeds.rounds import Rounds, run

if TYPE_CHECKING:
    from billing_aggregator.local.postgres import EmbeddedPostgres


def test_a_feed_that_is_killed_and_cut_off_ends_as_an_undisturbed_one(
    postgres: EmbeddedPostgres, orders_template: str
) -> None:
    rounds = Rounds(postgres, orders_template)
    assert run(rounds, 2, seed=4_711, orders=40) == []
    assert rounds.happened.total() >= 2
    assert rounds.looks > 0

"""The long form of the feeds' tests: ``python -m tests.feeds --rounds 200``; figures in build/test-feeds.json."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import psycopg

from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.warehouse import create_octopus
from tests.feeds.rounds import ROLE, Rounds, run
from tests.feeds.surroundings import make_schema


def main() -> None:
    """Run the rounds and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="test-feeds.json", help="name of the file in build/")
    options = parser.parse_args()
    began = time.monotonic()
    with EmbeddedPostgres() as postgres:
        create_octopus(postgres, "rounds")
        with psycopg.connect(postgres.dsn("rounds", ROLE)) as connection:
            make_schema(connection)
        rounds = Rounds(postgres, "rounds")
        wrong = run(rounds, options.rounds, options.seed)
    figures = {
        "rounds": options.rounds,
        "seed": options.seed,
        "wrong": wrong,
        "incidents": dict(rounds.happened.most_common()),
        "looks_at_the_ledger": rounds.looks,
        "seconds": round(time.monotonic() - began),
    }
    build = Path(__file__).resolve().parents[2] / "build"
    build.mkdir(exist_ok=True)
    (build / options.out).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()

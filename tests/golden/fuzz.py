"""Compares the SQL with the reference model on many changed sample vaults: ``python -m tests.golden.fuzz --seeds 200``.

Each seed changes a copy of the sample vault in some dozens of places. A seed whose sides differ is reduced to the
changes that matter, which are printed with the differing rows. The exit status is the number of such seeds, at most 99.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import psycopg

from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.warehouse import create_octopus, load_vault
from tests.conftest import SAMPLE
from tests.golden.differential import ZONES, Both
from tests.golden.fuzzing.changes import changes

if TYPE_CHECKING:
    from tests.golden.compare import Difference

TEMPLATE = "octopus_sample"
CLIENTS = ("enercity", "purpur-energy")


def differing(both: Both, statements: list[str], seed: int) -> Difference | str | None:
    """Return the difference, or the error of a side that failed; None if both sides agree."""
    try:
        zone = ZONES[seed % len(ZONES)]
        client = CLIENTS[seed // len(ZONES) % len(CLIENTS)]
        return both.differ(statements, client, zone, f"octopus_fuzz_{seed}") or None
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def statements_of(both: Both, seed: int, size: int) -> list[str]:
    """Return the changes of *seed*, made from the keys of the template."""
    with psycopg.connect(both.server.dsn(both.template)) as connection:
        return changes(connection, seed, size)


def reduce(both: Both, statements: list[str], seed: int) -> list[str]:
    """Drop changes, in ever smaller blocks, as long as the sides still differ."""
    block = max(1, len(statements) // 2)
    while True:
        position = 0
        while position < len(statements):
            rest = statements[:position] + statements[position + block :]
            if differing(both, rest, seed) is not None:
                statements = rest
            else:
                position += block
        if block == 1:
            return statements
        block = max(1, block // 2)


def main(arguments: list[str] | None = None) -> int:
    """Run the seeds and print what differs; return the number of seeds with a difference."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="number of seeds (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--changes", type=int, default=60, help="changes of the vault for each seed (default: 60)")
    parser.add_argument("--no-reduce", action="store_true", help="do not search for the changes that matter")
    options = parser.parse_args(arguments)
    failed = 0
    started = time.monotonic()
    with EmbeddedPostgres() as server:
        create_octopus(server, TEMPLATE)
        load_vault(server, SAMPLE, TEMPLATE)
        both = Both(server, TEMPLATE)
        for seed in range(options.first, options.first + options.seeds):
            statements = statements_of(both, seed, options.changes)
            found = differing(both, statements, seed)
            if found is None:
                continue
            failed += 1
            if not options.no_reduce:
                statements = reduce(both, statements, seed)
                found = differing(both, statements, seed)
            print(
                f"== seed {seed}: {len(statements)} changes matter\n" + ";\n".join(statements) + f"\n{found}\n",
                flush=True,
            )
    print(f"{options.seeds} seeds, {failed} with differences, {time.monotonic() - started:.0f} s")
    return min(failed, 99)


if __name__ == "__main__":
    sys.exit(main())

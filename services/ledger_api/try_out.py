"""``make serve``: the service on an embedded database with the ledger and the house's accounts, to try it out.

Needs the development requirements. Everything is gone when it stops.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from billing_aggregator.local.warehouse import DATABASE, ROLE, create_octopus
from billing_aggregator.migrations import apply_migrations, find_migrations

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = """
insert into ledger.account (owner, code, name, kind, normal_side) values
('house', '1000', 'Cash', 'asset', 'debit'),
('house', '1200', 'Accounts receivable', 'asset', 'debit'),
('house', '2200', 'Tax payable', 'liability', 'credit'),
('house', '2300', 'Customer credit', 'liability', 'credit'),
('house', '4000', 'Revenue', 'revenue', 'credit')
on conflict (owner, code) do nothing
"""
EXAMPLE = """
curl -s {url}/v1/transactions -H 'Idempotency-Key: first' -H 'Content-Type: application/json' -d '{{"entries": [
  {{"code": "1200", "side": "debit", "amount": "19.99", "currency": "EUR"}},
  {{"code": "4000", "side": "credit", "amount": "19.99", "currency": "EUR"}}]}}'
curl -s {url}/v1/accounts/house/1200/balance
"""


def prepare(server: EmbeddedPostgres, database: str = DATABASE) -> None:
    """Create a database with the migrated ledger, the house's accounts and the API's role."""
    create_octopus(server, database)
    with psycopg.connect(server.dsn(database, ROLE)) as owner:
        apply_migrations(owner, find_migrations(ROOT / "include/sql", ["orders"]))
        owner.execute(ACCOUNTS)
    with psycopg.connect(server.dsn(database), autocommit=True) as admin:
        if admin.execute("select from pg_roles where rolname = 'ledger_api'").fetchone() is None:
            admin.execute("create role ledger_api login")
    with psycopg.connect(server.dsn(database, ROLE), autocommit=True) as owner:
        owner.execute((ROOT / "services/ledger_api/sql/role.sql").read_bytes())


def environment(server: EmbeddedPostgres, rest: int, grpc: int, database: str = DATABASE) -> dict[str, str]:
    """Return the variables of a service on this database."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BDA_")}
    return others | {
        "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}", "BDA_DB_HOST": server.host,
        "BDA_DB_PORT": str(server.port), "BDA_DB_NAME": database, "BDA_API_PORT": str(rest),
        "BDA_GRPC_PORT": str(grpc), "BDA_LOG_LEVEL": os.environ.get("BDA_LOG_LEVEL", "INFO"),
    }  # fmt: skip


def main() -> int:
    """Serve until Ctrl-C."""
    rest, grpc = (int(os.environ.get(name, "0")) or free_port() for name in ("BDA_API_PORT", "BDA_GRPC_PORT"))
    with EmbeddedPostgres() as server:
        prepare(server)
        url = f"http://127.0.0.1:{rest}"
        sys.stdout.write(
            f"REST  {url}/docs\ngRPC  127.0.0.1:{grpc} (ledger.LedgerService, with reflection)\n"
            f"no issuer: loopback only, everybody may post; Ctrl-C stops it and forgets all\n"
            f"{EXAMPLE.format(url=url)}\n"
        )
        sys.stdout.flush()
        command = [sys.executable, "-m", "services.ledger_api"]
        with subprocess.Popen(command, cwd=ROOT, env=environment(server, rest, grpc)) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                return process.wait()


if __name__ == "__main__":
    sys.exit(main())

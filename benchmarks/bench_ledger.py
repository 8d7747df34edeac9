"""The ledger's API under 16 clients: REST and gRPC beside an empty endpoint of the same server and the bare SQL.

``make bench-ledger`` writes ``build/bench-ledger.json``. Clients, server and database share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import httpx
import psycopg

from benchmarks.http2_client import Http2Client
from benchmarks.ledger_balance import balance_of_a_large_account
from benchmarks.ledger_calls import CLIENTS, SPREAD, Rest, bare, by_hand, empty_grpc, hot_posts, over_aiohttp, over_grpc
from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from billing_aggregator.local.warehouse import DATABASE, ROLE
from services.ledger_api.proto import ledger_pb2_grpc
from services.ledger_api.try_out import environment, prepare

if TYPE_CHECKING:
    from benchmarks.ledger_calls import Call

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build/bench-ledger.json"
MANY = """
insert into ledger.account (owner, code, kind, normal_side)
select 'C-' || n, '201', 'liability', 'credit' from generate_series(0, %s - 1) as n
"""


async def measure(call: Call, seconds: float) -> dict[str, float]:
    """Return calls per second, and p50 and p99 in milliseconds, after a second that does not count."""
    found: list[float] = []
    begin = time.perf_counter() + 1
    end = begin + seconds

    async def client(name: int) -> None:
        number = 0
        while (started := time.perf_counter()) < end:
            await call(name, number)
            number += 1
            if started >= begin:
                found.append(time.perf_counter() - started)

    await asyncio.gather(*(client(name) for name in range(CLIENTS)))
    found.sort()
    return {
        "per_second": round(len(found) / seconds, 1),
        "p50_ms": round(found[len(found) // 2] * 1000, 2),
        "p99_ms": round(found[int(len(found) * 0.99)] * 1000, 2),
    }


async def under_load(server: EmbeddedPostgres, rest: int, rpc: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure all in one run: in turns, so that what else the machine does meets all of them; medians of the rounds."""
    dsn = server.dsn(DATABASE, ROLE)
    found: dict[str, list[dict[str, float]]] = {}
    for turn in range(rounds):
        sessions = [await psycopg.AsyncConnection.connect(dsn, autocommit=True) for _ in range(CLIENTS)]
        # A server closes what is idle for 5 seconds: each measurement has connections of its own.
        health = await Http2Client.connect(rpc, "/grpc.health.v1.Health/Check")
        posts = await Http2Client.connect(rpc, "/ledger.LedgerService/PostTransaction")
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{rpc}") as channel,
            aiohttp.ClientSession(f"http://127.0.0.1:{rest}") as api,
        ):
            make: Any = ledger_pb2_grpc.LedgerServiceStub
            calls: dict[str, Call] = {
                "empty_endpoint": Rest(rest).empty,
                "empty_grpc": empty_grpc(health),
                "bare_sql": bare(sessions, turn),
                "rest": Rest(rest).post(f"rest-{turn}", hot=False),
                "grpc": over_grpc(by_hand(posts), f"grpc-{turn}"),
                "rest_by_aiohttp": over_aiohttp(api, f"aiohttp-{turn}"),
                "grpc_by_grpc_aio": over_grpc(make(channel).PostTransaction, f"aio-{turn}"),
                "rest_hot_account": Rest(rest).post(f"hot-{turn}", hot=True),
            }
            for name, call in calls.items():
                found.setdefault(name, []).append(await measure(call, seconds / rounds))
        health.close()
        posts.close()
        for session in sessions:
            await session.close()
    return {
        name: {what: median(each[what] for each in several) for what in several[0]} for name, several in found.items()
    }


def main() -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each, in all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, default=10_000_000, help="entries of the large account; 0: leave it out")
    given = parser.parse_args()
    rest, rpc = free_port(), free_port()
    with EmbeddedPostgres() as server:
        prepare(server)
        with psycopg.connect(server.dsn(DATABASE, ROLE)) as owner:
            owner.execute(MANY, [SPREAD])
        command = [sys.executable, "-m", "services.ledger_api"]
        variables = environment(server, rest, rpc) | {"BDA_LOG_LEVEL": "WARNING"}
        with subprocess.Popen(command, cwd=ROOT, env=variables) as process:
            try:
                url = f"http://127.0.0.1:{rest}"
                wait_for(url)
                found = under_load_with_ratios(asyncio.run(under_load(server, rest, rpc, given.seconds, given.rounds)))
                if given.large:
                    found["balance"] = balance_of_a_large_account(server, url, given.large, hot_posts(rest))
            finally:
                process.terminate()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


def under_load_with_ratios(found: dict[str, Any]) -> dict[str, Any]:
    """Add what the goals speak of."""
    rate = {name: result["per_second"] for name, result in found.items()}
    return found | {
        "ratios": {
            "rest_to_empty_endpoint": round(rate["rest"] / rate["empty_endpoint"], 2),
            "grpc_to_rest": round(rate["grpc"] / rate["rest"], 2),
            "grpc_to_rest_by_usual_clients": round(rate["grpc_by_grpc_aio"] / rate["rest_by_aiohttp"], 2),
            "rest_to_bare_sql": round(rate["rest"] / rate["bare_sql"], 2),
            "hot_to_spread": round(rate["rest_hot_account"] / rate["rest"], 2),
        }
    }


def wait_for(url: str) -> None:
    """Wait until the service answers."""
    for _ in range(600):
        try:
            httpx.get(f"{url}/healthz", trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    sys.exit(main())

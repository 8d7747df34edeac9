"""Starts the service: REST and gRPC in one process and event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import psycopg
import uvicorn
from psycopg_pool import PoolTimeout

from billing_aggregator.config.errors import ConfigError
from services.ledger_api.database import answers, rows
from services.ledger_api.observe import TRACES, configure_logs, log
from services.ledger_api.rest.app import new_app
from services.ledger_api.rest.middleware import Surroundings
from services.ledger_api.rest.posts import Posts
from services.ledger_api.rpc.server import Rpc
from services.ledger_api.service import new_service
from services.ledger_api.settings import read_settings

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from services.ledger_api.service import Service

GRACE_SECONDS = 25
HEALTH_SECONDS = 5.0
#: Postings add rows to the accounts' totals; a balance adds up those of so many seconds.
FOLD_SECONDS = 5.0
CONFIG_STATUS = 2
START_STATUS = 3


class Roads:
    """Both roads of one service: the HTTP server runs, and gRPC beside it, from the first request to the last."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rpc: Rpc | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the pool and the gRPC server; close the pool when the last request is answered."""
        service, settings = self._service, self._service.settings
        await service.pool.open()
        self._rpc = rpc = Rpc(service)
        await rpc.start()
        watches = [asyncio.create_task(_watch(service, rpc)), asyncio.create_task(_fold(service))]
        log.info(
            "listening", rest=f"http://{settings.host}:{settings.api_port}",
            grpc=f"{settings.host}:{settings.grpc_port}",
            access="tokens of the issuer" if settings.oidc_issuer else "no issuer: loopback only, everybody may post",
        )  # fmt: skip
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await self.drain()
            await service.pool.close()
            TRACES.stop()
            log.info("stopped")

    async def drain(self) -> None:
        """Take no new calls of gRPC, and wait for those under way."""
        if self._rpc is not None:
            await self._rpc.stop(GRACE_SECONDS)


class Server(uvicorn.Server):
    """Where it is told to stop, both roads end at the same time: what is under way has one grace, not two."""

    def __init__(self, config: uvicorn.Config, roads: Roads) -> None:
        super().__init__(config)
        self._roads = roads

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, and wait for the requests under way."""
        await asyncio.gather(self._roads.drain(), super().shutdown(sockets))


async def _watch(service: Service, rpc: Rpc) -> None:
    """Let gRPC's health follow the database's."""
    while True:
        try:
            serving = await answers(service.pool)
        except (psycopg.Error, PoolTimeout):
            serving = False
        await rpc.set_health(serving=serving)
        await asyncio.sleep(HEALTH_SECONDS)


async def _fold(service: Service) -> None:
    """Fold the accounts' totals, so that balances stay cheap however much is posted in a day."""
    while True:
        try:
            await rows(service.pool, "select ledger.fold_totals()")
        except (psycopg.Error, PoolTimeout) as error:
            log.warning("totals_not_folded", reason=type(error).__name__)
        await asyncio.sleep(FOLD_SECONDS)


def main() -> int:
    """Run until SIGTERM or SIGINT; requests under way are answered before the end."""
    try:
        settings = read_settings(os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIG_STATUS
    configure_logs(settings.log_level or "INFO")
    TRACES.start()
    service = new_service(settings)
    roads = Roads(service)
    app = Surroundings(new_app(service, roads.open), Posts(service))
    config = uvicorn.Config(
        app, host=settings.host, port=settings.api_port, loop="uvloop", http="httptools", log_level="warning",
        access_log=False, timeout_graceful_shutdown=GRACE_SECONDS, server_header=False, lifespan="on",
    )  # fmt: skip
    server = Server(config, roads)
    server.run()
    return 0 if server.started else START_STATUS


if __name__ == "__main__":
    sys.exit(main())

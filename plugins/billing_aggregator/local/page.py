"""``make page``: the page of publications on this machine, for the runs that ``make run`` has left here.

Without logins, so it listens on the loopback interface only, and answers only to this machine's own name.
"""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware

from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError, load_clients, read_environment
from billing_aggregator.config.load import load_client
from billing_aggregator.local import records, warehouse
from billing_aggregator.local.loopback import direct_loopback
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.run import build_folder
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY, LocalS3
from billing_aggregator.ui.app import create_app
from billing_aggregator.ui.viewers import everybody

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"
PORT = 8642
PATIENCE_SECONDS = 60.0


def serve(config: ClientConfig, port: int = PORT) -> int:
    """Serve the page until it is interrupted; return the exit status.

    Where BDA_DB_HOST is set, of the configured clients from that warehouse; else of the runs that are kept in
    ``build/run/``, from an embedded server.

    :param config: the client that is shown where no run is kept.
    :raises ConfigError: the port is taken.
    """
    _refuse_taken(port)
    with ExitStack() as stack:
        stack.enter_context(direct_loopback())
        shown = entries(config, stack)
        print(f"Billing publications: http://{HOST}:{port}/  (for this machine only, without logins; Ctrl-C ends it)")
        uvicorn.run(local_app(shown), host=HOST, port=port, log_level="warning")
    return 0


def local_app(shown: list[ClientConfig | BrokenConfig], **options: Any) -> FastAPI:
    """Return the application for the clients *shown*, for requests to this machine's own names.

    Their first answers may take long: this process has loaded nothing yet.

    :param options: see :func:`billing_aggregator.ui.app.create_app`.
    """
    app = create_app(lambda: shown, everybody, in_airflow=False, patience=PATIENCE_SECONDS, **options)
    # A page of the internet could otherwise name itself with this machine's address.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return app


def entries(config: ClientConfig, stack: ExitStack) -> list[ClientConfig | BrokenConfig]:
    """Return the clients to show, whose servers run until *stack* is closed; see :func:`serve`."""
    if read_environment(os.environ).db_host is not None:
        return load_clients()
    server = stack.enter_context(EmbeddedPostgres())
    warehouse.create_octopus(server)
    s3 = stack.enter_context(LocalS3())
    use(server, s3)
    kept = list(records.kept(build_folder() / "run"))
    names = sorted({(row["client"], row["environment"]) for _, rows in kept for row in rows})
    configs = {name: load_client(*name) for name in names} or {(config.client, config.environment): config}
    for bucket in sorted({each.s3_bucket for each in configs.values()}):
        s3.create_bucket(bucket)
    for folder, rows in kept:
        for row in rows:
            records.upload(s3, configs[row["client"], row["environment"]].s3_bucket, folder, row)
    records.load(server, [row for _, rows in reversed(kept) for row in rows])
    return list(configs.values())


def use(server: EmbeddedPostgres, s3: LocalS3) -> None:
    """Let this process find the embedded servers where it would find the real ones."""
    os.environ |= {
        "BDA_DB_HOST": server.host,
        "BDA_DB_PORT": str(server.port),
        "BDA_DB_NAME": warehouse.DATABASE,
        "BDA_DB_USER": warehouse.ROLE,
        "BDA_S3_URL": s3.url,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    }


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(f"port {port} of this machine: {error.strerror}; give another one by --port") from None

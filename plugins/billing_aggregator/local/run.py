"""``make run``: the nightly job on this machine, end to end, with output that a person wants to read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import ConfigError, read_environment
from billing_aggregator.config.home import is_writable
from billing_aggregator.local import records, report, warehouse
from billing_aggregator.local.airflow_process import AirflowProcess
from billing_aggregator.local.feed_report import feed_figures, feed_text
from billing_aggregator.local.feeds import enabled_feeds, kafka, named_broker, run_feeds
from billing_aggregator.local.loopback import direct_loopback
from billing_aggregator.local.objects import ObjectStore
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.progress import RunProgress
from billing_aggregator.local.s3 import ACCESS_KEY, SECRET_KEY, LocalS3
from billing_aggregator.local.usage import LocalUsage, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing_aggregator.config import ClientConfig

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
SAMPLES = ROOT / "sample"
SAMPLE_VAULT = ROOT / "sample" / "vault.sql.gz"
KEPT_RUNS = 5


@dataclass(frozen=True)
class Parts:
    """What ``run`` runs of a client.

    :param feeds: each feed, until its topic is drained.
    :param night: the nightly DAG.
    """

    feeds: bool = True
    night: bool = True


def run(config: ClientConfig, conf: Mapping[str, Any], parts: Parts | None = None, *, as_json: bool = False) -> int:
    """Run the DAGs of one client and environment; return the exit status: 0, 1 for a failed run.

    Where BDA_DB_HOST is unset an embedded server with the sample vault is used, where neither BDA_S3_BUCKET nor
    BDA_S3_URL is set a local S3 server.

    :param conf: params of the nightly run.
    :param parts: what is run; None: the feeds, then the night.
    :param as_json: one JSON object on stdout; what a person reads goes to stderr.
    """
    with ExitStack() as stack:
        # A terminated run cleans up as an interrupted one does.
        previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        stack.callback(signal.signal, signal.SIGTERM, previous)
        stack.enter_context(direct_loopback())
        if not as_json:
            return _run(config, conf, parts or Parts(), stack)[0]
        with redirect_stdout(sys.stderr):
            status, outcome = _run(config, conf, parts or Parts(), stack)
        print(json.dumps(outcome, indent=2, ensure_ascii=False))
        return status


def _run(config: ClientConfig, conf: Mapping[str, Any], parts: Parts, stack: ExitStack) -> tuple[int, dict[str, Any]]:
    started = time.monotonic()
    build = build_folder()
    folder = _run_folder(config, build)
    log = folder / "run.log"
    print(report.title(config))
    airflow = AirflowProcess(folder / "airflow", ROOT, build / "cache", log)
    stack.callback(airflow.stop)
    child = airflow.environment()
    # Airflow takes seconds to be imported: meanwhile the servers start, which are other processes.
    airflow.load(child)
    variables = {"BDA_CLIENT_ID": config.client, "BDA_ENVIRONMENT": config.environment}
    variables |= _warehouse(stack, folder)
    variables |= _s3(config, stack)
    feeds = enabled_feeds(config) if parts.feeds else []
    if feeds and conf.get("dry_run") and ("BDA_DB_HOST" not in variables or named_broker(config)):
        print(report.field("feeds", "left out: what they take and publish is no dry run"))
        feeds = []
    if feeds and "BDA_DB_HOST" in variables:
        warehouse.load_samples(config, SAMPLES, variables)
    variables |= kafka(config, SAMPLES, stack) if feeds else {}
    metered = usage(config, variables, stack) if feeds else LocalUsage()
    variables |= metered.variables
    print(report.field("log", str(log)))
    progress = RunProgress(sys.stdout)
    progress.note("starting Airflow")
    _look_up_as(child)
    # What reads the publication back takes seconds to be imported: one core is idle while the child runs its tasks.
    threading.Thread(target=_import_store, daemon=True).start()
    done = list(run_feeds(config, airflow, variables, progress)) if feeds else []
    progress.forget()
    if parts.night and done == feeds:
        _run_nights(config, conf, metered.nights, airflow, variables=variables, progress=progress)
    states = airflow.task_states()
    progress.end()
    seconds = time.monotonic() - started
    if airflow.exit_status != 0:
        print(report.failure(states, airflow, log, seconds))
        return 1, report.data(states, airflow, log, seconds, None)
    store = ObjectStore(config, dict(os.environ) | variables)
    if parts.night:
        print(report.success(states, store, folder / "files", log, seconds, dry_runs=airflow.dry_runs()))
    outcome = report.data(states, airflow, log, seconds, store)
    if config.feeds:
        os.environ.update(variables)
        outcome["feeds"] = feed_figures(config)
        print(feed_text(outcome["feeds"]))
    return 0, outcome


def _run_nights(
    config: ClientConfig,
    conf: Mapping[str, Any],
    metered: list[dict[str, Any]],
    airflow: AirflowProcess,
    *,
    variables: Mapping[str, str],
    progress: RunProgress,
) -> None:
    """Run the nights that the sample's usage needs, else one, until one fails; a business date is the only night."""
    nights = [{}] if "business_date" in conf else metered or [{}]
    for params in nights:
        if len(nights) > 1:
            progress.note(f"night of {params['business_date']}")
        for states in airflow.test_dag(config.dag_id, json.dumps(params | dict(conf)), variables):
            progress.show(states)
        if airflow.exit_status != 0:
            return


def _look_up_as(child: Mapping[str, str]) -> None:
    """Let this process look connections up where the run did, without a word of Airflow's own."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in child.items() if name.startswith("AIRFLOW")})
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"


def _import_store() -> None:
    # Whoever needs it imports it again, and says what is wrong.
    with suppress(Exception):
        import_module("billing_aggregator.s3.client")


def build_folder() -> Path:
    """Return ``build/``, or a folder of this user below ``TMPDIR`` where the project cannot be written to.

    :raises ConfigError: neither can be written to.
    """
    if is_writable(BUILD):
        return BUILD
    try:
        return Path(tempfile.gettempdir()) / f"billing-data-aggregator-{os.getuid()}"
    except OSError:
        raise ConfigError(f"{BUILD} cannot be written to; set TMPDIR to a folder for the run's files") from None


def _run_folder(config: ClientConfig, build: Path) -> Path:
    """Make this run's folder, point ``run/latest`` of *build* at it, and forget the oldest runs."""
    runs = build / "run"
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{config.client}-{config.environment}-{os.getpid()}"
    folder = runs / name
    folder.mkdir(parents=True)
    old = sorted(path for path in runs.iterdir() if path.is_dir() and not path.is_symlink())[:-KEPT_RUNS]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    link = runs / "latest"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    return folder


def _warehouse(stack: ExitStack, folder: Path) -> dict[str, str]:
    settings = read_environment(os.environ)
    if settings.db_host is not None:
        print(report.field("warehouse", f"{settings.db_host}:{settings.db_port}/{settings.db_name}"))
        return {}
    started = time.monotonic()
    server = stack.enter_context(EmbeddedPostgres())
    warehouse.create_octopus(server)
    warehouse.load_vault(server, SAMPLE_VAULT)
    stack.callback(records.keep, server, folder)
    seconds = time.monotonic() - started
    where = f"embedded PostgreSQL {server.version} on port {server.port} with the sample vault ({seconds:.1f} s)"
    print(report.field("warehouse", where))
    return {
        "BDA_DB_HOST": server.host,
        "BDA_DB_PORT": str(server.port),
        "BDA_DB_NAME": warehouse.DATABASE,
        "BDA_DB_USER": warehouse.ROLE,
    }


def _s3(config: ClientConfig, stack: ExitStack) -> dict[str, str]:
    settings = read_environment(os.environ)
    if settings.s3_bucket is not None or settings.s3_url is not None:
        print(report.field("S3", f"bucket {config.s3_bucket} at {config.s3_url or 'AWS'}"))
        return {}
    server = stack.enter_context(LocalS3())
    server.create_bucket(config.s3_bucket)
    print(report.field("S3", f"local server {server.url}, bucket {config.s3_bucket}; it ends with this command"))
    return {
        "BDA_S3_URL": server.url,
        "BDA_S3_BUCKET": config.s3_bucket,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    }

"""Runs docker-compose.yaml once with podman, on a machine that reaches no registry: ``python -m scripts.try_compose``.

Stand-ins take the place of the images (``scripts/compose_images.py``), in a podman of their own
(``scripts/compose_podman.py``), of which nothing stays. Every service, those of the profile `ledger`
too, is started in the order of `depends_on`, and its health check must pass. Then a night is triggered through the API
and has to publish, and random orders are sent to the feed, whose invoices the ledger's API has to show.

It shows that services, environment, mounts, commands, ports and their order fit together; not how the official
images behave. Needs Linux, root, podman with runc, curl, and the virtual environment of `make venv`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from graphlib import TopologicalSorter
from typing import Any

import yaml
from confluent_kafka import Consumer, TopicPartition
from scripts.compose_images import VENV, make_images, mounts
from scripts.compose_podman import ROOT, WORK, own_podman, run, tell

PROFILE = "ledger"
PATIENCE_SECONDS = 900
ENDED = "service_completed_successfully"
NETWORK = "10.89.77.{}"
NIGHT = "billing_data_aggregator_enercity_local"
FEED = "billing_feed_orders_webshop_local"
API = "http://127.0.0.1:8080"
LEDGER = "http://127.0.0.1:8000"
KAFKA = "localhost:9094"
EVENTS = "billing.events"
PARTITIONS = 4
ORDERS = 20


def wait_for(condition: Any, what: str, service: str) -> None:
    """Wait until *condition* returns something true; raises :class:`TimeoutError` with the service's log."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {PATIENCE_SECONDS} s still not: {what}; {log(service)}")
        time.sleep(1)


def services() -> dict[str, Any]:
    """Return the services as Compose merges them."""
    text = run(str(VENV / "bin/podman-compose"), "--profile", PROFILE, "-f", "docker-compose.yaml", "config", cwd=ROOT)
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def derived(found: dict[str, Any]) -> dict[str, Any]:
    """Return the services for podman-compose, which only has to create them; the rest is done by :func:`start`."""
    ours = ("depends_on", "build", "restart", "profiles")
    plain = {name: {key: value for key, value in service.items() if key not in ours} for name, service in found.items()}
    limits = {"nofile": min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 16_384), "nproc": 4_096}
    inside = sorted(name for name, service in plain.items() if "network_mode" not in service)
    addresses = {name: NETWORK.format(number) for number, name in enumerate(inside, 10)}
    for name, service in plain.items():
        # Relative to the project, not to this file.
        own = [re.sub(r"^\./", f"{ROOT}/", volume) for volume in service.get("volumes", [])]
        service["volumes"] = own + mounts()
        # podman's default limits are refused where its own are lower.
        service["ulimits"] = {name: {"soft": most, "hard": most} for name, most in limits.items()}
        if name in addresses:
            # podman's name server loses questions whenever a container starts or ends, before version 1.9.
            service["networks"] = {"default": {"ipv4_address": addresses[name]}}
            service["extra_hosts"] = [f"{other}:{where}" for other, where in addresses.items() if other != name]
    network = {"ipam": {"config": [{"subnet": NETWORK.format("0/24")}]}, "x-podman.disable_dns": True}
    return {
        "name": "bda-try",
        "services": plain,
        "volumes": {"database": {}, "logs": {}},
        "networks": {"default": network},
    }


def start(found: dict[str, Any]) -> None:
    """Create the services, and start each as soon as those that it depends on are as far as it wants them to be."""
    (WORK / "compose.yaml").write_text(yaml.safe_dump(derived(found)), encoding="utf-8")
    compose("up", "--no-start")
    needs = {name: service.get("depends_on") or {} for name, service in found.items()}
    ends = {other for wanted in needs.values() for other, how in wanted.items() if how.get("condition") == ENDED}
    order = TopologicalSorter({name: set(wanted) for name, wanted in needs.items()})
    order.prepare()
    waiting: dict[str, float] = {}
    while order.is_active():
        for name in order.get_ready():
            run("podman", "--log-level", "fatal", "start", container(name))
            waiting[name] = time.monotonic() + PATIENCE_SECONDS
        for name in [each for each in waiting if ready(each, found[each], ends=each in ends)]:
            order.done(name)
            del waiting[name]
            tell(f"{name} {'has ended well' if name in ends else 'is healthy'}")
        for name, end in waiting.items():
            if time.monotonic() > end:
                raise TimeoutError(f"after {PATIENCE_SECONDS} s {name} is not ready: {log(name)}")
        time.sleep(0.5)


def compose(*arguments: str) -> None:
    """Call podman-compose with the derived file; raises :class:`RuntimeError` with what it said."""
    run(str(VENV / "bin/podman-compose"), "-p", "bda-try", "-f", str(WORK / "compose.yaml"), *arguments, cwd=ROOT)


def container(service: str) -> str:
    """Return the name of a service's container."""
    return f"bda-try_{service}_1"


def state(service: str) -> dict[str, Any]:
    """Return the state of a service's container."""
    found: dict[str, Any] = json.loads(run("podman", "inspect", "--format", "{{json .State}}", container(service)))
    return found


def log(service: str, only: str = "") -> str:
    """Return the end of a service's log, or of the lines in it that have a text."""
    command = ["podman", "logs", container(service)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return "\n".join([line for line in done.stdout.splitlines() if only in line][-20:])


def ready(name: str, service: dict[str, Any], *, ends: bool) -> bool:
    """Tell whether a service is as far as others wait for; without systemd nobody else runs its health check."""
    now = state(name)
    if now["Status"] == "exited" and not (ends and now["ExitCode"] == 0):
        raise RuntimeError(f"{name} has ended with {now['ExitCode']}: {log(name)}")
    if ends:
        return bool(now["Status"] == "exited")
    command = ["podman", "healthcheck", "run", container(name)]
    return "healthcheck" not in service or subprocess.run(command, capture_output=True, check=False).returncode == 0


def call(path: str, token: str = "", body: Any = None, method: str = "GET", api: str = API) -> Any:
    """Call a REST API on its published port: Airflow's, if no other is named."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{api}{path}", data=data, headers=headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def unpaused(dag: str) -> str:
    """Unpause a DAG as a person would; return the token of the person."""
    token: str = call("/auth/token")["access_token"]
    wait_for(lambda: dag in str(call("/api/v2/dags", token)), f"{dag} is parsed", "dag-processor")
    call(f"/api/v2/dags/{dag}", token, {"is_paused": False}, "PATCH")
    return token


def publish() -> dict[str, Any]:
    """Trigger a night, wait for it, and return the manifest that the S3 service has."""
    token = unpaused(NIGHT)
    made = call(f"/api/v2/dags/{NIGHT}/dagRuns", token, {"logical_date": None}, "POST")["dag_run_id"]
    path = f"/api/v2/dags/{NIGHT}/dagRuns/{made}"
    wait_for(lambda: call(path, token)["state"] in ("success", "failed"), "the run has ended", "scheduler")
    ended = call(path, token)["state"]
    if ended != "success":
        tasks = {each["task_id"]: each["state"] for each in call(f"{path}/taskInstances", token)["task_instances"]}
        raise RuntimeError(f"the run is {ended}: {tasks}; {log('scheduler', '[error')}")
    key = "http://127.0.0.1:5555/billing-data-aggregator-local/enercity/local/_manifest.json"
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/s3/aws4_request"}
    with urllib.request.urlopen(urllib.request.Request(key, headers=headers), timeout=60) as answer:
        manifest: dict[str, Any] = json.load(answer)
    return manifest


def take_orders() -> tuple[dict[str, int], int]:
    """Send orders with the documented command; return the ledger's invoices by state, and how many events there are."""
    command = [
        "make",
        "--no-print-directory",
        "produce-orders",
        "CLIENT=webshop",
        "ENV=local",
        f"ORDERS={ORDERS}",
        f"VENV={VENV}",
    ]
    tell(run(*command, cwd=ROOT, env=os.environ | {"BDA_KAFKA_BOOTSTRAP_SERVERS": KAFKA}).strip())
    unpaused(FEED)
    wait_for(lambda: events() > 0, f"the feed has told {EVENTS}", "scheduler")
    return Counter(item["status"] for item in call("/v1/invoices", api=LEDGER)["items"]), events()


def events() -> int:
    """Return how many messages the events' topic has."""
    consumer = Consumer({"bootstrap.servers": KAFKA, "group.id": "try-compose"})
    try:
        places = [TopicPartition(EVENTS, number) for number in range(PARTITIONS)]
        return sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    finally:
        consumer.close()


def main() -> int:
    """Try it, and remove all of it. Return the exit status."""
    missing = [name for name in ("podman", "runc", "iptables", "curl") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        sys.stderr.write(f"error: needs root and {', '.join(missing) or 'nothing else'}; on Debian: apt-get install\n")
        return 2
    # Without it a service that is told to end would leave containers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_podman():
        found = services()
        make_images(found)
        start(found)
        manifest = publish()
        rows = {name: export["rows"] for name, export in manifest["exports"].items()}
        tell(f"published by {manifest['run_id']}: {rows}")
        invoices, told = take_orders()
        tell(f"invoices by the ledger's API: {dict(invoices)}, {told} messages of the feed's events")
    return 0


if __name__ == "__main__":
    sys.exit(main())

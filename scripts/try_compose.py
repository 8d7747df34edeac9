"""Runs docker-compose.yaml once with podman, on a machine that reaches no registry: ``python -m scripts.try_compose``.

Stand-ins take the place of the images (``scripts/compose_images.py``). Every service, those of the profile `ledger`
too, is started in the order of `depends_on`, and its health check must pass. Then a night is triggered through the API
and has to publish, and random orders are sent to the feed, whose invoices the ledger's API has to show.

It shows that services, environment, mounts, commands, ports and their order fit together; not how the official
images behave. Needs Linux, root, podman with runc, debootstrap, and the virtual environment of `make venv`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from graphlib import TopologicalSorter
from typing import Any

import yaml
from confluent_kafka import Consumer, TopicPartition
from scripts.compose_images import ROOT, VENV, WORK, make_images, run, tell

# For this script only. crun fails where cgroups are hybrid; names of services need aardvark-dns, which netavark brings.
SETTINGS = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
PROFILE = "ledger"
PATIENCE_SECONDS = 900
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


def start(found: dict[str, Any]) -> None:
    """Create and start each service when those that it depends on are as far as it wants them to be."""
    needs = {name: service.get("depends_on") or {} for name, service in found.items()}
    ours = ("depends_on", "build", "restart", "profiles")
    plain = {name: {key: value for key, value in service.items() if key not in ours} for name, service in found.items()}
    limits = {"nofile": min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 16_384), "nproc": 4_096}
    for service in plain.values():
        # Relative to the project, not to this file.
        service["volumes"] = [re.sub(r"^\./", f"{ROOT}/", volume) for volume in service.get("volumes", [])]
        # podman's default limits are refused where its own are lower.
        service["ulimits"] = {name: {"soft": most, "hard": most} for name, most in limits.items()}
    file = ROOT / "build/compose.yaml"
    text = yaml.safe_dump({"name": "bda-try", "services": plain, "volumes": {"database": {}, "logs": {}}})
    file.write_text(text, encoding="utf-8")
    compose("up", "--no-start")
    for name in TopologicalSorter({name: set(waits) for name, waits in needs.items()}).static_order():
        for other, wanted in needs[name].items():
            if wanted.get("condition") == "service_completed_successfully":
                wait_for(lambda other=other: state(other)["Status"] == "exited", f"{other} has ended", other)
                assert state(other)["ExitCode"] == 0, f"{other} failed: {log(other)}"  # noqa: S101
        run("podman", "--log-level", "fatal", "start", container(name))
        if "healthcheck" in plain[name]:
            wait_for(lambda name=name: healthy(name), f"{name} is healthy", name)
        tell(f"{name} is {'healthy' if 'healthcheck' in plain[name] else 'started'}")


def compose(*arguments: str) -> None:
    """Call podman-compose with the derived file; raises :class:`RuntimeError` with what it said."""
    command = [str(VENV / "bin/podman-compose"), "-p", "bda-try",
               "-f", "build/compose.yaml", *arguments]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"podman-compose {arguments[0]}: {done.stderr[-2000:]}")


def container(service: str) -> str:
    """Return the name of a service's container."""
    return f"bda-try_{service}_1"


def state(service: str) -> dict[str, Any]:
    """Return the state of a service's container."""
    found: dict[str, Any] = json.loads(run("podman", "inspect", "--format", "{{json .State}}", container(service)))
    return found


def log(service: str) -> str:
    """Return the end of a service's log."""
    command = ["podman", "logs", "--tail", "20", container(service)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def healthy(service: str) -> bool:
    """Run the service's health check once: without systemd nobody else does."""
    if state(service)["Status"] != "running":
        raise RuntimeError(f"{service} has ended: {log(service)}")
    command = ["podman", "healthcheck", "run", container(service)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


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
        raise RuntimeError(f"the run is {ended}: {log('scheduler')}")
    key = "http://127.0.0.1:5555/billing-data-aggregator-local/enercity/local/_manifest.json"
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/s3/aws4_request"}
    with urllib.request.urlopen(urllib.request.Request(key, headers=headers), timeout=60) as answer:
        manifest: dict[str, Any] = json.load(answer)
    return manifest


def take_orders() -> tuple[int, int]:
    """Send orders with the documented command; return how many invoices the ledger's API and events the topic has."""
    command = ["make", "produce-orders", "CLIENT=webshop", "ENV=local", f"ORDERS={ORDERS}", f"VENV={VENV}"]
    tell(run(*command, cwd=ROOT, env=os.environ | {"BDA_KAFKA_BOOTSTRAP_SERVERS": KAFKA}).strip())
    unpaused(FEED)
    wait_for(lambda: events() > 0, f"the feed has told {EVENTS}", "scheduler")
    return len(call("/v1/invoices", api=LEDGER)["items"]), events()


def events() -> int:
    """Return how many messages the events' topic has."""
    consumer = Consumer({"bootstrap.servers": KAFKA, "group.id": "try-compose"})
    try:
        places = [TopicPartition(EVENTS, number) for number in range(PARTITIONS)]
        return sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    finally:
        consumer.close()


def main() -> int:
    """Try it, and remove what was started; images stay. Return the exit status."""
    missing = [name for name in ("podman", "runc", "iptables", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        sys.stderr.write(f"error: needs root and {', '.join(missing) or 'nothing else'}; on Debian: apt-get install\n")
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "containers.conf").write_text(SETTINGS, encoding="utf-8")
    os.environ["CONTAINERS_CONF"] = str(WORK / "containers.conf")
    found = services()
    make_images(found)
    try:
        start(found)
        manifest = publish()
        rows = {name: export["rows"] for name, export in manifest["exports"].items()}
        tell(f"published by {manifest['run_id']}: {rows}")
        tell("{} invoices by the ledger's API, {} messages of the feed's events".format(*take_orders()))
    finally:
        compose("down", "--volumes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

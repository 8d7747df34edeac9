"""Runs docker-compose.yaml once with podman, on a machine that reaches no registry: ``python -m scripts.try_compose``.

Stand-ins take the place of the images: one Debian with PostgreSQL and this project's virtual environment, by
debootstrap. The image of the project is built from its own Dockerfile on top of them. Then every service is started
in the order of `depends_on`, its health check must pass, and a run is triggered through the API and has to publish.

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
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
STANDINS = ROOT / "scripts/standins"
WORK = ROOT / "build/compose"
VENV = Path(sys.prefix)
#: Image → its stand-in, scripts/standins/standin-<role>; any other image is the project's own.
ROLES = {"postgres": "postgres", "motoserver/moto": "moto", "axllent/mailpit": "mailpit"}
LEFT_OUT = frozenset({"apache/kafka"})  # no stand-in: `make run CLIENT=webshop` tries the feeds
SUITE = "bookworm"
PACKAGES = "postgresql,curl,ca-certificates,gzip,libsqlite3-0,libffi8,libssl3"
# For this script only. crun fails where cgroups are hybrid; names of services need aardvark-dns, which netavark brings.
SETTINGS = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
PATIENCE_SECONDS = 900
DAG = "billing_data_aggregator_enercity_local"
API = "http://127.0.0.1:8080"


def run(*command: str, **options: Any) -> str:
    """Run *command* and return what it wrote; raises :class:`subprocess.CalledProcessError`."""
    return str(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout)


def tell(text: str) -> None:
    """Write one line of progress."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


def wait_for(condition: Any, what: str) -> None:
    """Wait until *condition* returns something true; raises :class:`TimeoutError`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {PATIENCE_SECONDS} s still not: {what}")
        time.sleep(1)


def remove(folder: Path) -> None:
    """Remove a folder, but nothing that an aborted debootstrap has left mounted in it."""
    run("rm", "-rf", "--one-file-system", str(folder))


def services() -> dict[str, Any]:
    """Return the services as Compose merges them."""
    text = run(str(VENV / "bin/podman-compose"), "-f", "docker-compose.yaml", "config", cwd=ROOT)
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    left_out = {name for name, each in found.items() if each["image"].split(":")[0] in LEFT_OUT or "profiles" in each}
    tell(f"left out, of a profile or without a stand-in: {', '.join(sorted(left_out))}")
    for each in found.values():
        each["depends_on"] = {key: need for key, need in (each.get("depends_on") or {}).items() if key not in left_out}
    return {name: service for name, service in found.items() if name not in left_out}


def make_base(base_image: str) -> None:
    """Import the stand-in for all images, and tag it as *base_image*: a Debian, this Python, this environment."""
    if not run("podman", "images", "--quiet", "bda-standin").strip():
        rootfs = WORK / "rootfs"
        remove(rootfs)
        mirror = next(line for line in run("apt-get", "indextargets", "--format", "$(REPO_URI)").splitlines() if line)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(rootfs), mirror)
        for source in {Path(sys.base_prefix) / "bin", Path(sys.base_prefix) / "lib", VENV}:
            (rootfs / source.relative_to("/")).mkdir(parents=True, exist_ok=True)
            run("cp", "--archive", f"{source}/.", str(rootfs / source.relative_to("/")))
        run("cp", "--archive", f"{STANDINS}/.", str(rootfs))
        # This Python may be in the home of root: the stand-in's other users must reach it.
        (rootfs / "root").chmod(0o755)
        run("chroot", str(rootfs), "useradd", "--uid", "50000", "--gid", "0", "--home-dir", "/opt/airflow", "airflow")
        run("chroot", str(rootfs), "install", "-d", "-o", "airflow", "-g", "0", "/opt/airflow", "/opt/airflow/logs")
        run("sh", "-c", f"tar -C {rootfs} -c . | podman import --quiet - bda-standin")
        remove(rootfs)
    variables = {
        "PATH": f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin",
        "AIRFLOW_HOME": "/opt/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": "/opt/airflow/dags",
        "PYTHONPATH": "/opt/airflow",
    }
    lines = ["FROM bda-standin", *(f"ENV {name}={value}" for name, value in variables.items())]
    lines += ["USER airflow", "WORKDIR /opt/airflow", 'ENTRYPOINT ["/standin-airflow"]']
    build(base_image, lines)


def build(tag: str, lines: list[str]) -> None:
    """Build an image of a few lines."""
    folder = WORK / "context"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run("podman", "build", "--isolation", "chroot", "--quiet", "--tag", f"docker.io/{tag}", str(folder))


def make_images(found: dict[str, Any]) -> None:
    """Make every image that the services name: stand-ins, and the project's own by its Dockerfile."""
    base = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("FROM ", 1)[1].split()[0]
    make_base(base)
    tell(f"stand-in for {base}")
    names = {service["image"] for service in found.values()}
    for name in sorted(names):
        role = ROLES.get(name.split(":")[0])
        if role:
            build(name if "/" in name else f"library/{name}", [f"FROM docker.io/{base}", "USER root",
                                                               f'ENTRYPOINT ["/standin-{role}"]'])  # fmt: skip
            tell(f"stand-in for {name}")
        else:
            run("podman", "build", "--isolation", "chroot", "--quiet", "--tag", f"localhost/{name}", str(ROOT))
            tell(f"built {name} by its Dockerfile")


def start(found: dict[str, Any]) -> None:
    """Create and start each service when those that it depends on are as far as it wants them to be."""
    needs = {name: service.get("depends_on") or {} for name, service in found.items()}
    plain = {name: {key: value for key, value in service.items() if key not in ("depends_on", "build", "restart")}
             for name, service in found.items()}  # fmt: skip
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
                wait_for(lambda other=other: state(other)["Status"] == "exited", f"{other} has ended")
                assert state(other)["ExitCode"] == 0, f"{other} failed: {log(other)}"  # noqa: S101
        run("podman", "--log-level", "fatal", "start", container(name))
        if "healthcheck" in plain[name]:
            wait_for(lambda name=name: healthy(name), f"{name} is healthy: {log(name)}")
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


def call(path: str, token: str = "", body: Any = None, method: str = "GET") -> Any:
    """Call Airflow's REST API on the published port."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{API}{path}", data=data, headers=headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def publish() -> dict[str, Any]:
    """Trigger a run as a person would, wait for it, and return the manifest that the S3 service has."""
    token = call("/auth/token")["access_token"]
    wait_for(lambda: DAG in str(call("/api/v2/dags", token)), "the DAG is parsed")
    call(f"/api/v2/dags/{DAG}", token, {"is_paused": False}, "PATCH")
    made = call(f"/api/v2/dags/{DAG}/dagRuns", token, {"logical_date": None}, "POST")["dag_run_id"]
    path = f"/api/v2/dags/{DAG}/dagRuns/{made}"
    wait_for(lambda: call(path, token)["state"] in ("success", "failed"), "the run has ended")
    ended = call(path, token)["state"]
    if ended != "success":
        raise RuntimeError(f"the run is {ended}: {log('scheduler')}")
    key = "http://127.0.0.1:5555/billing-data-aggregator-local/enercity/local/_manifest.json"
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/s3/aws4_request"}
    with urllib.request.urlopen(urllib.request.Request(key, headers=headers), timeout=60) as answer:
        manifest: dict[str, Any] = json.load(answer)
    return manifest


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
    finally:
        compose("down", "--volumes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

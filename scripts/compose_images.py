"""The images of docker-compose.yaml for ``make try-compose``, on a machine that reaches no registry.

Stand-ins take the place of the official ones. They have users and a command for each role, and nothing is copied into
them: programs, Python and the virtual environment are this machine's own, mounted (:func:`mounts`). The project's
own images are built by their own Dockerfiles on top.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from scripts.compose_podman import ROOT, WORK, run, tell

from billing_aggregator.local.postgres import server_homes

STANDINS = ROOT / "scripts/standins"
VENV = Path(sys.prefix).resolve()
#: Image → its stand-in, scripts/standins/standin-<role>; any other image is the project's own.
ROLES = {"postgres": "postgres", "motoserver/moto": "moto", "axllent/mailpit": "mailpit", "apache/kafka": "kafka"}
BASE = "localhost/bda-standin"
#: Lines of the stand-in for an image that one of the project's own is built on, by the image's name.
BASES = {
    "apache/airflow": ["ENV AIRFLOW_HOME=/opt/airflow AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags",
                       "USER airflow", "WORKDIR /opt/airflow", 'ENTRYPOINT ["/standin-airflow"]'],
    "python": [],
}  # fmt: skip
#: What the stand-in for Kafka runs.
BROKER = "tests/broker"
#: This machine's programs and libraries, and what they look into.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl")


def mounts() -> list[str]:
    """Return what every stand-in has of this machine, as volumes that are only read."""
    inside = {VENV, Path(sys.base_prefix).resolve()}
    others = sorted(str(path) for path in inside if not path.is_relative_to("/usr"))
    return [f"{path}:{path}:ro" for path in (*SYSTEM, *others) if Path(path).exists()]


def make_images(services: dict[str, Any]) -> None:
    """Make every image that the services name."""
    make_base()
    for image, dockerfile in sorted({(each["image"], dockerfile_of(each)) for each in services.values()}):
        role = ROLES.get(image.split(":")[0])
        if role:
            build(full_name(image), [f"ENV PATH={programs(image)}:$PATH PYTHONPATH=/opt/standin",
                                     f'ENTRYPOINT ["/standin-{role}"]'])  # fmt: skip
            tell(f"stand-in for {image}")
        else:
            base = re.findall(r"^FROM (\S+)", (ROOT / dockerfile).read_text(encoding="utf-8"), re.MULTILINE)[-1]
            build(full_name(base), BASES[base.split(":")[0]])
            podman_build(f"localhost/{image}", ROOT / dockerfile, ROOT)
            tell(f"built {image} by {dockerfile}, on a stand-in for {base}")


def dockerfile_of(service: dict[str, Any]) -> str:
    """Return where the Dockerfile of a service's image is."""
    return str(service.get("build", {}).get("dockerfile", "Dockerfile"))


def full_name(image: str) -> str:
    """Return an official image's name with its registry."""
    return f"docker.io/{image if '/' in image else f'library/{image}'}"


def programs(image: str) -> str:
    """Return the folder of what a stand-in runs: PostgreSQL's of the image's version."""
    version = re.fullmatch(r"postgres:(\d+).*", image)
    return str(next(server_homes(int(version[1])))[1].resolve() / "bin") if version else "/standin"


def make_base() -> None:
    """Make what all stand-ins are built on: their commands, users and empty folders."""
    shutil.copytree(STANDINS, WORK / "context", dirs_exist_ok=True)
    shutil.copytree(ROOT / BROKER, WORK / "context/opt/standin" / BROKER, dirs_exist_ok=True)
    path = f"/standin:{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    folders = "install -d -m 1777 /tmp /var/tmp && install -d -o airflow -g 0 /opt/airflow /opt/airflow/logs"
    build(BASE, ["COPY . /", f"ENV PATH={path}", f"RUN {folders}"], base="scratch")


def build(tag: str, lines: list[str], base: str = BASE) -> None:
    """Build an image of a few lines."""
    file = WORK / "Dockerfile"
    file.write_text("\n".join([f"FROM {base}", *lines, ""]), encoding="utf-8")
    podman_build(tag, file, WORK / "context")


def podman_build(tag: str, file: Path, context: Path) -> None:
    """Build an image with this machine's programs."""
    volumes = [f"--volume={mount}" for mount in mounts()]
    run(
        "podman", "build", "--isolation", "chroot", "--quiet", *volumes, "--tag", tag, "--file", str(file), str(context)
    )

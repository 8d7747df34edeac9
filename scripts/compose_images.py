"""The images of docker-compose.yaml for ``make try-compose``, on a machine that reaches no registry.

Stand-ins take the place of the official ones: one Debian with PostgreSQL, this Python and this project's virtual
environment, by debootstrap, with a command for each role. The project's own are built by their own Dockerfiles on top.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STANDINS = ROOT / "scripts/standins"
WORK = ROOT / "build/compose"
VENV = Path(sys.prefix)
#: Image → its stand-in, scripts/standins/standin-<role>; any other image is the project's own.
ROLES = {"postgres": "postgres", "motoserver/moto": "moto", "axllent/mailpit": "mailpit", "apache/kafka": "kafka"}
BASE = "bda-standin"
SUITE = "bookworm"
PACKAGES = "postgresql,curl,ca-certificates,gzip,libsqlite3-0,libffi8,libssl3"
#: Lines of the stand-in for an image that one of the project's own is built on, by the image's name.
BASES = {
    "apache/airflow": ["ENV AIRFLOW_HOME=/opt/airflow AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags",
                       "ENV PYTHONPATH=/opt/airflow", "USER airflow", "WORKDIR /opt/airflow",
                       'ENTRYPOINT ["/standin-airflow"]'],
    "python": [],
}  # fmt: skip
#: What the stand-in for Kafka runs.
BROKER = "tests/broker"


def run(*command: str, **options: Any) -> str:
    """Run *command* and return what it wrote; raises :class:`subprocess.CalledProcessError`."""
    return str(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout)


def tell(text: str) -> None:
    """Write one line of progress."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stdout.flush()


def make_images(services: dict[str, Any]) -> None:
    """Make every image that the services name."""
    make_debian()
    for image, dockerfile in sorted({(each["image"], dockerfile_of(each)) for each in services.values()}):
        role = ROLES.get(image.split(":")[0])
        if role:
            build(full_name(image), ["ENV PYTHONPATH=/opt/standin", f"COPY broker /opt/standin/{BROKER}",
                                     f'ENTRYPOINT ["/standin-{role}"]'])  # fmt: skip
            tell(f"stand-in for {image}")
        else:
            base = re.findall(r"^FROM (\S+)", (ROOT / dockerfile).read_text(encoding="utf-8"), re.MULTILINE)[-1]
            build(full_name(base), BASES[base.split(":")[0]])
            run("podman", "build", "--isolation", "chroot", "--quiet", "--tag", f"localhost/{image}",
                "--file", str(ROOT / dockerfile), str(ROOT))  # fmt: skip
            tell(f"built {image} by {dockerfile}, on a stand-in for {base}")


def dockerfile_of(service: dict[str, Any]) -> str:
    """Return where the Dockerfile of a service's image is."""
    return str(service.get("build", {}).get("dockerfile", "Dockerfile"))


def full_name(image: str) -> str:
    """Return an official image's name with its registry."""
    return f"docker.io/{image if '/' in image else f'library/{image}'}"


def build(tag: str, lines: list[str]) -> None:
    """Build an image of a few lines on top of the Debian."""
    folder = WORK / "context"
    shutil.copytree(ROOT / BROKER, folder / "broker", dirs_exist_ok=True)
    text = "\n".join([f"FROM {BASE}", f"ENV PATH={VENV}/bin:/usr/local/bin:/usr/bin:/bin", *lines])
    (folder / "Dockerfile").write_text(f"{text}\n", encoding="utf-8")
    run("podman", "build", "--isolation", "chroot", "--quiet", "--tag", tag, str(folder))


def make_debian() -> None:
    """Import what all stand-ins are made of, once: a Debian, this Python, this environment, the roles' commands."""
    if run("podman", "images", "--quiet", BASE).strip():
        return
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
    run("sh", "-c", f"tar -C {rootfs} -c . | podman import --quiet - {BASE}")
    remove(rootfs)
    tell("a Debian for the stand-ins")


def remove(folder: Path) -> None:
    """Remove a folder, but nothing that an aborted debootstrap has left mounted in it."""
    run("rm", "-rf", "--one-file-system", str(folder))

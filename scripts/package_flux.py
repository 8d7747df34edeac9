"""Packs an environment's Flux manifests: ``python -m scripts.package_flux --environment prod --version 1.2.3``.

The archive has flux/versions/ with the version written into its ConfigMap, flux/release/ with the environment's Helm
values as another ConfigMap, and flux/terraform/. Same input, same bytes. Standard library only: a rollout installs
nothing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VALUES = """apiVersion: v1
kind: ConfigMap
metadata:
  name: billing-data-aggregator-values
  namespace: flux-system
  annotations:
    # Values may contain dollar signs; Flux must not replace them.
    kustomize.toolkit.fluxcd.io/substitute: disabled
data:
  values.yaml: |
"""
FOLDERS = ("versions", "release", "terraform")
READABLE = 0o644


def manifests(environment: str, version: str, root: Path = ROOT) -> dict[str, str]:
    """Return file name → text of the environment's manifests.

    :raises FileNotFoundError: there are no Helm values of that environment.
    """
    paths = [path for folder in FOLDERS for path in sorted((root / "flux" / folder).glob("*.yaml"))]
    files = {path.relative_to(root / "flux").as_posix(): path.read_text(encoding="utf-8") for path in paths}
    versions = files["versions/versions.yaml"]
    files["versions/versions.yaml"] = versions.replace("ENVIRONMENT", environment).replace("VERSION", version)
    values = (root / f"helm/env/{environment}.yaml").read_text(encoding="utf-8")
    files["release/values.yaml"] = VALUES + "".join(f"    {line}".rstrip() + "\n" for line in values.splitlines())
    return files


def archive(files: dict[str, bytes]) -> bytes:
    """Return a gzipped tar of *files* by their paths: sorted, without times, owned by nobody, readable by everybody."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), READABLE
            tar.addfile(entry, io.BytesIO(files[name]))
    return buffer.getvalue()


def main() -> int:
    """Write the archive; return the exit status."""
    parser = argparse.ArgumentParser(description="Packs the Flux manifests of an environment.")
    parser.add_argument("--environment", required=True, choices=("dev", "stage", "prod"))
    parser.add_argument("--version", required=True, help="a released version, without v")
    parser.add_argument("--output", type=Path, default=ROOT / "build/flux.tar.gz")
    given = parser.parse_args()
    files = manifests(given.environment, given.version)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(archive({name: text.encode() for name, text in files.items()}))
    sys.stdout.write(f"{given.output}: {', '.join(sorted(files))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

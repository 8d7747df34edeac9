"""Packs terraform/ for a Terraform controller: ``python -m scripts.package_terraform``, after ``make package-mwaa``.

::

    terraform/              the modules; `path: ./terraform` of the controller
    include/clients.yaml    who runs what: the modules read it
    mwaa/                   plugins.zip and requirements.txt, which MWAA gets (input `bundle`: ../mwaa)
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.package_flux import archive
from scripts.package_mwaa import build

ROOT = Path(__file__).resolve().parents[1]


def contents(root: Path, bundle: Path) -> dict[str, bytes]:
    """Return path → content of the package: modules without their examples and tests, clients, the built bundle."""
    modules = [*root.glob("terraform/*.tf"), *root.glob("terraform/modules/*/*.*")]
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in modules}
    files["include/clients.yaml"] = (root / "include/clients.yaml").read_bytes()
    for name in ("plugins.zip", "requirements.txt"):
        files[f"mwaa/{name}"] = (bundle / name).read_bytes()
    return files


if __name__ == "__main__":
    bundle = ROOT / "build/mwaa"
    build(ROOT, bundle)
    target = ROOT / "build/terraform.tar.gz"
    files = contents(ROOT, bundle)
    target.write_bytes(archive(files))
    sys.stdout.write(f"{target}: {len(files)} files, {target.stat().st_size} bytes\n")

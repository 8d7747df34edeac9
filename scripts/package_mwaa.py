#!/usr/bin/env python3
"""Builds what Amazon MWAA reads from its bucket, in ``build/mwaa/``. Standard library only; same input, same bytes.

::

    dags/               -> s3://<bucket>/dags/   the DAG file, and include/ (clients and SQL) inside: MWAA syncs this
                                                 prefix only
    plugins.zip         -> s3://<bucket>/plugins.zip   its root is the content of plugins/
    requirements.txt    -> s3://<bucket>/requirements.txt
    SHA256SUMS          what was built, for `sha256sum --check`

Usage: ``python scripts/package_mwaa.py [--output build/mwaa]``
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
MARKER = "SHA256SUMS"
IGNORE_FILE = ".airflowignore"
# Zip cannot say less; the real time would change the bytes with every checkout.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644
# MWAA leaves its own pins away when any line, even a comment, looks like one of pip's two constraint options.
CONSTRAINT_OPTION = re.compile(r"-c |--constraint ")


class PackageError(RuntimeError):
    """The package cannot be built; the message names the file and the way out."""


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files below *folder* that belong into a package, sorted by their path."""
    for path in sorted(folder.rglob("*"), key=lambda found: found.relative_to(folder).as_posix()):
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts:
            yield path


def build(root: Path, output: Path) -> list[Path]:
    """Build the package of the project in *root* and return its files, sorted.

    An older package in *output* is replaced; a folder that holds something else is refused.

    :raises PackageError: a part of the project is missing, or *output* is not a package's folder.
    """
    for needed in ("dags", "include/sql", "plugins", "requirements.txt"):
        if not (root / needed).exists():
            raise PackageError(f"{root / needed}: not found; run this in a complete checkout")
    _check_requirements(root / "requirements.txt")
    _make_empty(output)
    _copy(root / "dags", output / "dags")
    _copy(root / "include", output / "dags/include")
    _ignore_include(output / "dags" / IGNORE_FILE)
    write_zip(root / "plugins", output / "plugins.zip")
    shutil.copyfile(root / "requirements.txt", output / "requirements.txt")
    files = list(source_files(output))
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(output).as_posix()}" for path in files)
    (output / MARKER).write_text("".join(f"{line}\n" for line in sums))
    return [*files, output / MARKER]


def write_zip(folder: Path, target: Path) -> None:
    """Write the content of *folder* to a zip file: sorted, stored, without times, readable by everybody."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in source_files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_EPOCH)
            entry.create_system = 3  # Unix, wherever it is built: else the permissions would be ignored
            entry.external_attr = READABLE << 16
            archive.writestr(entry, path.read_bytes())


def _check_requirements(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if CONSTRAINT_OPTION.search(line):
            raise PackageError(f"{path}:{number}: {line!r} would switch off MWAA's own constraints; remove it")


def _make_empty(output: Path) -> None:
    if output.exists():
        if any(output.iterdir()) and not (output / MARKER).exists():
            raise PackageError(f"{output}: holds other files than a package; choose another --output")
        shutil.rmtree(output)
    output.mkdir(parents=True)


def _copy(source: Path, target: Path) -> None:
    for path in source_files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _ignore_include(path: Path) -> None:
    """Keep the DAG processor out of ``include/``, whose files are no DAGs."""
    lines = path.read_text().splitlines() if path.exists() else []
    if "include/" not in lines:
        path.write_text("".join(f"{line}\n" for line in [*lines, "include/"]))


def main() -> int:
    """Build the package and say what is in it; return the exit status."""
    parser = argparse.ArgumentParser(description="Builds the DAG folder, plugins.zip and requirements.txt for MWAA.")
    parser.add_argument("--output", type=Path, default=ROOT / "build/mwaa", help="folder (default: build/mwaa)")
    output = parser.parse_args().output
    try:
        files = build(ROOT, output)
    except PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    dags = [path for path in files if (output / "dags") in path.parents]
    print(f"{output / 'dags'}: {len(dags)} files, {sum(path.stat().st_size for path in dags)} bytes")
    for path in files:
        if path.parent == output:
            print(f"{path}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

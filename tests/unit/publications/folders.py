"""Publications in folders, written by hand: rows and types in, CSV files and a manifest out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from billing_aggregator.export.manifest import Manifest, ManifestColumn, ManifestExport, ManifestFile

if TYPE_CHECKING:
    from pathlib import Path

Row = Sequence[str | None]
TYPES = {"id": "bigint", "name": "text", "amount": "numeric(20,2)"}


def csv_text(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """Return RFC 4180 as COPY writes it: NULL is nothing, every text is in quotes."""
    lines = [",".join(columns)]
    lines += [",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass
class Folder:
    """A publication of one client below *root*; :meth:`write` makes it."""

    root: Path
    types: dict[str, str] = field(default_factory=lambda: dict(TYPES))
    run_id: str = "run"
    day: str = "2026-01-31"
    schema_version: int = 2
    exports: dict[str, list[list[Row]]] = field(default_factory=dict)

    def write(self, **exports: Sequence[Sequence[Row]]) -> Path:
        """Write the files of each export, given as rows of each file, then the manifest; return the folder."""
        published = {name: self._export(name, files) for name, files in exports.items()}
        manifest = Manifest(
            schema_version=self.schema_version,
            run_id=self.run_id,
            client="one",
            environment="prod",
            business_date=self.day,
            published_at="2026-02-01T02:00:00+00:00",
            exports=published,
        )
        (self.root / "one/prod").mkdir(parents=True, exist_ok=True)
        (self.root / "one/prod/_manifest.json").write_bytes(manifest.body())
        return self.root

    def _export(self, name: str, files: Sequence[Sequence[Row]]) -> ManifestExport:
        columns = list(self.types)
        written = []
        for number, rows in enumerate(files):
            body = csv_text(columns, rows)
            key = f"one/prod/{name}_{number:04d}.csv"
            (self.root / key).parent.mkdir(parents=True, exist_ok=True)
            (self.root / key).write_bytes(body)
            digest = hashlib.sha256(body).hexdigest()
            written.append(
                ManifestFile(key=key, version_id=None, rows=len(rows), bytes=len(body), sha256=digest, etag=digest)
            )
        summed = [c for c, kind in self.types.items() if kind.startswith(("bigint", "numeric"))]
        everything = [row for rows in files for row in rows]
        totals = {c: str(sum((Decimal(row[columns.index(c)] or 0) for row in everything), Decimal(0))) for c in summed}
        details = [
            ManifestColumn(name=c, type=kind, nullable=True, description=f"the {c}") for c, kind in self.types.items()
        ]
        return ManifestExport(
            columns=columns,
            column_details=details if self.schema_version > 1 else [],
            rows=len(everything),
            control_totals=totals,
            csv={"compression": "none", "delimiter": ",", "encoding": "UTF-8", "header": True, "null": ""},
            files=written,
        )

"""Publishes two nights of enercity for real: files and manifests in the bucket, as their runs would have left them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from billing_aggregator.config.load import load_client
from billing_aggregator.export.manifest import Manifest, ManifestColumn, ManifestExport, ManifestFile
from billing_aggregator.publications.keys import defined_key
from tests.unit.publications.folders import csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = defined_key(load_client("enercity", "local"), "customer/oibl")
TYPES = {**dict.fromkeys(KEY, "text"), "amount_gross": "numeric(20,2)"}
Rows = list[tuple[str | None, ...]]
REST = (None,) * (len(KEY) - 1)
BEFORE: Rows = [("a", *REST, "2.00"), ("b", *REST, "3.00"), ("c", *REST, "4.00")]
NOW: Rows = [("a", *REST, "2.00"), ("b", *REST, "3.10"), ("<script>alert(1)</script>", *REST, None)]


def publish(s3: Any, bucket: str, run: dict[str, Any], rows: Sequence[tuple[str | None, ...]]) -> None:
    """Put a file and the manifest that names its version; its manifest becomes the newest one."""
    body = csv_text(list(TYPES), rows)
    key = f"{run['client']}/local/customer/oibl_0000.csv"
    put = s3.put_object(Bucket=bucket, Key=key, Body=body)
    file = ManifestFile(
        key=key,
        version_id=put["VersionId"],
        rows=len(rows),
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        etag=put["ETag"],
    )
    export = ManifestExport(
        columns=list(TYPES),
        column_details=[ManifestColumn(name=c, type=t, nullable=True, description="") for c, t in TYPES.items()],
        rows=len(rows),
        control_totals={},
        csv={"compression": "none", "delimiter": ",", "encoding": "UTF-8", "header": True, "null": ""},
        files=[file],
    )
    manifest = Manifest(
        schema_version=2,
        run_id=run["run_id"],
        client=run["client"],
        environment="local",
        business_date=run["business_date"],
        published_at=run["published_at"],
        exports={"customer/oibl": export},
    )
    s3.put_object(Bucket=bucket, Key=f"{run['client']}/local/_manifest.json", Body=manifest.body())

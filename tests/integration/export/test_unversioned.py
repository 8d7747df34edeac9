"""A bucket without versions: published all the same, run after run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.s3_store import S3Store
from tests.exporting import Lab
from tests.integration.export.book import BOOK, LIST, fill

if TYPE_CHECKING:
    from billing_aggregator.local.s3 import LocalS3


def test_a_bucket_without_versions(lab: Lab, s3_server: LocalS3) -> None:
    name = f"without-versions-{lab.driver}"
    s3_server.create_bucket(name, versioned=False)
    store = S3Store(s3_server.client(), name)
    plain = Lab(lab.dsn, lab.driver, store, f"s3://{name}", lab.options)
    for rows in (250, 120):
        fill(plain, rows)
        plain.whole_run([BOOK, LIST])
        manifest = plain.manifest()
        assert manifest.exports[BOOK.name].rows == rows
        assert all(file.version_id is None for export in manifest.exports.values() for file in export.files)
        check_publication(store, manifest)

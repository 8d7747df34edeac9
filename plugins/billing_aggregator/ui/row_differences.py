"""Which rows of two publications differ: the comparison of the command line, bounded for the API server; blocks."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from billing_aggregator.publications.compare import Wanted, compare
from billing_aggregator.publications.compare.sides import Side
from billing_aggregator.publications.compare.wanted import LEAST_MEMORY_MIB
from billing_aggregator.publications.errors import NotThereError, WrongQuestionError
from billing_aggregator.publications.history import open_bucket, publications
from billing_aggregator.publications.keys import defined_key

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.export.store.s3_store import S3Store
    from billing_aggregator.publications.compare import ExportComparison
    from billing_aggregator.runs.run_history import RunRecord

SAMPLE_ROWS = 10
MIB = 1 << 20
#: Of both sides together: they are copied to the API server's temporary folder, and its processor reads them.
MOST_BYTES = 256 * MIB
#: Versions of the manifest that are looked at for a run, the newest first: as many nights as the page shows, and more.
MOST_VERSIONS = 150


def row_differences(config: ClientConfig, other: RunRecord, run: RunRecord, export: str) -> ExportComparison:
    """Return what differs in an export from *other* (A) to *run* (B), with a sample of rows: customers' data.

    :raises PublicationError: a publication is gone or broken, the bucket cannot be read, or both are too large.
    """
    store = open_bucket(config)
    a, b = (_side(config, store, each) for each in (other, run))
    size = sum(side.bytes_of(export) for side in (a, b) if export in side.exports)
    if size > MOST_BYTES:
        raise WrongQuestionError(
            f"both have {size // MIB:,} MiB of {export}, and this page compares the rows of {MOST_BYTES // MIB} MiB at "
            "most: use the command line"
        )
    wanted = Wanted(export=export, sample_rows=SAMPLE_ROWS, memory_mib=LEAST_MEMORY_MIB)
    return compare(a, b, wanted, defined_key=partial(defined_key, config)).exports[0]


def _side(config: ClientConfig, store: S3Store, run: RunRecord) -> Side:
    """Return what *run* has published, by the version of the manifest that names it.

    A run's id is whatever somebody has called it: it is compared, and never read as a path or an address.
    """
    for found in islice(publications(config, store), MOST_VERSIONS):
        if found.manifest.run_id == run.run_id:
            return Side(found.title, found.store, found.config, found)
    raise NotThereError(
        f"the bucket has no manifest of run {run.run_id} any more: its versions are gone, or it keeps none"
    )

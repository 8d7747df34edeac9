"""The reader's policy: a publication can be read and its history listed, with words for each action that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config.key_template import manifest_key
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication, current_manifest
from billing_aggregator.export.store.s3_store import S3Store
from billing_aggregator.publications.history import manifest_versions
from billing_aggregator.s3.permissions import DeniedError
from tests.privileges.conftest import READER
from tests.privileges.page import PREFIX, policy, rows, words
from tests.privileges.policies import actions, without

if TYPE_CHECKING:
    from tests.exporting import Lab
    from tests.privileges.guarded_s3 import GuardedS3

TABLE = rows("### A reader's policy")
MANIFEST = manifest_key("enercity", "prod")


@pytest.fixture
def store(guarded_lab: Lab, guarded_s3: GuardedS3, guarded_bucket: str) -> S3Store:
    """A published bucket as a reader sees it."""
    for name in ("first", "second"):
        guarded_lab.whole_run([Export("book", table=("public", "book"))], guarded_lab.run(name))
    return S3Store(guarded_s3.client_of(READER), guarded_bucket)


def read_all(store: S3Store) -> int:
    """Read everything a reader reads; return how many manifests are known."""
    manifest = current_manifest(store, "enercity", "prod")
    assert manifest is not None
    check_publication(store, manifest)
    assert list(store.keys(PREFIX))
    return len(manifest_versions(store, MANIFEST))


def test_everything_can_be_read_and_nothing_written(store: S3Store, guarded_s3: GuardedS3) -> None:
    guarded_s3.asked.clear()
    assert read_all(store) == 2
    assert guarded_s3.asked == set(actions(policy("policy of a reader", "bucket"))) == set(TABLE)
    with pytest.raises(DeniedError, match="grant s3:PutObject"):
        store.put_if(f"{PREFIX}new", b"", None)
    with pytest.raises(Exception, match="grant s3:DeleteObject"):
        store.remove([MANIFEST])


@pytest.mark.parametrize("action", sorted(TABLE))
def test_a_missing_action_is_named(store: S3Store, guarded_s3: GuardedS3, action: str) -> None:
    guarded_s3.policies[READER] = without(guarded_s3.policies[READER], action)
    if action == "s3:ListBucketVersions":
        assert read_all(store) == 1
        return
    with pytest.raises(DeniedError, match=rf"{words(TABLE[action])[0]}(?!V)"):
        read_all(store)

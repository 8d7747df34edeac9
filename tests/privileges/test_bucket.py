"""The worker's policy in S3: everything passes with it; without one action, the first task says which to grant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from billing_aggregator.config import ClientConfig
from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.plan.planner import Export
from billing_aggregator.export.reader import check_publication
from billing_aggregator.export.store.abandoned_uploads import abort_run, sweep_uploads
from billing_aggregator.runs.preflight import UnusableError, check_bucket
from tests.faults.conftest import refill
from tests.privileges.conftest import WORKER
from tests.privileges.page import PREFIX, policy, rows, words
from tests.privileges.policies import actions, without

if TYPE_CHECKING:
    from tests.exporting import Lab
    from tests.privileges.guarded_s3 import GuardedS3

BOOK = Export("book", table=("public", "book"))
ACTIONS = sorted(set(actions(policy("policy of the worker", "bucket"))))
TABLE = rows("### The worker's policy")
#: Granted besides where an option asks for it.
OPTIONAL: dict[str, dict[str, Any]] = {
    "s3:PutObjectAcl": {"acl": "bucket-owner-full-control"},
    "s3:PutObjectTagging": {"tags": {"team": "billing"}},
}
KEY = "arn:aws:kms:eu-central-1:000000000000:key/1"
KMS = ("kms:GenerateDataKey", "kms:Decrypt")


@pytest.fixture
def config(guarded_s3: GuardedS3, guarded_bucket: str, monkeypatch: pytest.MonkeyPatch) -> ClientConfig:
    """The client whose policy the page has, with the worker's key."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    values = {"URL": guarded_s3.url, "ACCESS_KEY": WORKER, "SECRET_ACCESS_KEY": "x", "REGION": "eu-central-1"}
    for name, value in values.items():
        monkeypatch.setenv(f"BDA_S3_{name}", value)
    return ClientConfig(client="enercity", environment="prod", s3_bucket=guarded_bucket, s3_url=guarded_s3.url)


def revoke(server: GuardedS3, action: str) -> None:
    server.policies[WORKER] = without(server.policies[WORKER], action)


def grant(server: GuardedS3, bucket: str, *granted: str, resource: str = "") -> None:
    place = resource or f"arn:aws:s3:::{bucket}/{PREFIX}*"
    statement = {"Effect": "Allow", "Action": list(granted), "Resource": place}
    server.policies[WORKER]["Statement"].append(statement)


def with_export(config: ClientConfig, **options: Any) -> ClientConfig:
    return ClientConfig.model_validate(config.model_dump() | {"export": config.export.model_dump() | options})


def everything(lab: Lab, config: ClientConfig) -> None:
    """The first task's test, two runs, of which the second is shorter, a run that is aborted, and the sweep."""
    check_bucket(config)
    lab.whole_run([BOOK], lab.run("first"))
    refill(lab, 150, factor=2)
    lab.whole_run([BOOK], lab.run("second"))
    abort_run(lab.store, [lab.plan(lab.run("aborted"), BOOK)])
    lab.plan(lab.run("abandoned"), BOOK)
    assert sweep_uploads(lab.store, PREFIX, older_than=-1)
    manifest = lab.manifest()
    assert manifest.run_id == "second"
    check_publication(lab.store, manifest)
    files = [key for key in lab.store.keys(PREFIX) if not key.removeprefix(PREFIX).startswith("_")]
    assert files == [f"{PREFIX}book_{number:04d}.csv" for number in range(2)]


def test_everything_passes_and_needs_each_action(guarded_lab: Lab, guarded_s3: GuardedS3, config: ClientConfig) -> None:
    everything(guarded_lab, config)
    assert guarded_s3.asked - {"s3:DeleteObjectVersion"} == set(ACTIONS)


def test_nothing_is_done_outside_of_the_prefix(guarded_lab: Lab, guarded_s3: GuardedS3, config: ClientConfig) -> None:
    """With everything allowed, too: what is written lies below the client's prefix."""
    guarded_s3.policies = {}
    everything(guarded_lab, config)
    versions = guarded_s3.client().list_object_versions(Bucket=config.s3_bucket)["Versions"]
    assert {version["Key"].startswith(PREFIX) for version in versions} == {True}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_first_task_names_a_missing_action(guarded_s3: GuardedS3, config: ClientConfig, action: str) -> None:
    revoke(guarded_s3, action)
    with pytest.raises(UnusableError) as refused:
        check_bucket(config)
    (said,) = words(TABLE[action].removeprefix("the run's first task fails: "))
    assert said == f"grant {action}"
    assert re.search(rf"{said}\b(?!Version)", str(refused.value)), refused.value
    assert config.s3_bucket in str(refused.value)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_is_taken_away_in_the_middle_stops_in_words(
    guarded_lab: Lab, guarded_s3: GuardedS3, action: str
) -> None:
    """What was published stays; with the grant back, the run goes on."""
    lab, whole = guarded_lab, guarded_s3.policies[WORKER]
    lab.whole_run([BOOK], lab.run("first"))
    refill(lab, 150, factor=2)
    revoke(guarded_s3, action)
    with pytest.raises(Exception, match=rf"grant {action}\b") as stopped:
        everything_but_the_test(lab)
    assert classify(stopped.value) == "terminal"
    guarded_s3.policies[WORKER] = whole
    check_publication(lab.store, lab.manifest())
    everything_but_the_test(lab)
    assert lab.manifest().run_id == "second"


def everything_but_the_test(lab: Lab) -> None:
    plan = lab.plan(lab.run("second"), BOOK)
    lab.publish([plan], lab.chunks(plan))
    abort_run(lab.store, [lab.plan(lab.run("third"), BOOK)])
    list(lab.store.open_uploads(PREFIX))


@pytest.mark.parametrize("action", sorted(OPTIONAL))
def test_an_option_that_needs_an_action(
    guarded_lab: Lab, guarded_s3: GuardedS3, config: ClientConfig, action: str
) -> None:
    config = with_export(config, **OPTIONAL[action])
    guarded_lab.options = guarded_lab.options.model_validate(guarded_lab.options.model_dump() | OPTIONAL[action])
    guarded_lab.store.use(guarded_lab.options)
    with pytest.raises(UnusableError) as refused:
        check_bucket(config)
    (said,) = words(TABLE[action].removeprefix("the run's first task fails: "))
    assert said == f"grant s3:PutObject, {action}"
    assert said in str(refused.value)
    grant(guarded_s3, config.s3_bucket, action)
    check_bucket(config)
    guarded_lab.whole_run([BOOK])
    assert action in guarded_s3.asked


@pytest.mark.parametrize("missing", KMS)
def test_a_bucket_with_a_key_needs_both_actions_on_it(
    guarded_lab: Lab, guarded_s3: GuardedS3, config: ClientConfig, missing: str
) -> None:
    guarded_s3.keys[config.s3_bucket] = KEY
    (other,) = set(KMS) - {missing}
    grant(guarded_s3, config.s3_bucket, other, resource=KEY)
    with pytest.raises(UnusableError) as refused:
        check_bucket(config)
    assert all(action in str(refused.value) for action in KMS)
    grant(guarded_s3, config.s3_bucket, missing, resource=KEY)
    check_bucket(config)
    guarded_lab.whole_run([BOOK])
    assert set(KMS) <= guarded_s3.asked


def test_the_table_has_every_action() -> None:
    assert set(TABLE) == {*ACTIONS, *OPTIONAL, *KMS, "s3:DeleteObjectVersion"}


def test_the_versions_of_the_first_task_may_stay(guarded_s3: GuardedS3, config: ClientConfig) -> None:
    """The one optional action: without it nothing fails, with it nothing is left."""
    check_bucket(config)
    left = guarded_s3.client().list_object_versions(Bucket=config.s3_bucket)
    assert "Versions" in left
    grant(guarded_s3, config.s3_bucket, "s3:DeleteObjectVersion")
    before = len(left["Versions"])
    check_bucket(config)
    assert len(guarded_s3.client().list_object_versions(Bucket=config.s3_bucket)["Versions"]) == before


def test_the_stand_in_keeps_what_aws_keeps(guarded_s3: GuardedS3, guarded_bucket: str) -> None:
    """Another prefix, another bucket, and a missing object without the right to list."""
    worker = guarded_s3.client_of(WORKER)
    worker.put_object(Bucket=guarded_bucket, Key=f"{PREFIX}x", Body=b"")
    for key in ("enercity/stage/x", "enercity/prodx", "other/prod/x"):
        with pytest.raises(ClientError, match="AccessDenied"):
            worker.put_object(Bucket=guarded_bucket, Key=key, Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.list_objects_v2(Bucket=guarded_bucket, Prefix="")
    with pytest.raises(ClientError, match="NoSuchKey"):
        worker.get_object(Bucket=guarded_bucket, Key=f"{PREFIX}missing")
    revoke(guarded_s3, "s3:ListBucket")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.get_object(Bucket=guarded_bucket, Key=f"{PREFIX}missing")

"""Keys: rendering, names, and which keys belong to an export."""

from __future__ import annotations

from typing import Any

import pytest

from billing_aggregator.config.key_template import KeyTemplateError, keeps_history
from billing_aggregator.export.keys import (
    ExportRun,
    check_export_name,
    check_target,
    file_name,
    is_file_of,
    looks_like_a_file,
    render_key,
)


def a_run(**changes: Any) -> ExportRun:
    values = {
        "target": "s3://bucket",
        "client": "enercity",
        "environment": "prod",
        "business_date": "2026-01-31",
        "run_id": "scheduled__2026-02-01T02:00:00+00:00",
    }
    return ExportRun(**values | changes)


def test_default_key() -> None:
    key = render_key("{client}/{environment}/{file}", a_run(), file_name("customer/oibl", 0, ".csv"))
    assert key == "enercity/prod/customer/oibl_0000.csv"


def test_all_fields_and_a_run_id_that_needs_quoting() -> None:
    key = render_key("x/{client}/{environment}/dt={business_date}/{run}/{file}", a_run(), "a_0000.csv")
    assert key == "x/enercity/prod/dt=2026-01-31/scheduled__2026-02-01T02=3A00=3A00=2B00=3A00/a_0000.csv"


def test_two_run_ids_never_share_a_key() -> None:
    keys = {
        render_key("{client}/{environment}/{run}/{file}", a_run(run_id=r), "a") for r in ("a b", "a+b", "a/b", "a%20b")
    }
    assert len(keys) == 4


def test_a_number_of_five_digits_is_still_a_file() -> None:
    assert file_name("a", 12345, ".csv.gz") == "a_12345.csv.gz"
    assert is_file_of("e/p/a_12345.csv.gz", "e/p/a")


@pytest.mark.parametrize(
    "key",
    [
        "e/p/a_b_0000.csv",
        "e/p/ab_0000.csv",
        "e/p/a_000.csv",
        "e/p/a_0000.csv.bak",
        "e/p/a_0000.txt",
        "e/p/x/a_0000.csv",
    ],
)
def test_keys_of_other_exports_are_not_ours(key: str) -> None:
    assert not is_file_of(key, "e/p/a")


@pytest.mark.parametrize("key", ["e/p/_manifest.json", "e/p/a_0000.csv/x", "secret", "a_0000.csv.d/b.csv"])
def test_keys_that_do_not_look_like_files(key: str) -> None:
    assert not looks_like_a_file(key)


def test_history() -> None:
    assert keeps_history("{client}/{environment}/{business_date}/{file}")
    assert keeps_history("{client}/{environment}/{run}/{file}")
    assert not keeps_history("{client}/{environment}/{file}")


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a b", "ä", "_a", "x_0000.csv", "a_0001.csv.gz/b"])
def test_export_names_that_are_refused(name: str) -> None:
    with pytest.raises(KeyTemplateError, match="export name"):
        check_export_name(name)


@pytest.mark.parametrize("name", ["tripica_results", "customer/oibl", "a.b-c/D1"])
def test_export_names_that_are_good(name: str) -> None:
    check_export_name(name)


@pytest.mark.parametrize(
    "target", ["bucket", "s3://", "s3://b/prefix", "file://host/x", "file:///", "http://x", "s3://b?x"]
)
def test_targets_that_are_refused(target: str) -> None:
    with pytest.raises(KeyTemplateError, match="target"):
        check_target(target)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"client": "a/b"}, "client"),
        ({"environment": ""}, "environment"),
        ({"business_date": "31.01.2026"}, "business_date"),
        ({"run_id": " "}, "run_id"),
    ],
)
def test_runs_that_are_refused(change: dict[str, str], says: str) -> None:
    with pytest.raises(KeyTemplateError, match=says):
        a_run(**change)


def test_a_key_has_at_most_1024_bytes() -> None:
    with pytest.raises(KeyTemplateError, match="1024"):
        render_key("{client}/{environment}/{run}/{file}", a_run(run_id="r" * 1100), "a_0000.csv")

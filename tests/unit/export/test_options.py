"""Wrong values and contradictions are refused when the DAG is built, with a message that names the way out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from billing_aggregator.config.export_options import ExportOptions


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"compression": "bzip2"}, "gzip", id="unknown compression"),
        pytest.param({"compression_level": 3}, "compression_level is given", id="level without compression"),
        pytest.param({"compression": "gzip", "compression_level": 9}, "0-3", id="gzip level"),
        pytest.param({"compression": "zstd", "compression_level": 0}, "1-19", id="zstd level"),
        pytest.param({"kms_key_id": "k"}, "encryption='sse-kms'", id="key without KMS"),
        pytest.param({"kms_key_id": "k", "encryption": "sse-s3"}, "encryption='sse-kms'", id="key with SSE-S3"),
        pytest.param({"kms_key_id": " ", "encryption": "sse-kms"}, "empty", id="empty key"),
        pytest.param({"bucket_key": True}, "bucket_key is given", id="bucket key without KMS"),
        pytest.param({"acl": "everybody"}, "bucket-owner-full-control", id="unknown ACL"),
        pytest.param({"expected_bucket_owner": 123456789012}, "12 digits in quotes", id="owner as a number"),
        pytest.param({"expected_bucket_owner": "1234"}, "12 digits in quotes", id="owner too short"),
        pytest.param({"encryption": "aes"}, "sse-kms", id="unknown encryption"),
        pytest.param({"dialect": {"delimiter": '"'}}, "delimiter", id="delimiter is the quote"),
        pytest.param({"dialect": {"delimiter": "\n"}}, "delimiter", id="delimiter is a line end"),
        pytest.param({"dialect": {"delimiter": ";;"}}, "at most 1", id="long delimiter"),
        pytest.param({"dialect": {"delimiter": "§"}}, "ASCII", id="delimiter of two bytes"),
        pytest.param({"dialect": {"delimiter": "0"}}, "digit", id="delimiter is a digit"),
        pytest.param({"dialect": {"null": "a,b"}}, "null", id="null holds the delimiter"),
        pytest.param({"dialect": {"null": 'x"'}}, "null", id="null holds a quote"),
        pytest.param({"dialect": {"null": "x\n"}}, "null", id="null holds a line end"),
        pytest.param({"dialect": {"header": False}}, "choose empty='skip' or 'fail'", id="header-only without header"),
        pytest.param({"max_rows_per_file": 0}, "greater than or equal to 1", id="no rows"),
        pytest.param({"part_bytes": 1 << 20}, "5242880", id="parts too small for S3"),
        pytest.param({"upload_threads": 0}, "upload_threads", id="no threads"),
        pytest.param({"tags": {"aws:x": "y"}}, "aws:", id="reserved tag"),
        pytest.param({"tags": {str(n): "" for n in range(11)}}, "at most 10", id="too many tags"),
        pytest.param({"tags": {"a": "b & c"}}, "letters, digits", id="characters of tags"),
        pytest.param({"storage_class": "COLD"}, "STANDARD_IA", id="unknown storage class"),
        pytest.param({"quote": "'"}, "quote", id="unknown option"),
        pytest.param({"key_template": "{client}/{environment}/{fil}"}, "{fil}", id="unknown field"),
        pytest.param({"key_template": "{client}/{environment}/x.csv"}, "end with {file}", id="all files one key"),
        pytest.param({"key_template": "{client}/{file}"}, "{environment}", id="environments collide"),
        pytest.param({"key_template": "{client}{environment}/{file}"}, "put '/'", id="fields run into each other"),
        pytest.param({"key_template": "{client}/{environment}-{file}"}, "put '/'", id="file is no part of its own"),
        pytest.param({"key_template": "/{client}/{environment}/{file}"}, "starts with '/'", id="absolute"),
        pytest.param({"key_template": "../{client}/{environment}/{file}"}, "'..'", id="leaves the folder"),
        pytest.param({"key_template": "{client}/{environment}//{file}"}, "empty", id="empty part"),
        pytest.param({"key_template": "{client}/{environment}/{file"}, "expected", id="open brace"),
        pytest.param({"key_template": "{client}/{environment}/{file!r}"}, "not one of", id="conversion"),
        pytest.param({"key_template": "{client}/{environment}/a b/{file}"}, "unsafe", id="unsafe character"),
    ],
)
def test_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ExportOptions.model_validate(options)
    assert says in str(refused.value)


def test_defaults_are_the_house_rules() -> None:
    options = ExportOptions()
    assert options.key_template == "{client}/{environment}/{file}"
    assert (options.compression, options.ending, options.max_rows_per_file) == ("none", ".csv", 1_000_000)
    assert (options.dialect.delimiter, options.dialect.header, options.dialect.null) == (",", True, "")


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        ExportOptions().compression = "gzip"

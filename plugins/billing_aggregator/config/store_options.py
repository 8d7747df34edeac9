"""Attributes of objects and requests: encryption, ACL, tags, requester pays, checksums."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_TAGS = 10
ACCOUNT = re.compile("[0-9]{12}")
TAG_TEXT = re.compile(r"[\w +=.:/@-]*")


class StoreOptions(BaseModel):
    """Attributes that are sent with requests to a bucket; frozen, unknown names and contradictions are refused.

    Encryption, ACL and tags are set on every object, the storage class on files only: small objects that are rewritten
    often cost more in every class but the default one.

    :param encryption: ``bucket`` (the bucket's default), ``sse-s3`` or ``sse-kms``.
    :param kms_key_id: key of ``sse-kms``; None: the account's key for S3.
    :param bucket_key: ``sse-kms``: True lets S3 ask KMS once for many objects; None: the bucket's default.
    :param acl: canned ACL of each object; None: no ACL is sent.
    :param storage_class: S3 storage class of the files.
    :param tags: S3 object tags.
    :param requester_pays: the bucket bills the requester, which every request has to accept.
    :param expected_bucket_owner: account id of the bucket's owner; S3 refuses requests to a bucket of another owner.
    :param checksums: the store accepts and checks ``x-amz-checksum-*``. False for stores that refuse these headers:
        parts and small objects then have a Content-MD5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encryption: Literal["bucket", "sse-s3", "sse-kms"] = "bucket"
    kms_key_id: str | None = None
    bucket_key: bool | None = None
    acl: (
        Literal[
            "private",
            "bucket-owner-full-control",
            "bucket-owner-read",
            "aws-exec-read",
            "authenticated-read",
            "public-read",
            "public-read-write",
        ]
        | None
    ) = None
    storage_class: (
        Literal[
            "STANDARD",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
        ]
        | None
    ) = None
    tags: dict[str, str] = Field(default_factory=dict)
    requester_pays: bool = False
    expected_bucket_owner: str | None = None
    checksums: bool = True

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: dict[str, str]) -> dict[str, str]:
        if len(value) > MOST_TAGS:
            raise ValueError(f"tags: S3 takes at most {MOST_TAGS}, got {len(value)}")
        for key, text in value.items():
            if not 1 <= len(key) <= 128 or len(text) > 256 or key.startswith("aws:"):  # noqa: PLR2004 - S3's limits
                raise ValueError(f"tags: {key!r}={text!r}: S3 takes 1-128 and 0-256 characters, no key aws:...")
            if not TAG_TEXT.fullmatch(key + text):
                raise ValueError(f"tags: {key!r}={text!r}: S3 takes letters, digits, spaces and + - = . _ : / @")
        return value

    @field_validator("expected_bucket_owner", mode="before")
    @classmethod
    def _is_an_account(cls, value: Any) -> Any:
        if value is not None and not (isinstance(value, str) and ACCOUNT.fullmatch(value)):
            raise ValueError(
                f"expected_bucket_owner = {value!r}: give the account's 12 digits in quotes, as text; as a number it "
                "would lose its leading zeros"
            )
        return value

    @model_validator(mode="after")
    def _kms_only(self) -> Self:
        for name in ("kms_key_id", "bucket_key"):
            if getattr(self, name) is not None and self.encryption != "sse-kms":
                raise ValueError(
                    f"{name} is given but encryption is {self.encryption!r}; set encryption='sse-kms' or drop {name}"
                )
        if self.kms_key_id is not None and not self.kms_key_id.strip():
            raise ValueError("kms_key_id is empty; give a key's id, ARN or alias, or drop it")
        return self

"""Creates the bucket of the local S3 server, versioned as production's is; does nothing to one that is there.

Reads ``S3_ENDPOINT``, ``S3_BUCKET`` and ``S3_REGION`` from the environment. Compose runs it before Airflow starts.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

THERE_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


def main() -> None:
    """Create the bucket; raises ``KeyError`` for a missing variable and botocore's errors."""
    bucket, region = os.environ["S3_BUCKET"], os.environ["S3_REGION"]
    client: Any = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local-only",  # noqa: S106 - the local server takes any key
    )
    try:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    except ClientError as error:
        if error.response["Error"]["Code"] not in THERE_ALREADY:
            raise
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    print(f"bucket {bucket} is ready")


if __name__ == "__main__":
    main()

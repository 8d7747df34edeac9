"""A local S3 server (moto) that speaks the protocol over the wire; its objects live in memory."""

from __future__ import annotations

import logging
from typing import Any, Self

ACCESS_KEY = "local"
SECRET_KEY = "local-only"  # noqa: S105 - the local server takes any key
REGION = "eu-central-1"


class LocalS3:
    """An S3 server on a free port of 127.0.0.1, in a thread of this process."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        # One line for each request would drown what a person wants to read.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.url = ""

    def start(self) -> Self:
        """Start to listen; :attr:`url` holds the address afterwards."""
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        return self

    def stop(self) -> None:
        """Stop to listen and forget all objects."""
        self._server.stop()

    def client(self) -> Any:
        """Return a boto3 S3 client of this server."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            # It is a server of this process: no proxy lies between.
            config=Config(proxies={}),
        )

    def create_bucket(self, name: str, *, versioned: bool = True) -> None:
        """Create a bucket, versioned as production's is."""
        client = self.client()
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

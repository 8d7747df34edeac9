"""Can the warehouse and the bucket be used? Asked before a run does anything, and by ``health``.

Every refusal is one line that says what is wrong and the way out; it never holds a secret.
"""

from __future__ import annotations

from contextlib import closing, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from billing_aggregator.config import ConfigError
from billing_aggregator.config.airflow_connections import UnreadableConnectionError
from billing_aggregator.errors.kinds import TerminalError, TransientError, classify
from billing_aggregator.errors.text import first_line
from billing_aggregator.postgres import POOLED, SessionError, behind_pooler, shares_backends
from billing_aggregator.postgres.connection import postgres_hook
from billing_aggregator.runs.report_privileges import report_schema
from billing_aggregator.s3.capabilities import capabilities
from billing_aggregator.s3.permissions import DeniedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Connection as AirflowConnection

    from billing_aggregator.config import ClientConfig
    from billing_aggregator.errors.kinds import Kind
    from billing_aggregator.postgres.protocols import Connection
    from billing_aggregator.s3.bucket import Bucket
    from billing_aggregator.s3.capabilities import Capability

PROBE_SECONDS = 30
DENIED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "ExpiredToken"})
MISSING = frozenset({"404", "NoSuchBucket", "NotFound"})
OTHER_REGION = frozenset(
    {"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


class UnreachableError(TransientError):
    """The warehouse or the bucket cannot be used; the message is one line with the way out."""


class UnusableError(UnreachableError, TerminalError):
    """Another try gives the same answer: wrong credentials, no such database, no such bucket."""


def open_warehouse(
    config: ClientConfig, application_name: str = "bda:probe", statement_seconds: int = PROBE_SECONDS
) -> Connection:
    """Return a connection to the client's warehouse.

    :param statement_seconds: the server cancels a statement that takes longer.

    :raises UnreachableError: there is no answer; UnusableError: the credentials or the database are wrong.
    """
    try:
        hook = postgres_hook(config, application_name=application_name, statement_seconds=statement_seconds)
    except (ConfigError, UnreadableConnectionError) as error:
        raise unreachable(str(error), classify(error)) from None
    try:
        return hook.get_conn()
    except (ConfigError, UnreadableConnectionError) as error:
        raise unreachable(str(error), classify(error)) from None
    except SessionError as error:
        raise UnusableError(f"warehouse of the connection {config.database_conn_id}: {error}") from None
    except driver_errors() as error:
        raise _database_error(config, hook.connection, error) from None


def driver_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the drivers that are installed: psycopg 3, psycopg2 or both."""
    errors: list[type[Exception]] = [OSError]
    for driver in ("psycopg", "psycopg2"):
        with suppress(ImportError):
            errors.append(import_module(driver).Error)
    return tuple(errors)


def check_warehouse(config: ClientConfig) -> str:
    """Ask the warehouse for its version and return it, e.g. ``18.4``; raises :class:`UnreachableError`.

    :raises UnusableError: the role may not write the report schema, or a pooler shares the sessions.
    """
    with closing(open_warehouse(config)) as connection:
        check_own_session(config, connection)
        with connection.cursor() as cursor:
            lacks = report_schema(cursor).lacks
            if lacks:
                raise UnusableError(f"warehouse of {config.database_conn_id}: {lacks}")
            cursor.execute("show server_version")
            return str(cursor.fetchone()[0]).split(" ")[0]


def check_own_session(config: ClientConfig, connection: Connection) -> None:
    """Refuse a pooler that hands the server's sessions from one client to the next: see :func:`shares_backends`.

    :raises UnusableError: the lock of a run and the settings of its sessions would be anybody's.
    """
    try:
        if not behind_pooler(connection):
            return
        with closing(open_warehouse(config, "bda:probe")) as other:
            shared = shares_backends(connection, other)
    except driver_errors() as error:
        raise unreachable(_one_line(error), classify(error)) from None
    if shared:
        raise UnusableError(f"warehouse of {config.database_conn_id}: {POOLED}")


def check_bucket(config: ClientConfig) -> None:
    """Find the bucket and try what a run needs of its store.

    :raises UnreachableError: it is missing, access is denied, there is no answer, or the store lacks something: all in
        one line, before any work is done.
    """
    lacks = [f"{found.subject}: {found.lacks}" for found in bucket_capabilities(config) if found.lacks]
    if lacks:
        raise UnusableError(f"{_place(config)} cannot be used: {'; '.join(lacks)}")


def bucket_capabilities(config: ClientConfig) -> Iterator[Capability]:
    """Yield what the client's bucket can do; raises :class:`UnreachableError` when it cannot be reached."""
    prefix = f"{config.client}/{config.environment}/"
    bucket = _bucket(config)
    try:
        # Not HeadBucket: that one is denied where only a prefix may be listed, and cannot say that the requester pays.
        bucket.ask("list_objects_v2", Prefix=prefix, MaxKeys=1)
        yield from capabilities(bucket, prefix, lambda: _bucket(config, checksums=False))
    except (ClientError, BotoCoreError) as error:
        raise bucket_error(config, error) from None


def _bucket(config: ClientConfig, *, checksums: bool = True) -> Bucket:
    from billing_aggregator.s3.client import client_bucket

    try:
        return client_bucket(config, checksums=checksums)
    except UnreadableConnectionError as error:
        raise unreachable(str(error), classify(error)) from None
    except (ClientError, BotoCoreError) as error:  # of STS, or missing credentials
        raise bucket_error(config, error) from None
    except Exception as error:  # whatever is wrong with the connection: botocore's and the provider's own words
        raise unreachable(
            f"{_place(config)}: no S3 client can be made from the connection {config.aws_conn_id}: {first_line(error)}",
            classify(error),
        ) from None


def unreachable(message: str, kind: Kind) -> UnreachableError:
    """Return the error of *kind*, as :func:`billing_aggregator.errors.kinds.classify` will find it."""
    return UnusableError(message) if kind == "terminal" else UnreachableError(message)


def bucket_error(config: ClientConfig, error: Exception) -> UnreachableError:
    """Return what *error*, an answer of S3 or a failure to reach it, means for the bucket."""
    place = _place(config)
    # A connection that broke has a response, too, which is None.
    answer = (getattr(error, "response", None) or {}).get("Error", {})
    code = str(answer.get("Code", ""))
    if code in MISSING:
        return UnusableError(f"{place}: does not exist; create it, or name another in BDA_S3_BUCKET")
    if code in DENIED or "Credentials" in type(error).__name__:
        reason = code or type(error).__name__
        grant = f"{error.grant}; " if isinstance(error, DeniedError) else ""
        return unreachable(
            f"{place}: access denied ({reason}); {grant}see the connection {config.aws_conn_id} or BDA_S3_ACCESS_KEY, "
            "and the bucket's policy",
            "transient" if code == "ExpiredToken" else "terminal",
        )
    if code in OTHER_REGION:
        where = str(answer.get("Region") or "another region")
        return UnusableError(
            f"{place}: the bucket is in {where} ({code}); set s3_region or BDA_S3_REGION, or region_name of the "
            f"connection {config.aws_conn_id}"
        )
    return unreachable(f"{place}: cannot be reached: {_one_line(error)}; see BDA_S3_URL", classify(error))


def _place(config: ClientConfig) -> str:
    return f"bucket {config.s3_bucket} at {config.s3_url or 'AWS ' + config.s3_region}"


def _database_error(config: ClientConfig, connection: AirflowConnection, error: Exception) -> UnreachableError:
    reason = _one_line(error)
    place = f"{connection.host}:{connection.port or 5432}/{connection.schema}"
    kind = classify(error)
    what = "refused" if kind == "terminal" else "cannot be reached"
    way_out = f"see the connection {config.database_conn_id}, or BDA_DB_HOST and its companions"
    return unreachable(f"warehouse {place} as {connection.login} {what}: {reason}; {way_out}", kind)


def _one_line(error: Exception) -> str:
    """Return the first line of an error; what libpq adds below it is advice for other programs."""
    first = str(error).strip().splitlines() or [type(error).__name__]
    return first[0].strip().rstrip(".").removeprefix("connection failed: ")

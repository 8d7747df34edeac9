"""Which errors are retried, and what may be shown of an error. docs/errors.md shows the same tables."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import psycopg2
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from billing_aggregator.config import ConfigError
from billing_aggregator.errors import kinds, s3_codes
from billing_aggregator.errors.kinds import TerminalError, TransientError, classify
from billing_aggregator.errors.text import first_line
from billing_aggregator.sql.error_text import script_error_text
from billing_aggregator.sql.runner import StatementError
from billing_aggregator.sql.statements import split_statements
from tests.conftest import ROOT

SQLSTATE = re.compile("[0-9A-Z]{2,5}")


class WithState(psycopg.DatabaseError):
    def __init__(self, state: str, message: str = "message") -> None:
        super().__init__(message)
        self.sqlstate = state


class OldDriver(psycopg2.DatabaseError):
    """psycopg2 sets pgcode in C; a subclass may set it."""

    pgcode = "40P01"


def s3(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "UploadPart")


def caused_by(cause: BaseException) -> Exception:
    try:
        raise RuntimeError("S3UploadFailedError and its kind") from cause
    except RuntimeError as error:
        return error


def during(cause: BaseException) -> Exception:
    try:
        try:
            raise cause
        except type(cause):
            raise RuntimeError("while cleaning up")  # noqa: B904 - that is what is tested
    except RuntimeError as error:
        return error


TRANSIENT = {
    "serialization failure": WithState("40001"),
    "deadlock": WithState("40P01"),
    "deadlock, psycopg2": OldDriver("deadlock detected"),
    "lock time-out": WithState("55P03"),
    "server shut down": WithState("57P01"),
    "connection lost": WithState("08006"),
    "too many connections": WithState("53300"),
    "refused": psycopg.OperationalError("connection failed: Connection refused"),
    "refused, psycopg2": psycopg2.OperationalError("could not connect to server: Connection refused"),
    "closed by the server": psycopg2.DatabaseError("server closed the connection unexpectedly"),
    "interface": psycopg.InterfaceError("the connection is closed"),
    "S3 500": s3("InternalError", 500),
    "S3 503 of an unknown name": s3("SomethingNew", 503),
    "S3 throttling": s3("SlowDown", 503),
    "S3 429": s3("TooMany", 429),
    "S3 502 without a body": s3("502", 502),
    "S3 full": s3("XMinioStorageFull", 507),
    "S3 damaged on the way": s3("BadDigest", 400),
    "S3 clocks": s3("RequestTimeTooSkewed", 403),
    "S3 token": s3("ExpiredToken", 400),
    "S3 KMS throttling": s3("KMS.ThrottlingException", 400),
    "S3 unreachable": EndpointConnectionError(endpoint_url="http://s3"),
    "S3 closed": ConnectionClosedError(endpoint_url="http://s3"),
    "S3 slow": ReadTimeoutError(endpoint_url="http://s3"),
    "network": ConnectionResetError("reset by peer"),
    "time-out": TimeoutError("timed out"),
    "wrapped": caused_by(s3("SlowDown", 503)),
    "context": during(WithState("40001")),
    "asked for": TransientError("again, please"),
    "unknown": RuntimeError("never seen"),
}
TERMINAL = {
    "syntax": WithState("42601"),
    "missing table": WithState("42P01"),
    "permission": WithState("42501"),
    "data": WithState("22P02"),
    "constraint": WithState("23505"),
    "raised by a script": WithState("P0001"),
    "statement time-out": WithState("57014"),
    "password": psycopg.OperationalError('FATAL: password authentication failed for user "x"'),
    "no database": psycopg.OperationalError('FATAL: database "x" does not exist'),
    "no database, psycopg2": psycopg2.OperationalError('FATAL: database "x" does not exist'),
    "certificate": psycopg.OperationalError("SSL error: certificate verify failed"),
    "S3 denied": s3("AccessDenied", 403),
    "S3 no bucket": s3("NoSuchBucket", 404),
    "S3 501": s3("NotImplemented", 501),
    "S3 501 of an unknown name": s3("A header you provided implies functionality", 501),
    "S3 501 without a body": s3("501", 501),
    "S3 NotImplemented as 500": s3("NotImplemented", 500),
    "S3 HTTP version": s3("505", 505),
    "S3 405": s3("MethodNotAllowed", 405),
    "S3 Content-MD5": s3("MissingContentMD5", 400),
    "S3 region": s3("AuthorizationHeaderMalformed", 400),
    "S3 redirect": s3("PermanentRedirect", 301),
    "S3 quota as 500": s3("QuotaExceeded", 500),
    "S3 archived": s3("InvalidObjectState", 403),
    "S3 key disabled": s3("KMS.DisabledException", 400),
    "S3 credentials": NoCredentialsError(),
    "wrapped": caused_by(s3("AccessDenied", 403)),
    "check failed": TerminalError("3 rows violate"),
    "bug": KeyError("x"),
    "configuration": ConfigError("unknown key"),
    "missing file": FileNotFoundError("x.sql"),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient(name: str) -> None:
    assert classify(TRANSIENT[name]) == "transient"


@pytest.mark.parametrize("name", TERMINAL)
def test_terminal(name: str) -> None:
    assert classify(TERMINAL[name]) == "terminal"


def test_a_suppressed_context_does_not_count() -> None:
    error = KeyError("x")
    error.__context__ = WithState("40001")
    error.__suppress_context__ = True
    assert classify(error) == "terminal"


def test_the_docs_list_the_rules_of_the_code() -> None:
    docs = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    rows = {cells[1].strip(" `"): cells[2:4] for line in docs.splitlines() if len(cells := line.split("|")) >= 5}
    for known, kind in (
        (kinds.TRANSIENT_SQLSTATES, "transient"),
        (s3_codes.TRANSIENT_S3_CODES, "transient"),
        (s3_codes.TERMINAL_S3_CODES, "terminal"),
    ):
        for code, meaning in known.items():
            assert [cell.strip() for cell in rows[code]] == [kind, meaning], code
    states = {code: cells[0].strip() for code, cells in rows.items() if SQLSTATE.fullmatch(code)}
    assert {code: classify(WithState(code.ljust(5, "0"))) for code in states} == states
    assert {"22", "42", "57014"} <= states.keys()
    for message in kinds.TERMINAL_CONNECT_MESSAGES:
        assert f"`{message}`" in docs
    for name in kinds.TRANSIENT_BOTOCORE:
        assert f"`{name}`" in docs


HARMLESS: dict[str, tuple[BaseException | str | None, str]] = {
    "values of a data exception": (
        WithState("22P02", 'invalid input syntax for type numeric: "Erika Mustermann"'),
        'invalid input syntax for type numeric: "***"',
    ),
    "names of a missing table": (
        WithState("42P01", 'relation "report_oibl.x" does not exist\nLINE 1: select 1'),
        'relation "report_oibl.x" does not exist',
    ),
    "DETAIL stays behind": (
        WithState("23505", 'duplicate key value violates constraint "pk"\nDETAIL: Key (name)=(Mustermann) exists.'),
        'duplicate key value violates constraint "pk"',
    ),
    "password in a DSN": ("at postgres://sap:geheim@erp/db now", "at postgres://sap:***@erp/db now"),
    "password=": ("host=x password=geheim failed", "host=x password=*** failed"),
    "webhook": ("POST https://hooks/services/T0/B0/secret failed", "POST https://hooks/services/*** failed"),
    "mail": ("bounced: erika@example.com is unknown", "bounced: *** is unknown"),
    "IBAN": ("no mandate for DE02 1203 0000 0000 2020 51 found", "no mandate for *** found"),
    "a bare word": (KeyError("amount"), "KeyError: 'amount'"),
    "nothing": (None, "no error was recorded"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_the_first_line_has_no_secrets(name: str) -> None:
    error, expected = HARMLESS[name]
    assert first_line(error) == expected


def test_first_line_is_bounded() -> None:
    assert len(first_line("word " * 1000)) == 300


def test_a_technical_id_is_kept() -> None:
    line = "prechecks/x.sql: 3 rows violate: journal 60000013 of 2026-11-20T02:00:00+00:00"
    assert first_line(line) == line


SCRIPT = "select 1; -- first\n\nselect *\nfrom b where x = 1;\nselect 3;"


def failed_statement(number: int, state: str, message: str, position: int | None) -> StatementError:
    """Return the failure of a statement of SCRIPT; *position* is counted as the server does."""

    class Diagnostics:
        message_primary = message
        statement_position = None if position is None else str(position)

    class Failed(WithState):
        @property
        def diag(self) -> Any:
            return Diagnostics()

    return StatementError(split_statements(SCRIPT)[number], Failed(state))


def test_script_error_names_the_line_of_its_position() -> None:
    failed = failed_statement(1, "42P01", 'relation "b" does not exist', 15)
    assert split_statements(SCRIPT)[1].text[14] == "b"
    assert script_error_text(failed, "init/a.sql") == (
        'init/a.sql, line 4: relation "b" does not exist (42P01)\n  statement: select * from b where x = 1'
    )


def test_script_error_without_position_names_the_statement() -> None:
    failed = failed_statement(1, "22P02", 'invalid input syntax for type numeric: "Meyer"', None)
    assert script_error_text(failed, "init/a.sql") == (
        'init/a.sql, line 3: invalid input syntax for type numeric: "***" (22P02)\n'
        "  statement: select * from b where x = 1"
    )


def test_script_error_of_a_commit_names_the_script() -> None:
    failed = StatementError(None, WithState("23503"))
    assert script_error_text(failed, "init/a.sql") == "init/a.sql: message (23503)"

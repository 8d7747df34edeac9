"""Sessions through a pooler: which poolers work, which are refused, what their errors mean; both drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import load_client
from billing_aggregator.postgres import SessionError
from billing_aggregator.runs.preflight import UnreachableError, UnusableError, check_warehouse
from tests.integration.sessions.settings import NAME, differences, give
from tests.pooler import Pooler

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing_aggregator.local.postgres import EmbeddedPostgres


@pytest.mark.parametrize("mode", ["refuses options", "drops options"])
def test_poolers_that_refuse_options_work(
    postgres: EmbeddedPostgres, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=777s")
    with Pooler(postgres.port, mode) as pooler, connect(port=pooler.port) as connection:
        assert differences(connection) == {}
        assert pooler.starts[0]["application_name"] == "bda:a_b"


def test_a_pooler_that_changes_sessions_between_transactions_is_refused(
    postgres: EmbeddedPostgres, connect: Callable[..., Any]
) -> None:
    with (
        Pooler(postgres.port, "alternates") as pooler,
        pytest.raises(SessionError, match=r"do not last .*a pooler in transaction mode"),
    ):
        connect(port=pooler.port)


def test_a_pooler_that_shares_one_session_is_refused_before_a_run(
    postgres: EmbeddedPostgres, place: str, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    with Pooler(postgres.port, "pools transactions") as pooler:
        give(monkeypatch, place, pooler.port, {})
        with pytest.raises(UnreachableError, match="a pooler in transaction mode lies between") as caught:
            check_warehouse(load_client("enercity", "local"))
    assert isinstance(caught.value, UnusableError)
    assert "pool in session mode" in str(caught.value)


@pytest.mark.parametrize(
    ("says", "lasting"),
    [
        ("unsupported startup parameter: geqo", True),
        ("no such database: octopus", True),
        ("no such user: billing", True),
        ("bouncer config error", True),
        ("SSL required", True),
        ("Passwort-Authentifizierung für Benutzer »billing« fehlgeschlagen", True),
        ("Datenbank »octopus« existiert nicht", True),
        ("kein pg_hba.conf-Eintrag für Host »10.0.0.1«", True),
        ("no more connections allowed (max_client_conn)", False),
        ("query_wait_timeout", False),
        ("server login has been failing, try again later (server_login_retry)", False),
        ("pgbouncer cannot connect to server", False),
        ("sorry, too many clients already", False),
    ],
)
def test_errors_of_poolers_are_classified(
    postgres: EmbeddedPostgres, place: str, monkeypatch: pytest.MonkeyPatch, driver: str, says: str, lasting: bool
) -> None:
    with Pooler(postgres.port, says=says) as pooler:
        give(monkeypatch, place, pooler.port, {})
        with pytest.raises(UnreachableError, match=f"see the connection {NAME}") as caught:
            check_warehouse(load_client("enercity", "local"))
    assert isinstance(caught.value, UnusableError) is lasting
    assert says in str(caught.value)

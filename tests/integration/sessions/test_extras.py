"""The connection's extra changes neither rows nor transactions, or is refused by name; both drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import ConfigError
from billing_aggregator.errors.kinds import classify
from tests.integration.sessions.settings import NAME, differences

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "extra",
    [
        {"cursor": "dictcursor"},
        {"cursor": "realdictcursor"},
        {"cursor": "namedtuplecursor"},
        {"cursor": "nosuchcursor"},
        {"autocommit": True},
        {"client_encoding": "LATIN1"},
        {"application_name": "mine"},
        {"row_factory": "dict_row", "cursor_factory": "x", "prepare_threshold": 0},
    ],
    ids=str,
)
def test_an_extra_changes_neither_rows_nor_transactions(connect: Callable[..., Any], extra: dict[str, Any]) -> None:
    with connect(extra) as connection:
        assert differences(connection) == {}
        connection.rollback()
        assert connection.autocommit is False
        with connection.cursor() as cursor:
            cursor.execute("select 1 as a, 'ü' as b")
            row = cursor.fetchone()
        assert type(row) is tuple
        assert row == (1, "ü")


@pytest.mark.parametrize("name", ["options", "replication"])
def test_an_extra_that_would_replace_the_session_is_refused_by_name(connect: Callable[..., Any], name: str) -> None:
    with pytest.raises(ConfigError, match=f"^connection {NAME}: extra '{name}' would replace"):
        connect({name: "-c jit=on"})


def test_an_extra_that_libpq_does_not_know_is_refused_by_name(connect: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match=f'^connection {NAME} cannot be read: .*does not know: "sslmod"') as caught:
        connect({"sslmod": "require"})
    assert classify(caught.value) == "terminal"

"""What the runner does with the connection when a script fails."""

from __future__ import annotations

from typing import Any

import pytest

from billing_aggregator.sql.runner import StatementError, run_script


class Connection:
    """Fails with *error* when something is executed, and records the calls."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked: list[str] = []

    def cursor(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, *_: Any) -> None:
        raise self.error

    def rollback(self) -> None:
        self.asked.append("rollback")
        raise OSError("the connection is lost")

    def cancel(self) -> None:
        self.asked.append("cancel")


def test_a_failed_script_is_rolled_back_and_its_statement_is_named() -> None:
    connection: Any = Connection(ValueError("syntax"))
    with pytest.raises(StatementError, match="syntax") as caught:
        run_script(connection, "-- one\nselect 1;\nselect 2")
    assert caught.value.__cause__ is connection.error
    assert caught.value.statement is not None
    assert (caught.value.statement.text, caught.value.statement.line) == ("select 1;", 2)
    assert connection.asked == ["rollback"]


def test_an_interrupted_script_is_cancelled_on_the_server() -> None:
    """A time-out or a kill: the query still runs, a rollback would wait for it."""
    connection: Any = Connection(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_script(connection, "select 1")
    assert connection.asked == ["cancel"]

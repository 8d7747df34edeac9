"""Steps of datenbankverbindung.feature."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

import pytest
from pytest_bdd import given, parsers, scenarios, then

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.features.nightly import Nachtlauf

scenarios("datenbankverbindung.feature")

ALWAYS = 1_000_000


class Gate:
    """A proxy of the database that closes the first connections and forwards all later ones."""

    def __init__(self, port: int) -> None:
        self._behind = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.refuses = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
            except OSError:
                return
            if self.refuses > 0:
                self.refuses -= 1
                visitor.close()
                continue
            inside = socket.create_connection(self._behind)
            for source, target in ((visitor, inside), (inside, visitor)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), closing(target):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(postgres: EmbeddedPostgres, nachtlauf: Nachtlauf) -> Iterator[Gate]:
    with Gate(postgres.port) as gate:
        nachtlauf.variables["BDA_DB_PORT"] = str(gate.port)
        yield gate


@given(parsers.parse("die Datenbank nimmt die ersten {count:d} Verbindungen nicht an"))
def _(gate: Gate, count: int) -> None:
    gate.refuses = count


@given("die Datenbank nimmt keine Verbindung an")
def _(gate: Gate) -> None:
    gate.refuses = ALWAYS


@given(parsers.parse('der Benutzer der Datenbank heißt "{name}"'))
def _(nachtlauf: Nachtlauf, name: str) -> None:
    nachtlauf.variables["BDA_DB_USER"] = name


@given("ein Skript schreibt auf, wie sich seine Verbindung nennt")
def _(tmp_path: Path) -> None:
    script = tmp_path / "sql/init/bookkeeper/030_verbindung.sql"
    text = "create table report_oibl.history_verbindung as select current_setting('application_name') as name;\n"
    script.write_text(text, encoding="utf-8")


@then(parsers.re(r"der erste Schritt hat (?P<tries>\d+) Versuche? gebraucht"))
def _(nachtlauf: Nachtlauf, tries: str) -> None:
    assert nachtlauf.result["tries"]["start"] == int(tries)


@then("keine Sperre ist mehr gesetzt")
def _(nachtlauf: Nachtlauf) -> None:
    query = (
        f"select count(*) from pg_locks join pg_database d on d.oid = database where datname = '{nachtlauf.database}'"
    )
    others = " and pid <> pg_backend_pid()"
    assert nachtlauf.rows(query + others) == [(0,)]


@then("nennt sie den Mandanten und den Schritt")
def _(nachtlauf: Nachtlauf) -> None:
    ((name,),) = nachtlauf.rows("select name from report_oibl.history_verbindung")
    assert "enercity" in name
    assert "030_verbindung" in name

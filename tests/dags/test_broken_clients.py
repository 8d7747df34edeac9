"""A client that cannot be built takes no other down; a clients file that cannot be read is one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.cli.validate import validate
from billing_aggregator.config import ClientConfig, load_clients
from tests.dags.breaking import bytes_of, loop, replaced
from tests.dags.entries import CLIENTS, the_dags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("surprise", [RecursionError("too deep"), KeyError("x"), RuntimeError("half-way")])
def test_an_unexpected_error_takes_no_other_client_down(
    sql: Path, monkeypatch: pytest.MonkeyPatch, surprise: Exception
) -> None:
    from billing_aggregator.dag import build as dag_build
    from billing_aggregator.dag.export_phases import publish_phase

    def publish(config: ClientConfig, *more: Any) -> Any:
        if config.client == "one":
            raise surprise
        return publish_phase(config, *more)

    monkeypatch.setattr(dag_build, "publish_phase", publish)
    dags = the_dags()
    assert {dag for dag, found in dags.items() if "broken" in found.tags} == {"one_prod"}
    assert list(dags["one_prod"].task_dict) == ["configuration_error"]
    assert str(dags["one_prod"].doc_md) == f"{type(surprise).__name__}: {surprise}"


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (bytes_of(b"clients: {\xe4: {}}"), "clients.yaml, line 1: byte 10 is not UTF-8; save the file as UTF-8"),
        (replaced(lambda path: path.mkdir()), "clients.yaml: is a folder, not a file"),
        (replaced(loop), "clients.yaml: is a link that leads back to itself"),
        (replaced(lambda path: path.symlink_to("x")), "clients.yaml: is a link to x, which does not exist"),
        (replaced(os.mkfifo), "clients.yaml: is a named pipe, not a file"),
    ],
    ids=["Latin-1", "folder", "loop", "dangling link", "pipe"],
)
def test_a_clients_file_that_cannot_be_read_is_one_line(
    sql: Path, breaks: Callable[[Path], object], reason: str
) -> None:
    breaks(sql.parent / "clients.yaml")
    with pytest.raises(ValueError, match=r"clients\.yaml") as refusal:
        load_clients()
    assert reason in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert any(reason in problem for problem in validate().problems)


@pytest.mark.parametrize("client", ["x" * 400, "Ein Kunde", "ä", "a/b", ".."])
def test_a_wrong_client_name_takes_no_other_down(sql: Path, client: str) -> None:
    path = sql.parent / "clients.yaml"
    path.write_text(CLIENTS + f'  "{client}": {{prod: {{}}}}\n', encoding="utf-8")
    dags = the_dags()
    assert len(dags) == 5
    assert len({name for name in dags if "broken" in dags[name].tags}) == 1

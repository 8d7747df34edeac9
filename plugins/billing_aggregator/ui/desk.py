"""Answers what the page's addresses need to know; nothing of it blocks the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from billing_aggregator.config import BrokenConfig, ClientConfig
from billing_aggregator.ui import source
from billing_aggregator.ui.answers import Answer, Answers
from billing_aggregator.ui.row_differences import row_differences
from billing_aggregator.ui.run_page import RunPage, run_page

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from billing_aggregator.publications.compare import ExportComparison
    from billing_aggregator.runs.run_history import ExportRecord, FileRecord, RunRecord
    from billing_aggregator.ui.viewers import Viewer

# A page waits this long for all warehouses together, then says which of them are slow.
PATIENCE_SECONDS = 3.0

Entry = ClientConfig | BrokenConfig


@dataclass(frozen=True)
class KnownRun:
    """A run, its page, and all runs of its client, newest first."""

    config: ClientConfig
    runs: tuple[RunRecord, ...]
    page: RunPage


class Desk:
    """Asks configuration, rights, warehouses and buckets.

    Warehouses have threads of their own, so that a slow one keeps no question about rights waiting.

    :param clients: returns every configured client and environment.
    :param now: the time (UTC).
    :param patience: seconds to wait for an answer.
    """

    def __init__(self, clients: Callable[[], list[Entry]], now: Callable[[], datetime], patience: float) -> None:
        self._clients = clients
        self.now = now
        self._patience = patience
        self._warehouses = Answers(threads=4)
        self._house = Answers(threads=2)
        # Rows are compared one comparison at a time: each takes memory and a processor.
        self._rows = Answers(threads=1)

    async def visible(self, who: Viewer) -> list[Entry]:
        """Return the clients that *who* may see, by name; raises HTTP 503 where the configuration cannot be read."""
        answer = await self._house.one("clients", self._clients, self._patience)
        if answer.value is None:
            raise HTTPException(503, f"The configuration cannot be read: {answer.error or 'it takes too long'}")
        dags = await self._house.uncached(who.visible_dags)
        entries = [entry for entry in answer.value if isinstance(entry, BrokenConfig) or entry.enabled]
        return [entry for entry in entries if dags is None or entry.dag_id in dags]

    async def nights(self, entries: list[Entry]) -> dict[Any, Answer[source.Nights]]:
        """Return the answers of the warehouses of *entries*, by client and environment."""
        configs = [entry for entry in entries if isinstance(entry, ClientConfig)]
        questions: dict[Hashable, Callable[[], source.Nights]] = {
            (config.client, config.environment): _nights_of(config, self.now()) for config in configs
        }
        return await self._warehouses.all(questions, self._patience)

    async def run(self, who: Viewer, client: str, environment: str, tag: str) -> KnownRun:
        """Return a run; who may not see the client gets the answer for one that is not there.

        :raises HTTPException: 404: there is no such run; 503: the warehouse does not answer, or slowly.
        """
        name, wanted = f"{client}/{environment}", (client, environment)
        entries = [entry for entry in await self.visible(who) if (entry.client, entry.environment) == wanted]
        config = next((entry for entry in entries if isinstance(entry, ClientConfig)), None)
        if config is None:
            raise HTTPException(404, f"There is no client {name}, or you may not see its DAG.")
        answer = (await self.nights([config]))[wanted]
        if answer.value is None:
            why = f"does not answer: {answer.error}" if answer.error else "is slow; try again in a minute"
            raise HTTPException(503, f"The warehouse of {name} {why}")
        found = run_page(config, answer.value.runs, tag, self.now())
        if found is None:
            raise HTTPException(404, f"{name} has no run {tag[:8]} in the last {source.NIGHTS} nights.")
        return KnownRun(config, answer.value.runs, found)

    async def exports(self, config: ClientConfig, run: RunRecord) -> Answer[dict[str, ExportRecord]]:
        """Return what *run* has published."""
        key = (config.client, config.environment, run.tag, run.started_at, run.state)
        return await self._warehouses.one(key, lambda: source.exports(config, run.tag), self._patience)

    async def rows(
        self, config: ClientConfig, other: RunRecord, run: RunRecord, export: str
    ) -> Answer[ExportComparison]:
        """Return which rows of an export differ from *other* to *run*; holds customers' data."""
        key = (config.client, config.environment, other.tag, run.tag, export)
        return await self._rows.one(key, lambda: row_differences(config, other, run, export), self._patience)

    async def may_download(self, who: Viewer, config: ClientConfig) -> bool:
        """Return whether *who* may have the client's files."""
        return await self._house.uncached(lambda: who.may_download(config.dag_id))

    async def link(self, config: ClientConfig, file: FileRecord) -> str:
        """Return an address of *file* that is good for ten minutes."""
        return await self._warehouses.uncached(lambda: source.download_link(config, file))


def _nights_of(config: ClientConfig, now: datetime) -> Callable[[], source.Nights]:
    return lambda: source.nights(config, now)

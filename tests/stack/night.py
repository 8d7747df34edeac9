"""A night of all clients on one stack, each of which fails in its own way, and what arrives from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from billing_aggregator.runs.identity import Run
from tests.stack.messages import steady
from tests.stack.project import dag_id
from tests.waiting import wait_for

if TYPE_CHECKING:
    from datetime import datetime

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from tests.stack.sinks import MailSink, SlackSink, StatsdSink
    from tests.stack.stack import Stack

OTHER = Run("held", "local", "airflow-old.example#00aa", dag_id("held"), "scheduled__2026-11-20T02:00:00+00:00")


@dataclass
class Night:
    """A running stack on which each client's run was started, and everything that arrives from it."""

    stack: Stack
    server: EmbeddedPostgres
    mail: MailSink
    slack: SlackSink
    statsd: StatsdSink
    triggered: datetime
    runs: dict[str, str]

    def go_on(self, client: str) -> None:
        """Let a script that waits end."""
        with psycopg.connect(self.server.dsn(f"octopus_{client}"), autocommit=True) as admin:
            admin.execute("create table public.go_on ()")

    def ended(self, client: str) -> str:
        return self.stack.ended(dag_id(client), self.runs[client])

    def titles(self, client: str) -> list[str]:
        """The mails' subjects, on a fixed day; Slack got the same ones. The last test checks that no more arrive."""
        subjects = [str(mail["Subject"]) for mail in self.mail.to(client)]
        wait_for(lambda: len(self.slack.to(client)) >= len(subjects), f"posts of {client}")
        posts = [post["text"] for post in self.slack.to(client)]
        assert posts == subjects, (posts, subjects)
        return [steady(subject) for subject in subjects]

    def wait_titles(self, client: str, number: int) -> list[str]:
        wait_for(lambda: len(self.mail.to(client)) >= number, f"{number} mails of {client}")
        return self.titles(client)

    def query(self, client: str, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.dsn(f"octopus_{client}")) as connection:
            return connection.execute(text).fetchall()

    def lines(self, client: str, task: str, attempt: int = 1) -> list[dict[str, Any]]:
        """A task's log as Airflow keeps it: JSON lines."""
        folder = self.stack.home / "logs" / f"dag_id={dag_id(client)}" / f"run_id={self.runs[client]}"
        text = (folder / f"task_id={task}" / f"attempt={attempt}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

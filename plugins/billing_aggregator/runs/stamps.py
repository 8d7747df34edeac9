"""The stamp of a table: which run built it, for which business date, out of which other tables.

A stamp is the last line of the table's comment, ``bda: {...}``: it is renamed, copied to a standby and dropped together
with the table, and whoever sees the table can read it. What a script says in ``comment on table`` stays above it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from billing_aggregator.errors.kinds import TerminalError

if TYPE_CHECKING:
    from billing_aggregator.runs.identity import Run

PREFIX = "bda: "


class ForeignTableError(TerminalError):
    """A run would use a table that it did not build; the message names the table, its run and the way out."""


@dataclass(frozen=True)
class Stamp:
    """Who built a table.

    :param tag: the run's tag, different for each run of each Airflow.
    :param run_id: the run.
    :param dag_id: its DAG.
    :param deployment: the name of its Airflow.
    :param business_date: the day that the rows are for, ISO.
    :param script: what built the table, as ``init/tripica/030_accounts.sql``.
    :param built_at: when, ISO in UTC; together with the table's name it identifies one build of the table.
    :param sources: name -> ``built_at`` of the stamped tables that it was built from.
    :param filled: the table had rows.
    """

    tag: str
    run_id: str
    dag_id: str
    deployment: str
    business_date: str
    script: str = ""
    built_at: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    filled: bool = False

    @classmethod
    def of(cls, run: Run, business_date: str, script: str = "") -> Self:
        """Return what *run* writes on the tables that *script* builds."""
        return cls(run.tag, run.run_id, run.dag_id, run.deployment, business_date, script)

    def same_run(self, other: Stamp | None) -> bool:
        """Tell whether *other* is of this run and business date."""
        return other is not None and (self.tag, self.business_date) == (other.tag, other.business_date)

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.dag_id} (Airflow {self.deployment}) for {self.business_date}"

    def line(self) -> str:
        """Return the stamp as the comment's last line."""
        values = {
            "run": self.run_id,
            "dag": self.dag_id,
            "airflow": self.deployment,
            "tag": self.tag,
            "business_date": self.business_date,
            "script": self.script,
            "built_at": self.built_at,
            "filled": self.filled,
            "sources": dict(sorted(self.sources.items())),
        }
        return PREFIX + json.dumps(values, ensure_ascii=False)

    @classmethod
    def read(cls, comment: str | None) -> Self | None:
        """Return the stamp in a table's comment; None where there is none that can be read."""
        _, line = split_comment(comment)
        try:
            values: dict[str, Any] = json.loads(line.removeprefix(PREFIX)) if line else {}
            return cls(
                tag=values["tag"],
                run_id=values["run"],
                dag_id=values["dag"],
                deployment=values["airflow"],
                business_date=values["business_date"],
                script=values["script"],
                built_at=values["built_at"],
                sources=dict(values["sources"]),
                filled=bool(values["filled"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


def split_comment(comment: str | None) -> tuple[str, str]:
    """Return what a script said of its table, and the stamp's line; each is empty where it is not there."""
    lines = (comment or "").split("\n")
    if lines[-1].startswith(PREFIX):
        return "\n".join(lines[:-1]), lines[-1]
    return "\n".join(lines), ""


def with_stamp(comment: str | None, stamp: Stamp) -> str:
    """Return *comment* with *stamp* in the place of an earlier one."""
    said, _ = split_comment(comment)
    return f"{said}\n{stamp.line()}" if said else stamp.line()

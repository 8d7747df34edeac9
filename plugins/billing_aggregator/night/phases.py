"""The one list of phases and their order.

A phase is a folder of SQL, ``include/sql/<phase>/<system>/``, or work of the machinery: start, export, publish.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScriptPhase:
    """A phase that is a folder of SQL.

    :param name: of the folder and of the task group; logs and metrics have it as ``phase``.
    :param checks: its files are checks: SELECTs of the offending rows.
    :param ordered: a system waits for the systems that it needs.
    :param numbered_needs: it waits only from the script on that ``systems.<name>.needs`` has a number for.
    :param required: every system must have scripts here.
    :param publishes: it changes what readers see, so dry runs skip it.
    :param rare: a DAG whose systems have no scripts here has no group for it.
    """

    name: str
    checks: bool = False
    ordered: bool = False
    numbered_needs: bool = False
    required: bool = False
    publishes: bool = False
    rare: bool = False


START, EXPORT, PUBLISH = "start", "export", "publish"

BEFORE_EXPORTS = (
    ScriptPhase("prechecks", checks=True),
    ScriptPhase("init", ordered=True, numbered_needs=True, required=True),
    ScriptPhase("audits", checks=True),
    ScriptPhase("release", ordered=True),
    # Books what is durable, by key: a phase that few systems have.
    ScriptPhase("post", ordered=True, publishes=True, rare=True),
)
AFTER_EXPORTS = (
    ScriptPhase("history", publishes=True),
    ScriptPhase("cleanup"),
)
# Of a feed, below a folder of the feed's name: what a batch is posted with, and what each run checks at its end.
POSTING, FEED_CHECKS = FEED_PHASES = (
    ScriptPhase("feeds", required=True),
    ScriptPhase("feed_checks", checks=True),
)
# Until a run has released its own results; the release itself still meets the earlier ones.
BEFORE_RELEASE = frozenset({"prechecks", "init", "audits", "release"})
SCRIPT_PHASES = (*BEFORE_EXPORTS, *AFTER_EXPORTS)
# Every phase by name, from left to right; the task `finish` stands behind all of them.
DAG_PHASES = (
    START,
    *(phase.name for phase in BEFORE_EXPORTS),
    EXPORT,
    PUBLISH,
    *(phase.name for phase in AFTER_EXPORTS),
)

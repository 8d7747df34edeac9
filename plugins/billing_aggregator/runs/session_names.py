"""Names that say which run and task a database session belongs to, within the 63 bytes that Postgres keeps.

``bda:<client>/<environment>:<run tag>:<task>``. The run tag stands for the Airflow deployment, the DAG and the run; the
tables ``report_oibl.aggregator_runs`` and ``aggregator_claims`` have it as column ``tag``, and each task logs it.
"""

from __future__ import annotations

import hashlib

PREFIX = "bda"
MAX_BYTES = 63
TAG_LENGTH = 8
MARK = "~"
# 24 bits: of a hundred names with equal ends, two share a hash with a probability of 0.0003.
DIGEST_LENGTH = 6


def run_tag(deployment: str, dag_id: str, run_id: str) -> str:
    """Return eight hexadecimal digits that identify a run among all runs of all deployments."""
    return _digest("\n".join((deployment, dag_id, run_id)), TAG_LENGTH)


def session_name(client: str, environment: str, tag: str, task_id: str) -> str:
    """Return the ``application_name`` of a task's session.

    A name that is too long keeps its ends and gets a hash of the whole, so that no two tasks share one; characters that
    Postgres would replace are replaced here, before the hash.
    """
    where = _cut(_plain(f"{client}/{environment}"), 24)
    head = f"{PREFIX}:{where}:{tag}:"
    return head + _cut(_plain(task_id), MAX_BYTES - len(head))


def _plain(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-/") else "_" for c in text)


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    mark = MARK + _digest(text, DIGEST_LENGTH) + MARK
    kept = length - len(mark)
    # A task's id begins with its phase and ends with the script's number and name: keep both ends.
    front = kept // 3
    return text[:front] + mark + text[len(text) - (kept - front) :]


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]

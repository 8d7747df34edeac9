"""The text of an error that may be shown: one line, no secrets, no customer data."""

from __future__ import annotations

import re

from billing_aggregator.errors.kinds import chain, sqlstate

MAX_LINE = 300
HIDDEN = "***"
# Postgres quotes the offending value in the message of a data exception (class 22): '... type numeric: "Meyer"'.
DATA_EXCEPTION = "22"
_SECRETS = (
    (re.compile(r"(?i)\b(password|passwd|secret|token|secret_access_key|access_key)(\s*[=:]\s*)\S+"), r"\1\2" + HIDDEN),
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@]+@"), r"\1:" + HIDDEN + "@"),
    (re.compile(r"(/services)(/[\w-]+){2,3}"), r"\1/" + HIDDEN),
    (re.compile(r"\bxox[a-z]-[\w-]+"), HIDDEN),
    (re.compile(r"\bAKIA[0-9A-Z]{12,}"), HIDDEN),
)
_PERSONAL = (
    (re.compile(r"\b[\w.+-]+@[\w-]+(\.[\w-]+)+"), HIDDEN),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b"), HIDDEN),
)


def first_line(error: BaseException | str | None) -> str:
    """Return one line that says what went wrong, for use in messages: no DETAIL, no values, no secrets.

    Messages of one or two words get the type's name in front (``KeyError: 'x'``).
    """
    if error is None:
        return "no error was recorded"
    if isinstance(error, str):
        return harmless(error)
    masked = any((sqlstate(link) or "").startswith(DATA_EXCEPTION) for link in chain(error))
    text = str(error).strip()
    line = text.splitlines()[0] if text else ""
    if len(line.split()) <= 2:  # noqa: PLR2004 - a bare word or two
        line = f"{type(error).__name__}: {line}".rstrip(": ")
    if masked:
        line = re.sub(r'"[^"]*"?', f'"{HIDDEN}"', line)
    return harmless(line)


def harmless(text: str) -> str:
    """Return the first line of *text* without secrets, mail addresses and bank accounts, at most 300 characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    for pattern, replacement in (*_SECRETS, *_PERSONAL):
        line = pattern.sub(replacement, line)
    line = _redacted(line)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


def _redacted(line: str) -> str:
    """Hide the secrets that Airflow knows: passwords of connections that this process has read."""
    try:
        from airflow.sdk._shared.secrets_masker import redact
    except ImportError:
        return line
    return str(redact(line))

"""Messages as they arrive, without what differs from run to run: fit to be compared with the docs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import EmailMessage

REPLACEMENTS = (
    (r"manual__[\dT-]+(:\d\d)+\.\d+\+00:00", "manual__2026-11-20T02:00:00+00:00"),
    (r"manual__[\dT-]+(%3A\d\d)+\.\d+%2B00%3A00", "manual__2026-11-20T02%3A00%3A00%2B00%3A00"),
    (r"http://127\.0\.0\.1:\d+", "https://airflow.example.com"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00(?!\")(?<!02:00:00\+00:00)", "2026-11-20T02:10:00+00:00"),
    (r"(after|since) \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", r"\1 2026-11-20 02:00 UTC"),
    (r"ends at \d\d:\d\d:\d\d UTC", "ends at 03:30:00 UTC"),
    (r"(?<!\d)20\d\d-\d\d-\d\d(?!\d)", "2026-11-20"),
    # What a run that is stopped after a minute was doing then depends on the machine.
    (r"(?<=run_timeout_minutes and was stopped\nTask:          )\S+", "init.bookkeeper.020_slow"),
    (r"session tag [0-9a-f]{8}", "session tag 3f9a1c2e"),
)


def steady(text: str) -> str:
    """Return *text* with the same run id, times and address in every run."""
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return text


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Return the plain text and the HTML of a mail."""
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return plain.get_content(), html.get_content()


def shown_mail(mail: EmailMessage) -> str:
    return steady(f"From: {mail['From']}\nTo: {mail['To']}\nSubject: {mail['Subject']}\n\n{parts(mail)[0].rstrip()}")


def shown_post(post: dict[str, Any]) -> str:
    return steady(json.dumps(post, indent=2, ensure_ascii=False))

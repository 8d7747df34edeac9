"""What Airflow's message queue trigger asks of each message of a watched topic, in the triggerer."""

from __future__ import annotations

from typing import Any


def any_message(message: Any) -> str:
    """Return a text for every message: each one starts a run, which then drains the topic."""
    return f"{message.topic()} {message.partition()} {message.offset()}"

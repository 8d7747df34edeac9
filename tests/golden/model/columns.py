"""What a column of a source table may hold."""

from __future__ import annotations

from datetime import datetime

Instant = datetime | None
Text = str | None
Number = int | None

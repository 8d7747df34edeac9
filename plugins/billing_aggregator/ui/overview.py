"""What the first page shows: one card a client and environment, and a sentence about tonight's list in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.config import BrokenConfig, ClientConfig
from billing_aggregator.ui.charts import Line, PhaseBar, line, phase_bars
from billing_aggregator.ui.nights import Expected, Night, expected, last_nights, published_before
from billing_aggregator.ui.source import NIGHTS
from billing_aggregator.ui.texts import exact_number, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from billing_aggregator.runs.run_history import RunRecord
    from billing_aggregator.ui.answers import Answer
    from billing_aggregator.ui.source import Nights

# Verdicts from best to worst; the page counts them.
GOOD, LOOK, WAIT, BAD = "good", "look", "wait", "bad"
VERDICTS = {"published": GOOD, "warned": LOOK, "late": BAD, "failed": BAD, "waiting": WAIT, "none": WAIT}


@dataclass(frozen=True)
class Card:
    """A client and environment.

    :param verdict: ``good``, ``look``, ``wait`` or ``bad``: what a person has to do about it.
    :param headline: is tonight's list there, and is it whole.
    :param detail: a sentence with figures, or why nothing is known.
    :param note: what else should be known, e.g. that the figures are old; empty: nothing.
    """

    client: str
    environment: str
    verdict: str
    headline: str
    detail: str
    note: str = ""
    nights: tuple[Night, ...] = ()
    rows: Line | None = None
    total: Line | None = None
    total_name: str = ""
    phases: tuple[PhaseBar, ...] = ()
    duration: str = ""
    newest: str = ""

    @property
    def name(self) -> str:
        """``client/environment``."""
        return f"{self.client}/{self.environment}"


def card(entry: ClientConfig | BrokenConfig, answer: Answer[Nights] | None, now: datetime) -> Card:
    """Return the card of *entry*.

    :param answer: what its warehouse said; None for an entry that is broken.
    """
    if isinstance(entry, BrokenConfig) or answer is None:
        error = entry.error.splitlines()[0] if isinstance(entry, BrokenConfig) else ""
        return _unknown(entry, BAD, "The configuration is wrong: nothing runs", error)
    if answer.value is None:
        if answer.error:
            return _unknown(entry, BAD, "Not known: the warehouse does not answer", answer.error)
        return _unknown(
            entry, WAIT, "Not known yet: the warehouse is slow", "It is still being asked; reload the page."
        )
    found = _known(entry, answer.value.runs, now)
    if answer.state == "old":
        reason = f": {answer.error}" if answer.error else ", it is being asked again"
        found["note"] = f"Figures of {span(answer.age)} ago; the warehouse does not answer now{reason}"
    return Card(entry.client, entry.environment, **found)


def main_total(runs: Sequence[RunRecord]) -> tuple[str, str] | None:
    """Return export and column of the control total that is drawn: of the newest publication that has one.

    Of the export with the most control totals, what was debited, else an amount, else the first one.
    """
    newest = next((run for run in runs if run.published and any(run.totals.values())), None)
    if newest is None:
        return None
    export = max(sorted(newest.totals), key=lambda name: len(newest.totals[name]))
    columns = sorted(newest.totals[export])
    for part in ("debit", "amount", ""):
        for column in columns:
            if part in column:
                return export, column
    return None


def _unknown(entry: ClientConfig | BrokenConfig, verdict: str, headline: str, detail: str) -> Card:
    return Card(entry.client, entry.environment, verdict, headline, detail)


def _known(config: ClientConfig, runs: Sequence[RunRecord], now: datetime) -> dict[str, Any]:
    nights = last_nights(config, runs, now, NIGHTS)
    wanted = expected(config, now)
    verdict, headline, detail = _headline(config, nights, runs, wanted)
    total = main_total(runs)
    last = next((run for run in runs if run.published), None)
    return {
        "verdict": verdict,
        "headline": headline,
        "detail": detail,
        "nights": tuple(nights),
        "rows": line([(f"{night.day}", _published_rows(night)) for night in nights], "rows"),
        "total": line([(f"{night.day}", _total(night, total)) for night in nights], total[1]) if total else None,
        "total_name": f"{total[1]} of {total[0]}" if total else "",
        "phases": tuple(phase_bars(last, now)) if last else (),
        "duration": span(last.ended_at - last.started_at) if last and last.ended_at else "",
        "newest": last.tag if last else "",
    }


def _headline(
    config: ClientConfig, nights: Sequence[Night], runs: Sequence[RunRecord], wanted: Expected | None
) -> tuple[str, str, str]:
    """Return the verdict on the list that readers should have by now, a headline, and a sentence."""
    last = next((night for night in reversed(nights) if night.state != "none"), None)
    tonight = next((night for night in nights if wanted is not None and night.day == wanted.day), last)
    if last is None or tonight is None:
        when = "It runs only when somebody starts it." if wanted is None else "No run is recorded in the warehouse."
        return WAIT, f"No list in the last {NIGHTS} nights", when
    # Somebody may have published a later day by hand.
    tonight = max(tonight, last, key=lambda night: night.day)
    verdict, headline = VERDICTS[tonight.state], _words(tonight)
    if tonight.run is not None and tonight.run.published:
        missing = _missing(tonight.run, runs)
        if missing:
            return BAD, f"The list of {tonight.day} is not whole: {', '.join(missing)} stays as before", tonight.title
        return LOOK if tonight.state == "late" else verdict, headline, _sentence(tonight)
    readers = next((night for night in reversed(nights) if night.run is not None and night.run.published), None)
    seen = f" Readers still see the list of {readers.day}." if readers else " Readers have no list so far."
    return verdict, headline, _sentence(tonight) + seen


def _words(night: Night) -> str:
    day = night.day
    whole = f"The list of {day} is there and whole"
    if night.run is not None and night.run.published:
        return {"published": whole, "warned": f"{whole}, with warnings"}.get(night.state, f"{whole}, but it was late")
    return {
        "failed": f"The list of {day} is not there: the run failed",
        "late": f"The list of {day} is not there, and it is late",
    }.get(night.state, f"The list of {day} is not there yet")


def _sentence(night: Night) -> str:
    return night.text[:1].upper() + night.text[1:] + "."


def _missing(run: RunRecord, runs: Sequence[RunRecord]) -> list[str]:
    """Return the exports that the publication before had and this one has left out."""
    before = published_before(runs, run)
    return sorted(set(before.totals) - set(run.totals)) if before else []


def _published_rows(night: Night) -> int | None:
    return night.run.rows if night.run is not None and night.run.published else None


def _total(night: Night, total: tuple[str, str]) -> Decimal | None:
    totals: Mapping[str, Mapping[str, str]] = night.run.totals if night.run is not None and night.run.published else {}
    return exact_number(totals.get(total[0], {}).get(total[1]))

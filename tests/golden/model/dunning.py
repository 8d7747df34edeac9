"""Dunning and dunning locks per MBA name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import grouped, outer, utc_day

if TYPE_CHECKING:
    from tests.golden.model.receivables_sources import Case, CaseClaim, Lock
    from tests.golden.model.vault import Vault

NO_END = date(9999, 12, 31)
SHOWN_STATUSES = ("DUNNING", "BLOCKING", "INKASSO")
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_LAST_ID = 1 << 128


class Dunning(NamedTuple):
    """A row of base_data_dunning."""

    dunning_level: int | None
    dunning_scenario: str | None
    dunning_status: str | None
    dunning_lock_until: date | None
    dunning_lock_reason: str | None


def dunning(vault: Vault, as_of: date) -> dict[str, Dunning]:
    """Full outer join of the newest case with its claim, and of the lock, by MBA; empty without any case."""
    if not vault.cases:
        return {}
    cases = _cases(vault)
    locks = _locks(vault, as_of)
    return {mba: _row(cases.get(mba), locks.get(mba)) for mba in cases.keys() | locks.keys()}


def _row(case: tuple[Case, CaseClaim | None] | None, lock: Lock | None) -> Dunning:
    record, claim = case or (None, None)
    return Dunning(
        dunning_level=claim.dunning_level if claim else None,
        dunning_scenario=claim.scenario if claim else None,
        dunning_status=record.status if record and record.status in SHOWN_STATUSES else None,
        dunning_lock_until=_end(lock) if lock else None,
        dunning_lock_reason=lock.reason if lock else None,
    )


def _cases(vault: Vault) -> dict[str, tuple[Case, CaseClaim | None]]:
    """Newest case per MBA (null creation is newest) with its claim. Tie: highest level, then lowest id."""
    claims = grouped(vault.case_claims, lambda row: row.case_receivable_id)
    pairs = [(case, claim) for case in vault.cases for claim in outer(claims.get(case.id))]
    return {mba: max(rows, key=_case_rank) for mba, rows in grouped(pairs, lambda pair: pair[0].mba).items()}


def _case_rank(pair: tuple[Case, CaseClaim | None]) -> tuple[tuple[bool, datetime], int, int, int]:
    case, claim = pair
    level = claim.dunning_level if claim and claim.dunning_level is not None else -1
    claim_id = claim.dunning_claim_id if claim else None
    return _newest(case.created_at), level, -case.id.int, -(claim_id.int if claim_id else _LAST_ID)


def _locks(vault: Vault, as_of: date) -> dict[str, Lock]:
    """Newest lock per MBA is chosen first; then dropped if deleted or ended before the business date."""
    groups = grouped(vault.locks, lambda row: row.mba)
    newest = {
        mba: max(rows, key=lambda row: (_newest(row.created_at), _newest(row.updated_at)))
        for mba, rows in groups.items()
    }
    return {mba: lock for mba, lock in newest.items() if not lock.deleted and _end(lock) >= as_of}


def _end(lock: Lock) -> date:
    return NO_END if lock.expires_at is None else utc_day(lock.expires_at)


def _newest(instant: datetime | None) -> tuple[bool, datetime]:
    """Descending order puts null first: null counts as the newest."""
    return instant is None, instant or _BEGINNING

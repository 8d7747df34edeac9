"""Which tables of the vaults a client's night reads, from the text of its scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from billing_aggregator.sql.statements import without_comments

if TYPE_CHECKING:
    from billing_aggregator.night.description import Night

VAULT_TABLE = re.compile(r"\b([a-z_]+_vault)\.([a-z_][a-z0-9_]*)")


def vault_tables(night: Night) -> dict[str, list[str]]:
    """Return schema -> tables of the vaults that the scripts of ``init`` read, sorted.

    :raises SourceFileError: a script cannot be read.
    """
    found: set[tuple[str, str]] = set()
    for system in night.phase("init").systems:
        for script in system.scripts:
            found |= set(VAULT_TABLE.findall(without_comments(script.read())))
    schemas: dict[str, list[str]] = {}
    for schema, table in sorted(found):
        schemas.setdefault(schema, []).append(table)
    return schemas

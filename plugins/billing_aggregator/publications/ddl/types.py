"""Postgres' types in the words of other engines: the narrowest one that holds every value exactly.

What an engine has no exact type for (numbers without or with too many digits, times with an offset, arrays, JSON,
bytes) stays a text, so that nothing is lost; a comment in the statement says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_DIGITS = 38
TYPE = re.compile(
    r"(?P<name>[a-z][a-z ]*?)(?:\((?P<sizes>[\d,-]+)\))?(?P<zone> with(?:out)? time zone)?(?P<array>(?:\[\])*)"
)
#: Postgres' name -> the same type in Redshift, Athena, Snowflake and DuckDB.
SAME = {
    "smallint": ("smallint", "smallint", "smallint", "smallint"),
    "integer": ("integer", "int", "integer", "integer"),
    "bigint": ("bigint", "bigint", "bigint", "bigint"),
    "boolean": ("boolean", "boolean", "boolean", "boolean"),
    "date": ("date", "date", "date", "date"),
    "real": ("real", "float", "float", "real"),
    "double precision": ("double precision", "double", "double", "double"),
    "timestamp without time zone": ("timestamp", "timestamp", "timestamp_ntz(6)", "timestamp"),
    "timestamp with time zone": ("timestamptz", "timestamp", "timestamp_tz(6)", "timestamptz"),
}
PLACES = {"redshift": 0, "athena": 1, "snowflake": 2, "duckdb": 3}
TEXTS = {"redshift": "varchar(65535)", "athena": "string", "snowflake": "varchar", "duckdb": "varchar"}
PLAIN_TEXTS = frozenset({"text", "character varying", "character", "name", "citext", "uuid"})
REDSHIFT_BYTES = 65535
BYTES_PER_CHARACTER = 4


@dataclass(frozen=True)
class EngineType:
    """A column's type in an engine.

    :param is_exact: False: the engine has no such type, and the column stays text.
    """

    sql: str
    is_exact: bool = True


def engine_type(postgres_type: str, engine: str) -> EngineType:
    """Return the type of an engine for one of Postgres, as ``format_type`` names it.

    :param engine: one of :data:`PLACES`, or ``postgres``.
    """
    if engine == "postgres":
        return EngineType(postgres_type)
    match = TYPE.fullmatch(postgres_type)
    name = (match["name"] + (match["zone"] or "")) if match else ""
    sizes = [int(size) for size in (match["sizes"] or "").split(",") if size] if match else []
    if match is None or match["array"]:
        return EngineType(TEXTS[engine], is_exact=False)
    if name == "numeric":
        return _decimal(sizes, engine)
    if name in PLAIN_TEXTS:
        return EngineType(_text(sizes if name.startswith("character") else [], engine))
    if name in SAME:
        return EngineType(SAME[name][PLACES[engine]])
    return EngineType(TEXTS[engine], is_exact=False)


def _decimal(sizes: list[int], engine: str) -> EngineType:
    if not sizes or sizes[0] > MOST_DIGITS or not 0 <= sizes[1] <= sizes[0]:
        return EngineType(TEXTS[engine], is_exact=False)
    return EngineType(f"decimal({sizes[0]},{sizes[1]})")


def _text(sizes: list[int], engine: str) -> str:
    if engine == "redshift" and sizes:
        # Redshift counts bytes, Postgres characters.
        return f"varchar({min(sizes[0] * BYTES_PER_CHARACTER, REDSHIFT_BYTES)})"
    if engine == "snowflake" and sizes:
        return f"varchar({sizes[0]})"
    return TEXTS[engine]

"""Reads JSON of strangers: exact numbers, no duplicate keys, nothing that Postgres' ``jsonb`` could not take.

A batch is written by one statement: a text that the server refuses costs all its neighbours a second try.
"""

from __future__ import annotations

import json
from typing import Any

#: Bytes of one message. Orders of a thousand lines have a tenth of it.
MOST_BYTES = 1 << 20
MOST_DEPTH = 32
#: Characters of a number, and its largest power of ten: far beyond any amount, far below what ``numeric`` holds.
MOST_DIGITS = 60
MOST_EXPONENT = 99
NOT_JSON = "not a UTF-8 JSON object"


class RefusedError(ValueError):
    """The message cannot be an event; the text is the reason."""


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def json_object(raw: bytes) -> tuple[dict[str, Any], str]:
    """Return the object in *raw* with every number as :class:`Number`, and its text.

    :raises RefusedError: it is no JSON object in UTF-8, or one that the database cannot keep.
    """
    if len(raw) > MOST_BYTES:
        raise RefusedError(f"longer than {MOST_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
    except RefusedError:
        raise
    except RecursionError:
        raise RefusedError(f"nested deeper than {MOST_DEPTH} levels") from None
    except ValueError:  # UnicodeDecodeError, JSONDecodeError
        raise RefusedError(NOT_JSON) from None
    if type(value) is not dict:
        raise RefusedError(NOT_JSON)
    if text.count("{") + text.count("[") > MOST_DEPTH:
        _refuse_depth(value)
    if "\\u" in text:
        _refuse_characters(value)
    return value, text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedError("a key stands twice in an object")
    return found


def _whole(text: str) -> Number:
    if len(text) > MOST_DIGITS:
        raise RefusedError(f"a number of more than {MOST_DIGITS} characters")
    return Number(text)


def _decimal(text: str) -> Number:
    exponent = text.lower().partition("e")[2]
    if exponent and (len(exponent) > MOST_DIGITS or abs(int(exponent)) > MOST_EXPONENT):
        raise RefusedError(f"a number with an exponent beyond {MOST_EXPONENT}")
    return _whole(text)


# NaN and Infinity are no JSON, and Python reads them: a field's own rule gives a better reason than refuse_constants.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=Number)


def refuse_constants(text: str) -> None:
    """Refuse NaN and Infinity outside of strings, in a text that was read: the database takes neither.

    :raises RefusedError: there is one.
    """
    if "NaN" in text or "Infinity" in text:
        json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(_text: str) -> None:
    raise RefusedError(NOT_JSON)


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise RefusedError(f"nested deeper than {MOST_DEPTH} levels")


def _refuse_characters(value: Any) -> None:
    """Refuse what an escape can write and no text in the database can hold."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError("a string with half of a surrogate pair") from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise RefusedError("a string with the character NUL")

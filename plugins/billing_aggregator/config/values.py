"""The types of configuration values, each with a text that says what is allowed."""

from __future__ import annotations

import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints

from billing_aggregator.config.limits import MOST_ROWS_PER_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

WHOLE_NUMBER = re.compile(r"\s*-?(0|[1-9][0-9]*)\s*", re.ASCII)
ENVIRONMENT_NAMES = ("dev", "stage", "prod", "local", "playground")
MAX_ROWS_PER_FILE = MOST_ROWS_PER_FILE


class Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True)
class Words:
    """What a pattern allows, as the end of "must be ..."."""

    text: str


Environment = Literal["dev", "stage", "prod", "local", "playground"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Severity = Literal["fail", "warn", "info"]
# night/phases.py has the list; a test compares them.
PhaseName = Literal[
    "start", "prechecks", "init", "audits", "release", "post", "export", "publish", "history", "cleanup"
]
ExecutorName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$"),
    Words("the name of an executor, as in Airflow's [core] executor, such as LocalExecutor"),
]
ClientId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"),
    Words(
        "1 to 40 lower-case letters, digits and inner hyphens: the id is part of S3 keys, DAG ids and folder names, "
        "such as enercity or q-cells"
    ),
]
SystemName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"),
    Words("names of systems, such as bookkeeper, in lower-case letters, digits and underscores"),
]
BucketName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
    Words("a bucket's name: 3 to 63 lower-case letters, digits, hyphens and dots"),
]
Region = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+[0-9]*(-[a-z0-9]+)*$"),
    Words("a region's name such as eu-central-1"),
]
Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$"),
    Words("an address such as https://s3.example.org:9000, without keys in it"),
]
OptionalUrl = Annotated[
    str,
    StringConstraints(pattern=r"^(https?://[^\s@]+)?$"),
    Words("an address such as https://docs.example.org/runbook, or empty"),
]
# A host name, an IPv4 or IPv6 address, several of them, or the folder of a Unix socket.
HostName = Annotated[
    str,
    StringConstraints(pattern=r"^(/[^\s@]*|[^\s/@:]+|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*)$"),
    Words("a host's name or address alone, without protocol, user or port"),
]
BootstrapServers = Annotated[
    str,
    StringConstraints(
        pattern=r"^([^\s,:/@]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}(,([^\s,:/@]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5})*$"
    ),
    Words("hosts with ports such as broker-1:9092,broker-2:9092"),
]
ConnectionId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$"),
    Words("the id of an Airflow connection: letters, digits and . _ -"),
]
EmailAddress = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$"),
    Words("a mail address such as billing@example.org"),
]
IsoDate = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"),
    Words("a day as YYYY-MM-DD, such as 2026-01-31"),
]
SettingText = Annotated[str, Words('text: put it in quotation marks, as in jit: "off"')]
NotEmpty = Annotated[str, StringConstraints(min_length=1), Words("text that is not empty")]


def allowed(field: FieldInfo) -> str:
    """Return what *field* allows, as the end of "must be ..."."""
    parts = [*field.metadata, *_parts(field.annotation)]
    words = next((part.text for part in parts if isinstance(part, Words)), None)
    if words:
        return words
    low = next((part.ge for part in parts if isinstance(part, Ge)), None)
    high = next((part.le for part in parts if isinstance(part, Le)), None)
    if low is not None:
        return f"a whole number from {low} to {high}" if high is not None else f"a whole number from {low}"
    choices = [str(choice) for part in parts if get_origin(part) is Literal for choice in get_args(part)]
    if choices:
        return f"one of {', '.join(choices)}"
    if bool in parts:
        return "true or false"
    if any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts):
        return "a mapping"
    return "text"


def is_secret(field: FieldInfo) -> bool:
    """Return whether *field* holds a secret."""
    return SecretStr in _parts(field.annotation)


def is_truth(field: FieldInfo) -> bool:
    """Return whether *field* is a boolean."""
    return bool in _parts(field.annotation)


def is_whole_number(field: FieldInfo) -> bool:
    """Return whether *field* is a whole number."""
    return int in _parts(field.annotation)


def plain_number(value: Any) -> Any:
    """Return *value*; raises ValueError for text that is not plain decimal digits: Python accepts more."""
    if isinstance(value, str) and not WHOLE_NUMBER.fullmatch(value):
        raise ValueError("not a whole number in plain decimal digits")
    return value


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types and the metadata of an annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        yield from metadata
        yield from _parts(inner)
    elif origin in (Union, types.UnionType, tuple, list, dict):
        for inner in get_args(annotation):
            yield from _parts(inner)
    else:
        yield annotation

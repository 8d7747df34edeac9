"""Errors of the configuration, worded for the person who has to fix it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel

from billing_aggregator.config.values import allowed, is_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    Location = tuple[int | str, ...]

MISSING = ": is missing; it must be given here or in a layer below"
# An error of several fields, which its message names with their values.
TOGETHER = "together"
# Models of several kinds: pydantic puts the kind of the one that it has tried into the location, behind the key.
TAG_AT = 2
TAG_ERRORS = frozenset({"union_tag_invalid", "union_tag_not_found"})
OWN_WORDS = frozenset({"value_error", "assertion_error"})
CREDENTIALS = re.compile(r"(?<=://)[^\s/'\"]*@|[^\s/'\"]*:[^\s/'\"]*@")
SHOWN_CHARACTERS = 200


class ConfigError(ValueError):
    """The configuration is wrong; the message names the file or variable, the place and the way out.

    One line for each problem.
    """


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean x?`` for the nearest known name, or the list of all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), [*names, *(n.lower() for n in names)], n=1, cutoff=0.6)
    if near:
        return f"; did you mean {next(n for n in names if n.lower() == near[0].lower())}?"
    return f"; known: {', '.join(names)}"


def describe(
    error: ValidationError,
    model: type[BaseModel],
    place: Callable[[Location], str],
    skipped: Container[Location] = (),
) -> list[str]:
    """Return one line for each problem that pydantic found: place, value (no secrets) and what is allowed.

    :param model: the model that was validated.
    :param place: returns the text for a location in the model: a variable, or file and key.
    :param skipped: locations that were reported already.
    """
    found = []
    for problem in error.errors(include_url=False):
        problem["loc"], tag = _untagged(model, problem["loc"])
        if problem["loc"] not in skipped:
            of_kind = problem["type"] in TAG_ERRORS
            found.append(_kind_line(problem, place) if of_kind else _line(problem, model, place, tag))
    return sorted(set(found))


def shown(value: Any) -> str:
    """Return *value* for a message: shortened, without credentials in URLs."""
    names = isinstance(value, tuple | list) and all(isinstance(item, str) for item in value)
    text = CREDENTIALS.sub("***@", repr(",".join(value)) if names else repr(value))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _line(problem: ErrorDetails, model: type[BaseModel], place: Callable[[Location], str], tag: str | None) -> str:
    if problem["type"] == TOGETHER:
        return f"{place(problem['loc'][:-1])}: {problem['msg']}"
    where = place(problem["loc"])
    if not problem["loc"]:
        # Several fields that contradict each other: the message names them with their values.
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    if problem["type"] == "extra_forbidden":
        parent = model_at(model, problem["loc"][:-1], tag)
        return f"{where}: unknown key{suggestion(str(problem['loc'][-1]), parent.model_fields)}"
    if problem["type"] == "missing":
        return f"{where}{MISSING}"
    field = field_at(model, problem["loc"], tag)
    value = "***" if field is not None and is_secret(field) else shown(problem["input"])
    if problem["type"] in OWN_WORDS or field is None:
        return f"{where} = {value}: {problem['msg'].removeprefix('Value error, ')}"
    return f"{where} = {value}: must be {allowed(field)}"


def _kind_line(problem: ErrorDetails, place: Callable[[Location], str]) -> str:
    where = place((*problem["loc"], "kind"))
    tags = str(problem["ctx"].get("expected_tags", "")).replace("'", "")
    return f"{where} = {shown(problem['ctx']['tag'])}: must be one of {tags}" if tags else f"{where}{MISSING}"


def model_at(model: type[BaseModel], location: Location, tag: str | None = None) -> type[BaseModel]:
    """Return the model that a location within *model* leads into; a mapping of models is entered by any key.

    :param tag: which of several kinds it is; None: the first one.
    """
    within: dict[str, type[BaseModel]] = {}
    for name in location:
        if within:
            model, within = within.get(tag or "", next(iter(within.values()))), {}
            continue
        field = model.model_fields.get(str(name))
        inner = field.annotation if field else None
        if get_origin(inner) is dict:
            within = _kinds(get_args(inner)[1])
        elif _is_model(inner):
            model = inner
    return model


def field_at(model: type[BaseModel], location: Location, tag: str | None = None) -> FieldInfo | None:
    """Return the field of a location; items of lists and values of mappings belong to the field that holds them."""
    found = None
    for depth, name in enumerate(location):
        holder = model_at(model, location[:depth], tag)
        by_alias = {field.alias or key: field for key, field in holder.model_fields.items()} | dict(holder.model_fields)
        if str(name) in by_alias:
            found = by_alias[str(name)]
        elif found is None or model_at(model, location[: depth + 1], tag) is holder:
            break
    return found


def _kinds(kind: Any) -> dict[str, type[BaseModel]]:
    """Return the models of a mapping's values by their ``kind``; nothing where the values are no models."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    models = [one for one in (get_args(kind) or (kind,)) if _is_model(one)]
    return {get_args(one.model_fields["kind"].annotation)[0] if len(models) > 1 else "": one for one in models}


def _untagged(model: type[BaseModel], location: Location) -> tuple[Location, str | None]:
    """Return the location as it is in the file, and the kind that pydantic has put into it."""
    field = model.model_fields.get(str(location[0])) if len(location) > TAG_AT else None
    if field and get_origin(field.annotation) is dict and location[TAG_AT] in _kinds(get_args(field.annotation)[1]):
        return (*location[:TAG_AT], *location[TAG_AT + 1 :]), str(location[TAG_AT])
    return location, None


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)

"""Decides what an IAM policy allows, as AWS documents it: explicit denials first, then allowances, nothing else."""

from __future__ import annotations

from copy import deepcopy
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Policy = dict[str, Any]


class Ask(NamedTuple):
    """One action on one resource.

    :param context: condition keys, e.g. ``s3:prefix``.
    """

    action: str
    resource: str
    context: dict[str, str]


def allows(policy: Policy, ask: Ask) -> bool:
    """Tell whether the policy allows it."""
    effects = [statement["Effect"] for statement in policy["Statement"] if _covers(statement, ask)]
    return "Allow" in effects and "Deny" not in effects


def without(policy: Policy, action: str) -> Policy:
    """Return the policy less one action."""
    less = deepcopy(policy)
    for statement in less["Statement"]:
        statement["Action"] = [each for each in _listed(statement["Action"]) if each != action]
    return less


def actions(policy: Policy) -> Iterator[str]:
    """Yield each action of the policy."""
    for statement in policy["Statement"]:
        yield from _listed(statement["Action"])


def _covers(statement: dict[str, Any], ask: Ask) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    assert not unknown, f"this stand-in does not know {unknown}"
    return (
        any(fnmatchcase(ask.action.lower(), each.lower()) for each in _listed(statement["Action"]))
        and any(fnmatchcase(ask.resource, each) for each in _listed(statement["Resource"]))
        and all(_holds(operator, keys, ask) for operator, keys in statement.get("Condition", {}).items())
    )


def _holds(operator: str, keys: dict[str, Any], ask: Ask) -> bool:
    """A key that the request does not have makes a condition false."""
    assert operator == "StringLike", f"this stand-in does not know the condition {operator}"
    return all(
        any(fnmatchcase(ask.context[key], pattern) for pattern in _listed(values)) if key in ask.context else False
        for key, values in keys.items()
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)

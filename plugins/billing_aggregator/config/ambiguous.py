"""Finds values in an entry that YAML readers interpret differently, unless the model expects exactly that word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing_aggregator.config.errors import field_at
from billing_aggregator.config.models import ClientConfig
from billing_aggregator.config.values import is_truth
from billing_aggregator.config.yaml_values import Ambiguous

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from billing_aggregator.config.errors import Location


def ambiguous_values(values: Any, at: Location = ()) -> Iterator[tuple[Location, Ambiguous]]:
    """Yield place and value of each ambiguous value; ``yes`` is not one where true or false is expected."""
    if isinstance(values, Ambiguous):
        field = field_at(ClientConfig, at)
        if not (values.is_truth and field is not None and is_truth(field)):
            yield at, values
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from ambiguous_values(value, (*at, key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from ambiguous_values(value, (*at, index))


def without(values: Any, places: Container[Location], at: Location = ()) -> Any:
    """Return nested *values* without those at *places*."""
    if isinstance(values, dict):
        return {k: without(v, places, (*at, k)) for k, v in values.items() if (*at, k) not in places}
    if isinstance(values, list):
        return [without(v, places, (*at, i)) for i, v in enumerate(values) if (*at, i) not in places]
    return values

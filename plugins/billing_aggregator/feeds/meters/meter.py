"""What a meter is: a class with one method, ``read``; an entry of ``meters`` in ``clients.yaml`` names it.

``cfapps`` and ``cfservices`` come with the package; any other entry is the dotted path of a class, such as
``agency_meters.volumes.Volumes``. Its meter's name in the warehouse is the class's attribute ``name``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from billing_aggregator.errors.kinds import TerminalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from billing_aggregator.feeds.meters.platform import Platform

OWN = {
    "cfapps": "billing_aggregator.feeds.meters.cloudfoundry.Apps",
    "cfservices": "billing_aggregator.feeds.meters.cloudfoundry.Services",
}


class UnknownMeterError(TerminalError):
    """An entry of ``meters`` names no class that can be used; the message says why."""


@dataclass(frozen=True)
class Measured:
    """One resource at the time of the reading.

    :param kind_id: what it is priced by; empty where the meter has one kind.
    :param value: in the meter's unit, not below zero.
    :param space_id, org_id: where it is; None where the platform does not say. ``org_id`` is a UUID.
    """

    resource_id: str
    value: Decimal | int
    kind_id: str = ""
    name: str = ""
    kind: str = ""
    space_id: str | None = None
    space: str = ""
    org_id: str | None = None
    org: str = ""


class Meter(Protocol):
    """Reads the usage of one sort of resource."""

    #: Of the meter in the warehouse.
    name: str

    def read(self, platform: Platform) -> Iterable[Measured]:
        """Yield each resource that uses something now, page by page: a platform may have 100,000 of them."""


def meter_of(entry: str) -> Meter:
    """Return the meter that an entry of ``meters`` means.

    :raises UnknownMeterError: there is no such class, or it has no name.
    """
    path = OWN.get(entry, entry)
    module, _, attribute = path.rpartition(".")
    try:
        meter: Meter = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise UnknownMeterError(
            f"meter {entry}: {error}; known: {', '.join(sorted(OWN))}, or the dotted path of a class"
        ) from error
    if not getattr(meter, "name", "") or not callable(getattr(meter, "read", None)):
        raise UnknownMeterError(f"meter {entry}: the class needs an attribute 'name' and a method 'read'")
    return meter

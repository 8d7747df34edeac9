"""The two meters of Cloud Foundry: memory of started apps, and managed service instances."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from billing_aggregator.feeds.meters.meter import Measured
from billing_aggregator.feeds.meters.platform import PlatformRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing_aggregator.feeds.meters.platform import Platform

#: Also the number of GUIDs in one address, which servers limit to some 8 kB.
PER_PAGE = "100"
LONGEST_PAGE = "5000"


class Apps:
    """Apps in state STARTED; the value is MB: the sum over an app's processes of instances x memory_in_mb."""

    name = "cfapps"

    def read(self, platform: Platform, only: str | None = None) -> Iterator[Measured]:
        """Yield each started app; at any time one page of apps and their processes are held.

        :param only: the GUID of the one app to ask for.
        """
        parameters = {"per_page": PER_PAGE, "include": "space.organization"} | ({"guids": only} if only else {})
        for page in platform.pages("v3/apps", parameters):
            places = Places(platform, page)
            started = [app for app in page["resources"] if app["state"] == "STARTED"]
            memory = _memory(platform, [app["guid"] for app in started])
            for app in started:
                yield Measured(app["guid"], memory[app["guid"]], name=app["name"], **places.of(app))


class Services:
    """Managed service instances; their kind is their plan, the value is 1."""

    name = "cfservices"

    def read(self, platform: Platform) -> Iterator[Measured]:
        """Yield each managed instance, page by page; user-provided ones are no service of the platform."""
        parameters = {
            "type": "managed",
            "per_page": PER_PAGE,
            "fields[space]": "guid,name,relationships.organization",
            "fields[space.organization]": "guid,name",
            "fields[service_plan]": "guid,name",
        }
        for page in platform.pages("v3/service_instances", parameters):
            places = Places(platform, page)
            plans = _by_guid(page, "service_plans")
            for instance in page["resources"]:
                if instance["type"] != "managed":
                    continue
                plan = _related(instance, "service_plan")
                if plan is None:
                    raise PlatformRefusedError(f"service instance {instance['guid']}: it has no service plan")
                kind = str(plans.get(plan, {}).get("name", ""))
                yield Measured(
                    instance["guid"], 1, kind_id=plan, kind=kind, name=instance["name"], **places.of(instance)
                )


class Places:
    """Spaces and organizations of a page's resources: included in it, or asked for."""

    def __init__(self, platform: Platform, page: dict[str, Any]) -> None:
        self._spaces = _by_guid(page, "spaces")
        self._organizations = _by_guid(page, "organizations")
        wanted = {_related(resource, "space") for resource in page["resources"]} - {None}
        missing = sorted(
            str(guid)
            for guid in wanted
            if _related(self._spaces.get(guid, {}), "organization") not in self._organizations
        )
        if missing:
            parameters = {"guids": ",".join(missing), "include": "organization", "per_page": LONGEST_PAGE}
            for found in platform.pages("v3/spaces", parameters):
                self._spaces |= {space["guid"]: space for space in found["resources"]}
                self._organizations |= _by_guid(found, "organizations")

    def of(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return where *resource* is, as a measurement has it."""
        space_id = _related(resource, "space")
        space = self._spaces.get(space_id, {})
        org_id = _related(space, "organization")
        org = self._organizations.get(org_id, {})
        return {
            "space_id": space_id,
            "space": str(space.get("name", "")),
            "org_id": org_id,
            "org": str(org.get("name", "")),
        }


def _memory(platform: Platform, apps: list[str]) -> dict[str, int]:
    """Return app -> MB of all its processes; an app that is started and has none uses nothing."""
    memory: dict[str, int] = defaultdict(int)
    if not apps:
        return memory
    for page in platform.pages("v3/processes", {"app_guids": ",".join(apps), "per_page": LONGEST_PAGE}):
        for process in page["resources"]:
            memory[str(_related(process, "app"))] += int(process["instances"]) * int(process["memory_in_mb"])
    return memory


def _related(resource: dict[str, Any], name: str) -> str | None:
    """Return the GUID of a relationship; None where it has none."""
    data = ((resource.get("relationships") or {}).get(name) or {}).get("data") or {}
    return data.get("guid")


def _by_guid(page: dict[str, Any], name: str) -> dict[Any, dict[str, Any]]:
    included: Iterable[dict[str, Any]] = (page.get("included") or {}).get(name) or ()
    return {resource["guid"]: resource for resource in included}

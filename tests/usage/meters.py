"""Meters of the tests, and what counts and spoils requests to the platform."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from billing_aggregator.feeds.meters.meter import Measured
from billing_aggregator.feeds.meters.platform import Platform, PlatformRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Volumes:
    """A third meter: a class with one method."""

    name = "volumes"

    def read(self, platform: Platform) -> Iterator[Measured]:
        """Yield one volume for each organization."""
        for page in platform.pages("v3/organizations", {"per_page": "1"}):
            for one in page["resources"]:
                yield Measured(f"volume-{one['name']}", 10, org_id=one["guid"], org=one["name"])


class Failing(Volumes):
    """A meter that fails behind its first page."""

    name = "failing"

    def read(self, platform: Platform) -> Iterator[Measured]:
        """Yield one, then fail."""
        yield next(iter(super().read(platform)))
        raise PlatformRefusedError("no more")


class Traffic:
    """Counts the requests to a platform, and spoils some of their answers."""

    def __init__(self, platform: Platform) -> None:
        self.paths: Counter[str] = Counter()
        self.spoiled: list[Any] = []
        self.asked = platform._session.request
        setattr(platform._session, "request", self.request)  # noqa: B010 - the session is this test's own

    def request(self, method: str, url: str, **options: Any) -> Any:
        self.paths[url.partition("?")[0].rpartition(":")[2].partition("/")[2]] += 1
        if self.spoiled and "/v3/" in url:
            found = self.spoiled.pop(0)
            if isinstance(found, Exception):
                raise found
            answer = self.asked(method, url, **options)
            answer.status_code = found
            return answer
        return self.asked(method, url, **options)

"""A stand-in of Cloud Foundry's API for trying the usage out: not Cloud Foundry, its shapes only.

It speaks what the meters need of the documented API, version 3: the root's links, a token by client credentials,
``/v3/organizations``, ``/v3/spaces``, ``/v3/apps``, ``/v3/processes`` and ``/v3/service_instances`` with paging by
``pagination.next.href``, ``include`` and ``fields``. Its usage is a function of the hour, so two months lie behind it:
``clock`` says which hour it shows.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENT_ID = "billing"
TOKEN_SECONDS = 600
NAMESPACE = uuid.UUID("6a1d4c1e-0000-4000-8000-000000000000")
ORGANIZATIONS = {"parks": ("web", "data"), "transit": ("web",), "library": ("sandbox",)}
PLANS = ("postgres-small", "redis-medium")
#: In UTC.
BUSY_HOURS = range(13, 23)
#: space -> apps: name, MB of one instance, instances by day and by night.
APPS = {
    "parks/web": (("trails", 512, 4, 2), ("permits", 1024, 2, 1)),
    "parks/data": (("maps", 2048, 1, 1),),
    "transit/web": (("arrivals", 768, 6, 2), ("fares", 512, 2, 2)),
    "library/sandbox": (("catalog", 256, 1, 0),),
}


def guid(name: str) -> str:
    """Return the stable GUID of a name."""
    return str(uuid.uuid5(NAMESPACE, name))


class LocalPlatform:
    """The stand-in on a free port of 127.0.0.1, in a thread of this process.

    :param clock: returns the instant whose usage is shown.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.secret = secrets.token_urlsafe(24)
        self.token = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def resources(self, name: str) -> list[dict[str, Any]]:
        """Return the resources of a list, such as ``apps``, at the clock's hour."""
        listed: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "organizations": _organizations,
            "spaces": _spaces,
            "apps": lambda: _apps(self.clock()),
            "processes": lambda: _processes(self.clock()),
            "service_instances": _services,
            "service_plans": _plans,
        }
        return list(listed[name]()) if name in listed else []


def _organizations() -> Iterator[dict[str, Any]]:
    for name in ORGANIZATIONS:
        yield {"guid": guid(name), "name": name}


def _spaces() -> Iterator[dict[str, Any]]:
    for organization, spaces in ORGANIZATIONS.items():
        for space in spaces:
            place = f"{organization}/{space}"
            yield {"guid": guid(place), "name": space, "relationships": _relation("organization", guid(organization))}


def _instances(app: tuple[str, int, int, int], at: datetime) -> int:
    """Return how many instances run: more from 13 to 23 UTC, one more in every third hour of it."""
    _, _, by_day, by_night = app
    busy = at.hour in BUSY_HOURS
    return by_day + (1 if at.hour % 3 == 0 else 0) if busy else by_night


def _apps(at: datetime) -> Iterator[dict[str, Any]]:
    for place, apps in APPS.items():
        for app in apps:
            state = "STARTED" if _instances(app, at) else "STOPPED"
            name = f"{place}/{app[0]}"
            yield {"guid": guid(name), "name": app[0], "state": state, "relationships": _relation("space", guid(place))}


def _processes(at: datetime) -> Iterator[dict[str, Any]]:
    for place, apps in APPS.items():
        for app in apps:
            name = f"{place}/{app[0]}"
            yield {
                "guid": guid(f"{name}/process"),
                "type": "web",
                "instances": _instances(app, at),
                "memory_in_mb": app[1],
                "relationships": _relation("app", guid(name)),
            }


def _services() -> Iterator[dict[str, Any]]:
    for number, place in enumerate(APPS):
        relations = _relation("space", guid(place)) | _relation("service_plan", guid(PLANS[number % len(PLANS)]))
        name = f"{place.replace('/', '-')}-db"
        yield {"guid": guid(name), "name": name, "type": "managed", "relationships": relations}
    relations = _relation("space", guid("parks/web"))
    yield {"guid": guid("own-log"), "name": "own-log", "type": "user-provided", "relationships": relations}


def _plans() -> Iterator[dict[str, Any]]:
    for name in PLANS:
        yield {"guid": guid(name), "name": name}


def _relation(name: str, target: str) -> dict[str, Any]:
    return {name: {"data": {"guid": target}}}


def _handler(platform: LocalPlatform) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests for *platform*."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: An answer's end would wait 40 ms for the acknowledgement of its beginning.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Answer the root, or a page of a list to who has the token."""
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path in {"", "/"}:
                self._answer(200, {"links": {"self": {"href": platform.url}, "uaa": {"href": platform.url}}})
            elif not platform.token or self.headers.get("Authorization") != f"Bearer {platform.token}":
                self._answer(401, {"errors": [{"title": "CF-InvalidAuthToken", "code": 1000}]})
            else:
                self._answer(200, _page(platform, parts.path, query))

        def do_POST(self) -> None:
            """Answer a token to the client."""
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/oauth/token" or not self._is_client():
                self._answer(401, {"error": "unauthorized"})
                return
            platform.token = platform.token or secrets.token_urlsafe(24)
            self._answer(200, {"access_token": platform.token, "token_type": "bearer", "expires_in": TOKEN_SECONDS})

        def _is_client(self) -> bool:
            expected = base64.b64encode(f"{CLIENT_ID}:{platform.secret}".encode()).decode()
            return secrets.compare_digest(self.headers.get("Authorization", ""), f"Basic {expected}")

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep requests out of the output."""

    return Handler


def _page(platform: LocalPlatform, path: str, query: dict[str, str]) -> dict[str, Any]:
    """Return a page of a list in the shape of the API: pagination, resources, included."""
    found = platform.resources(path.removeprefix("/v3/"))
    if "guids" in query:
        found = [one for one in found if one["guid"] in query["guids"].split(",")]
    if "app_guids" in query:
        wanted = query["app_guids"].split(",")
        found = [one for one in found if one["relationships"]["app"]["data"]["guid"] in wanted]
    if "type" in query:
        found = [one for one in found if one.get("type") == query["type"]]
    size, number = int(query.get("per_page", "50")), int(query.get("page", "1"))
    following = None
    if number * size < len(found):
        following = {"href": f"{platform.url}{path}?{urlencode(query | {'page': str(number + 1)})}"}
    page: dict[str, Any] = {
        "pagination": {"total_results": len(found), "total_pages": -(-len(found) // size), "next": following},
        "resources": found[(number - 1) * size : number * size],
    }
    if "include" in query or any(name.startswith("fields[") for name in query):
        page["included"] = {name: platform.resources(name) for name in ("spaces", "organizations", "service_plans")}
    return page

"""Airflow's REST API, called until it answers: a busy machine is not an error."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from tests.waiting import PATIENCE_SECONDS

# Not 500: that is a defect, which the stack should find.
OVERLOADED = (429, 502, 503, 504)
PAUSE_SECONDS = 0.5


class RestError(AssertionError):
    """The API answered with an error: ``status``, and the text of the answer."""

    def __init__(self, status: int, method: str, path: str, text: str) -> None:
        super().__init__(f"{method} {path}: HTTP {status}: {text}")
        self.status = status


class Rest:
    """A client of the API server at *url*.

    :param call_seconds: how long one try waits for its answer.
    :param patience: seconds for all tries of one call.
    """

    def __init__(self, url: str, call_seconds: float = 120, patience: float = PATIENCE_SECONDS) -> None:
        self.url = url
        self.token = ""
        self._call_seconds = call_seconds
        self._patience = patience

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer, None when it is empty; raises :class:`RestError`.

        A call that was not answered is made again, so that *body* must say the same thing twice without harm: name the
        run that is to be created, set a state instead of toggling one. That it is done already (409) is no error then.
        """
        end = time.monotonic() + self._patience
        repeated = False
        while True:
            try:
                return self._once(method, path, body)
            except RestError as error:
                if repeated and error.status == 409:
                    return None
                if error.status not in OVERLOADED or time.monotonic() > end:
                    raise
            except OSError:  # refused, reset, timed out
                if time.monotonic() > end:
                    raise
            repeated = True
            time.sleep(PAUSE_SECONDS)

    def try_once(self, method: str, path: str) -> Any:
        """Return the answer; None when there is none, or it is an error."""
        try:
            return self._once(method, path, None)
        except (RestError, OSError):
            return None

    def _once(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._call_seconds) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise RestError(error.code, method, path, error.read().decode(errors="replace")[:2000]) from error
        return json.loads(text) if text else None

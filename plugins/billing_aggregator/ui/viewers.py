"""Who looks at the page: what they may see, and what they may download."""

from __future__ import annotations

from typing import Protocol


class Viewer(Protocol):
    """Somebody who has logged in. Both methods may block."""

    def visible_dags(self) -> frozenset[str] | None:
        """Return the ids of the DAGs that they may see; None: all, for there is nobody to ask."""

    def may_download(self, dag_id: str) -> bool:
        """Return whether they may have the files that the DAG publishes, which hold customers' data."""


class Everybody:
    """The one person at a laptop: sees and downloads everything. Only for a server on the loopback interface."""

    def visible_dags(self) -> frozenset[str] | None:
        """Return None: all of them."""
        return None

    def may_download(self, dag_id: str) -> bool:
        """Return True."""
        return True


def everybody() -> Viewer:
    """Return the viewer of a page without logins."""
    return Everybody()


def who_asks() -> Viewer:
    """Say who asks; each application puts its own answer in the place of this one."""
    raise NotImplementedError("the application has not said who may look at it")

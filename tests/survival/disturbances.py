"""What happens to a night at random: deaths, a failing store, ended sessions, a second run, a task given up early."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.faults.faulty_s3 import Fault
from tests.survival import kill_points

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.survival.night_child import Order
    from tests.survival.surroundings import Client

OPERATIONS = (
    "get manifest", "create upload", "upload part", "get lock", "put lock", "list parts", "complete upload",
    "head file", "list objects", "delete objects", "put manifest",
)  # fmt: skip
KINDS = ("deaths", "store", "store for good", "sessions", "second run", "given up")
#: Ends one session of the client's run, whichever is there.
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name like 'bda:%' order by random() limit 1
"""
# A night that fails is cleared; from some clearing on it is left alone, as an operator would wait for a better hour.
LEFT_ALONE_BEHIND = 6


@dataclass
class Disturbed:
    """Runs a client's nights and lets things happen to them.

    ``happened`` counts what was planned by kind, ``attempts`` how often a run was started; ``days`` there were.
    """

    client: Client
    chance: random.Random
    happened: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    days: int = 0

    def run(self, order: Order) -> None:
        """Run the night to its success; what goes wrong is cleared as the runbook says."""
        for number in range(LEFT_ALONE_BEHIND + 2):
            chosen = self.chance.sample(KINDS, self.chance.randrange(3)) if number < LEFT_ALONE_BEHIND else []
            for kind in chosen:
                self.happened[kind] = self.happened.get(kind, 0) + 1
            if self._attempt(order, chosen, number) == 0:
                return
        raise AssertionError(f"the night does not recover: {self.client.errors(order)}")

    def _attempt(self, order: Order, chosen: list[str], number: int) -> int:
        self.attempts += 1
        beside: list[Order] = []
        changes: dict[str, Any] = {"points": "", "retries": 2, "cleared": self.client.way_out(order)}
        if "deaths" in chosen:
            points = self.client.folder / "points" / f"{order.run_id} {number}"
            kill_points.light(points, *self.chance.sample(kill_points.NAMES, 2))
            changes["points"] = str(points)
        mine = self._like(order, **changes)
        if "second run" in chosen:
            name = f"{order.run_id} again {number}"
            beside.append(self._like(order, run_id=name, kept=f"{order.kept} other {number}", deployment="airflow-two"))
        if "given up" in chosen and self.attempts > 1:
            task = self.chance.choice(("publish.publish", "post.bookkeeper.010_books", "export.customer_claims.plan"))
            codes = self.client.worker.run(self._like(mine, until=task))
            if codes != [0]:
                return codes[0]
            mine = self._like(mine, cleared="")
            beside.append(self._like(order, only=task))
        with ExitStack() as stack:
            if "store" in chosen:
                stack.enter_context(self.client.s3.failing(*self._faults(for_good=False)))
            elif "store for good" in chosen:
                stack.enter_context(self.client.s3.failing(*self._faults(for_good=True)))
            if "sessions" in chosen:
                stack.enter_context(self._cutting(self.chance.randrange(1, 4)))
            codes = self.client.worker.run(mine, *beside)
        for other, code in zip(beside, codes[1:], strict=True):
            # A second run that got the client first, and then died of something, is cleared like any other.
            if not other.only and code != 0 and "is taken by run" not in self.client.errors(other):
                assert self.client.worker.run(self._like(other, retries=2)) == [0], self.client.errors(other)
        return codes[0]

    @staticmethod
    def _like(order: Order, **changes: Any) -> Order:
        return replace(order, **changes)

    def _faults(self, *, for_good: bool) -> list[Fault]:
        if for_good:
            return [Fault(self.chance.choice(OPERATIONS), 403, times=10**6, skip=self.chance.randrange(3))]
        return [
            Fault(name, self.chance.choice(("lost reply", "reset", 500, 503)), skip=self.chance.randrange(3))
            for name in self.chance.sample(OPERATIONS, 3)
        ]

    @contextmanager
    def _cutting(self, times: int) -> Iterator[None]:
        over = threading.Event()
        pauses = [self.chance.random() for _ in range(times)]

        def cut() -> None:
            for pause in pauses:
                if over.wait(pause):
                    return
                self.client.sql(CUT)

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

"""Posts that arrive together are posted by one statement and one commit.

Two groups are under way at once, each of about half of those who post: while the database works on one, the event loop
answers the other and reads what its clients send next. A group of one or two costs the database nearly as much as one
of eight; so a group waits for those who are about to come back.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from services.ledger_api.prepared import Prepared

if TYPE_CHECKING:
    from datetime import date

    from services.ledger_api.database import Pool
    from services.ledger_api.posting import Posting

    Waiting = tuple[Posting, asyncio.Future["Receipt | None"]]

GROUP = 64
#: Groups side by side. One that takes longer, since it waits for another session's lock, does not hold the others up.
LANES, LONG_SECONDS, MOST_GROUPS = 2, 0.02, 4
#: Who has been answered is expected to post again within this time; who sends one post after the other does.
RETURN_SECONDS = 0.003

ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode

# A subquery: each account is found by its index however many there are, and an unknown one refuses the statement
# instead of losing the line.
POST_GROUP = Prepared(
    "post_group",
    """
with given as materialized (
    select * from jsonb_to_recordset($1::jsonb) as given (
        idempotency_key text, kind text, business_date date, description text, metadata jsonb, entries jsonb
    )
),

posted as (
    insert into ledger.transaction (idempotency_key, kind, business_date, description, source, metadata)
    select idempotency_key, kind, business_date, description, 'api', metadata from given
    on conflict (idempotency_key) do nothing
    returning transaction_id, idempotency_key
),

written as (
    insert into ledger.entry (transaction_id, line, account_id, side, amount, currency, base_amount)
    select
        posted.transaction_id, line.number,
        (
            select account.account_id from ledger.account
            where account.owner = line.entry ->> 'owner' and account.code = line.entry ->> 'code'
        ),
        line.entry ->> 'side',
        (line.entry ->> 'amount')::numeric, line.entry ->> 'currency', (line.entry ->> 'base_amount')::numeric
    from posted
    join given on posted.idempotency_key = given.idempotency_key
    cross join jsonb_array_elements(given.entries) with ordinality as line (entry, number)
)

-- Both instants of a transaction are its statement's.
select json_build_object('at', now(), 'ids', json_object_agg(idempotency_key, transaction_id))::text from posted
""",
)


class Receipt(NamedTuple):
    """What the ledger has given to a transaction. It has occurred when it was posted: callers name no instant."""

    transaction_id: str
    business_date: date
    posted_at: datetime


@dataclass(slots=True, eq=False)
class Group:
    """Posts that go together. ``long`` ends its time on a lane."""

    members: list[Waiting]
    long: asyncio.TimerHandle | None = None


class Groups:
    """Takes posts, and posts them in groups."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[Waiting] = []
        #: When each of those who were answered lately is no longer expected.
        self._expected: deque[float] = deque()
        self._lanes: list[Group] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, posting: Posting) -> asyncio.Future[Receipt | None]:
        """Return the future of the receipt; None: it has to be posted alone."""
        future: asyncio.Future[Receipt | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((posting, future))
        if self._expected:
            self._expected.popleft()
        self._begin()
        return future

    def _begin(self) -> None:
        """Begin a group where a lane is free, and half of all who post wait."""
        if not self._waiting or len(self._lanes) >= LANES or self._under_way >= MOST_GROUPS:
            return
        loop = asyncio.get_running_loop()
        while self._expected and self._expected[0] <= loop.time():
            self._expected.popleft()
        all_of_them = len(self._waiting) + len(self._expected) + sum(len(group.members) for group in self._lanes)
        if len(self._waiting) * LANES >= min(all_of_them, GROUP):
            group = Group(self._waiting[:GROUP])
            self._waiting = self._waiting[GROUP:]
            self._lanes.append(group)
            self._under_way += 1
            group.long = loop.call_later(LONG_SECONDS, self._leave, group)
            task = loop.create_task(self._post(group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._timer is None and self._expected:
            self._timer = loop.call_at(self._expected[0], self._expect_no_longer)

    def _expect_no_longer(self) -> None:
        self._timer = None
        self._begin()

    def _leave(self, group: Group) -> None:
        """Give the lane of a group, which has ended or takes long, to another one."""
        if group in self._lanes:
            self._lanes.remove(group)
        self._begin()

    async def _post(self, group: Group) -> None:
        """Post at once; each future gets its receipt, or None: to be posted alone."""
        posted: dict[str, Receipt] = {}
        try:
            first = {posting.idempotency_key: posting for posting, _ in reversed(group.members)}
            # In the order of keys: groups that share keys wait for each other, not in a circle.
            posts = ENCODE([first[key].values() for key in sorted(first)]).encode()
            async with self._pool.connection() as connection:
                posted = receipts_of(await POST_GROUP.value(connection, posts), first)
        except Exception:  # noqa: S110 - each is posted alone, and says itself what is wrong
            pass
        finally:
            self._answer(group, posted)

    def _answer(self, group: Group, posted: dict[str, Receipt]) -> None:
        if group.long is not None:
            group.long.cancel()
        self._expected.extend([asyncio.get_running_loop().time() + RETURN_SECONDS] * len(group.members))
        for posting, future in group.members:
            if not future.done():
                # A second one of the same key has to be compared with the first.
                future.set_result(posted.pop(posting.idempotency_key, None))
        self._under_way -= 1
        self._leave(group)


def receipts_of(answer: bytes, posts: dict[str, Posting]) -> dict[str, Receipt]:
    """Return what the database has given to the transactions of a group, by idempotency key."""
    found = json.loads(answer)
    at = datetime.fromisoformat(found["at"])
    return {
        key: Receipt(transaction_id, posts[key].business_date, at)
        for key, transaction_id in (found["ids"] or {}).items()
    }

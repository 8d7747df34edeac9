"""Conditional writes: what stores say that refuse one, or that do not know them. Publication depends on them."""

from __future__ import annotations

#: The condition did not hold: somebody else has written, or is writing.
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
#: The store does not know conditional writes: method not allowed, not implemented.
UNKNOWN_STATUS = frozenset({405, 501})
WAY_OUT = (
    "two runs could publish at once; use a store that knows If-None-Match and If-Match for PUT, such as AWS S3, "
    "MinIO or a recent Ceph, or have the store's maker or the proxy before it changed"
)
NO_CONDITIONS = f"the store does not do conditional writes (it answers {{answer}}): {WAY_OUT}"
IGNORES = f"the store takes {{header}} and ignores it, it wrote all the same: {WAY_OUT}"

"""``python -m tests.broker [PARTITIONS]``: a broker until its standard input ends; prints its address."""

from __future__ import annotations

import sys

from tests.broker.server import Broker

with Broker(int(sys.argv[1]) if len(sys.argv) > 1 else 4) as broker:
    print(broker.servers, flush=True)
    sys.stdin.read()

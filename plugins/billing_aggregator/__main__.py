"""``python -m billing_aggregator``."""

import sys

from billing_aggregator.cli import main

sys.exit(main())

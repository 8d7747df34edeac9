#!/usr/bin/env python
"""Stands in for Kafka's own command: the stand-in for the broker makes a topic when somebody asks for it."""

import sys

from confluent_kafka import Producer

options = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
Producer({"bootstrap.servers": options["--bootstrap-server"]}).list_topics(options.get("--topic"), timeout=10)

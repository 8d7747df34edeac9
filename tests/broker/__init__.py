"""A small Kafka broker for tests: what librdkafka's mock cluster lacks.

It keeps everything in memory, hides what is not committed from read-committed readers, drops aborted transactions,
fences producers, and does on request what brokers do to a feed: delete old messages, add partitions, cut connections.
One node, no groups (offsets can be committed), no authentication. The protocol's versions are old ones on purpose.
"""

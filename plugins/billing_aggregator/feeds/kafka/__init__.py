"""The Kafka feed: events of a topic into the warehouse, posted batch by batch, the outbox to another topic."""

__all__: list[str] = []

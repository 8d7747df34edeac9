"""Feeds: from a topic to the warehouse and to another topic, exactly once."""

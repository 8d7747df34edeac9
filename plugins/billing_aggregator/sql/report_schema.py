"""The schema that the aggregator writes, and the table that each system publishes from it."""

REPORT_SCHEMA = "report_oibl"


def results_table(system: str) -> str:
    """Return the name of the table that *system* publishes, without its schema; also the name of its export."""
    return f"{system}_results"

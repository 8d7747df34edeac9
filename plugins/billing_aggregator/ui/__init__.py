"""The page "Billing publications" in Airflow's UI: server-rendered HTML from the warehouses' own records."""

# Nothing is imported here: Airflow's plugin loader reads this room in every process, the page lives in one.
__all__: list[str] = []

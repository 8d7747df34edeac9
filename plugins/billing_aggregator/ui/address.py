"""What the page is called, and where it is."""

from __future__ import annotations

NAME = "Billing publications"
#: Where the page is below Airflow's own address.
PREFIX = "/billing-publications"

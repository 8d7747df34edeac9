"""What is asked of the usage: tiers, a reading by hand, the report of a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

import httpx
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedColumn, UndefinedTable

from billing_aggregator.config.feeds import feed_dag_id
from services.ledger_api.database import rows
from services.ledger_api.problems import ProblemError, not_found, unavailable

if TYPE_CHECKING:
    from datetime import date

    from services.ledger_api.database import Pool, Row
    from services.ledger_api.models import ReadingIn, TierIn
    from services.ledger_api.settings import ServiceSettings

MISSING = (UndefinedTable, InvalidSchemaName, UndefinedColumn, InsufficientPrivilege)
NEW_TIER = """
insert into usage_vault.tier (name, credits) values (%(name)s, %(credits)s::numeric)
on conflict (name) do nothing
returning name, credits::text
"""
TIER = "select name, credits::text from usage_vault.tier where name = %(name)s and credits = %(credits)s::numeric"
# As the published report: exact, rounded once per customer, month and price, and what is missing of the rounded amount
# goes to the resources with the largest remainders (specification, section 22, rules 5 and 9). A month is one of the
# client's time zone.
REPORT: LiteralString = """
with measured as (
    select
        resource.meter, resource.kind_id, resource.resource_id, resource.name as resource,
        organization.org_id, organization.name as org, space.space_id, space.name as space,
        price.valid_during, price.microcredits_per_unit as rate, price.unit, sum(measurement.value) as value,
        count(*) as measurements, count(*) filter (where measurement.estimated) as estimated
    from usage_vault.measurement
    join usage_vault.reading on measurement.reading_id = reading.reading_id
    join usage_vault.resource
        on measurement.meter = resource.meter and measurement.resource_id = resource.resource_id
    join usage_vault.organization on resource.org_id = organization.org_id
    left join usage_vault.space on resource.space_id = space.space_id
    left join usage_vault.price
        on resource.meter = price.meter and resource.kind_id = price.kind_id
        and reading.taken_at <@ price.valid_during
    where
        organization.customer_id = %(customer_id)s::uuid
        and reading.taken_at >= %(month)s::timestamp at time zone %(timezone)s
        and reading.taken_at < (%(month)s::timestamp + interval '1 month') at time zone %(timezone)s
    group by
        resource.meter, resource.resource_id, organization.org_id, space.space_id, price.meter, price.kind_id,
        price.valid_during, price.microcredits_per_unit, price.unit
),

ranked as (
    select
        measured.*,
        div(value * rate, unit) as whole,
        div(2 * sum(value) over of_price * rate + unit, 2 * unit::numeric)
        - sum(div(value * rate, unit)) over of_price as missing,
        row_number() over (of_price order by mod(value * rate, unit) desc, resource_id collate "C") as place
    from measured
    window of_price as (partition by meter, kind_id, valid_during)
)

select
    {group},
    coalesce(sum(whole + case when place <= missing then 1 else 0 end), 0)::text as microcredits,
    sum(measurements)::bigint as measurements,
    sum(estimated)::bigint as estimated,
    coalesce(sum(measurements) filter (where rate is null), 0)::bigint as unpriced
from ranked
group by {group}
order by {group}
"""
GROUPS: dict[str, LiteralString] = {
    "space": "org, space, space_id",
    "org": "org, org_id",
    "resource": "meter, resource, resource_id",
}


def not_set_up() -> ProblemError:
    """Return the answer where the warehouse has no usage."""
    return ProblemError(
        "usage-not-set-up", 501, "Usage is not set up", "usage is not set up in this warehouse: the schema usage_vault "
        "is missing, or the role has no rights there; the first run of a feed of the usage makes it",
    )  # fmt: skip


async def new_tier(pool: Pool, tier: TierIn) -> Row:
    """Add a tier; the same one again is no error.

    :raises ProblemError: there is one of this name with other credits.
    """
    values = {"name": tier.name, "credits": tier.credits}
    try:
        found = await rows(pool, NEW_TIER, values) or await rows(pool, TIER, values)
    except MISSING:
        raise not_set_up() from None
    if not found:
        raise ProblemError("conflict", 409, "The tier exists", f"tier {tier.name} exists with other credits")
    return found[0]


async def report(pool: Pool, customer_id: str, month: date, by: str, timezone: str) -> Row:
    """Return the priced usage of a customer and month by space, organization or resource."""
    wanted = {"customer_id": customer_id, "month": month, "timezone": timezone}
    query = REPORT.replace("{group}", GROUPS[by])
    try:
        known = "select from usage_vault.customer where customer_id = %(customer_id)s::uuid"
        if not await rows(pool, known, wanted):
            raise not_found(f"customer {customer_id}")
        found = await rows(pool, query, wanted)
    except MISSING:
        raise not_set_up() from None
    return {"customer_id": customer_id, "month": f"{month:%Y-%m}", "by": by, "items": found}


async def take_reading(settings: ServiceSettings, reading: ReadingIn) -> Row:
    """Start the feed's DAG, which takes a reading now; return its run.

    :raises ProblemError: no Airflow is configured (501), or it refuses or does not answer (503).
    """
    if settings.airflow_url is None or settings.client_id is None:
        raise ProblemError(
            "readings-not-set-up", 501, "Readings are not set up",
            "a reading is taken by the feed's DAG: set BDA_AIRFLOW_URL, BDA_CLIENT_ID and BDA_ENVIRONMENT",
        )  # fmt: skip
    dag = feed_dag_id("usage", settings.client_id, settings.detected_environment())
    # A run that nobody has scheduled takes a reading by hand.
    conf = {"app_id": str(reading.app_id)} if reading.app_id else {}
    try:
        async with httpx.AsyncClient(base_url=settings.airflow_url.rstrip("/"), timeout=15) as client:
            headers = {"Authorization": f"Bearer {await _token(client, settings)}"}
            body = {"logical_date": None, "conf": conf}
            answer = await client.post(f"/api/v2/dags/{dag}/dagRuns", json=body, headers=headers)
            answer.raise_for_status()
            return {"dag_id": dag, "dag_run_id": answer.json()["dag_run_id"]}
    except httpx.HTTPStatusError as error:
        raise unavailable(f"Airflow has answered {error.response.status_code} to a run of {dag}") from None
    except (httpx.HTTPError, KeyError, ValueError):
        raise unavailable(f"Airflow does not answer: no run of {dag} was started") from None


async def _token(client: httpx.AsyncClient, settings: ServiceSettings) -> str:
    if settings.airflow_token:
        return settings.airflow_token.get_secret_value()
    password = settings.airflow_password.get_secret_value() if settings.airflow_password else ""
    login = {"username": settings.airflow_user or "", "password": password}
    answer = await client.post("/auth/token", json=login)
    return str(answer.raise_for_status().json()["access_token"])

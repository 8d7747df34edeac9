"""Feeds of a client: what takes facts into the warehouse all day, beside the nightly run.

A kind of feed is a model with a literal ``kind``; :data:`Feed` is the union of all kinds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from billing_aggregator.config.texts import Cron, check_cron
from billing_aggregator.config.values import ConnectionId, Model, Words, plain_number

CONTINUOUS = "@continuous"
#: The feed that ``BDA_KAFKA_ORDERS_TOPIC`` and ``BDA_KAFKA_EVENTS_TOPIC`` mean.
ORDERS = "orders"
DAG_PREFIX = "billing_feed_"


def feed_dag_id(feed: str, client: str, environment: str) -> str:
    """Return the id of a feed's DAG: ``billing_feed_<feed>_<client>_<environment>``."""
    return f"{DAG_PREFIX}{feed}_{client}_{environment}"


def check_feed_schedule(value: str) -> str:
    """Return *value*; raises ValueError when it is neither ``@continuous`` nor a cron expression."""
    if value == CONTINUOUS:
        return value
    try:
        return check_cron(value)
    except ValueError as error:
        raise ValueError(str(error).replace("must be ", f"must be {CONTINUOUS}, or ", 1)) from None


FeedName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"),
    Words("names of feeds, such as orders, in lower-case letters, digits and underscores"),
]
TopicName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$"),
    Words("the name of a Kafka topic: 1 to 249 letters, digits and . _ -, no point first"),
]
FeedSchedule = Annotated[str, AfterValidator(check_feed_schedule), Words("@continuous, a cron expression, or null")]


class KafkaFeed(Model):
    """Events of a Kafka topic, taken in exactly once, and the outbox, published exactly once.

    Sizes are in messages, times in the unit of their name.
    """

    kind: Literal["kafka"]
    enabled: bool = Field(default=True, description="`false`: there is no DAG of this feed.")
    topic: TopicName = Field(default="orders", description="Topic of the events that are taken in.")
    events_topic: TopicName = Field(
        default="billing.events",
        description="Topic of what the outbox says; it belongs to this client and environment alone.",
    )
    schedule: FeedSchedule | None = Field(
        default=CONTINUOUS,
        description="`@continuous`: one run follows the other; a cron expression in UTC: a run drains the topic and "
        "ends; `null`: manual runs only.",
    )
    watch: bool = Field(
        default=False,
        description="A run is started by a message, through Airflow's triggerer, instead of by `schedule`; it drains "
        "the topic and ends.",
    )
    run_minutes: int = Field(
        default=10, ge=1, le=1_440, description="A continuous run ends behind the batch after so many minutes."
    )
    batch_size: int = Field(
        default=10_000, ge=1, le=100_000, description="Most events of one batch, and most outbox rows of one."
    )
    collect_milliseconds: int = Field(
        default=500, ge=0, le=60_000, description="How long a batch waits for more events behind its first one."
    )
    conn_id: ConnectionId | None = Field(
        default=None, description="Airflow connection of Kafka; `null`: `kafka_<client>_<environment>`."
    )
    lag_messages: int = Field(
        default=10_000, ge=1, le=1_000_000_000, description="An alert is sent when a run ends with more messages left."
    )
    lag_seconds: int = Field(
        default=300, ge=1, le=604_800, description="An alert is sent when the oldest message left waits longer."
    )

    @field_validator("run_minutes", "batch_size", "collect_milliseconds", "lag_messages", "lag_seconds", mode="before")
    @classmethod
    def _plain_numbers(cls, value: Any) -> Any:
        # Python would read true as the number 1, and "1_000" as 1000.
        return plain_number(str(value) if isinstance(value, bool) else value)

    @field_validator("events_topic")
    @classmethod
    def _is_another_topic(cls, value: str, info: Any) -> str:
        if value == info.data.get("topic"):
            raise ValueError("is the topic that events are taken from; publish to another one")
        return value


MeterName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"),
    Words("names of meters: cfapps, cfservices, or the dotted path of a class"),
]


class MetersFeed(Model):
    """Usage of a platform, read every hour by meters."""

    kind: Literal["meters"]
    enabled: bool = Field(default=True, description="`false`: nothing is read, there is no DAG.")
    meters: tuple[MeterName, ...] = Field(
        default=("cfapps", "cfservices"),
        min_length=1,
        description="What is read: `cfapps`, `cfservices`, or the dotted path of a class of yours.",
    )
    schedule: Cron | None = Field(
        default="5 * * * *", description="Cron expression in UTC, at least hourly; `null`: manual runs only."
    )
    run_minutes: int = Field(
        default=50, ge=1, le=1_440, description="A run waits so many minutes where another Airflow reads."
    )
    conn_id: ConnectionId | None = Field(
        default=None, description="Airflow connection of the platform; `null`: `cloudfoundry_<client>_<environment>`."
    )

    @field_validator("run_minutes", mode="before")
    @classmethod
    def _plain_number(cls, value: Any) -> Any:
        return plain_number(str(value) if isinstance(value, bool) else value)


Feed: TypeAlias = Annotated[KafkaFeed | MetersFeed, Field(discriminator="kind")]


def as_kafka(feed: Feed) -> KafkaFeed:
    """Return *feed*, which is one of events; raises TypeError when it is none."""
    if not isinstance(feed, KafkaFeed):
        raise TypeError(f"a feed of kind {feed.kind} takes no events")
    return feed


def as_meters(feed: Feed) -> MetersFeed:
    """Return *feed*, which is one of meters; raises TypeError when it is none."""
    if not isinstance(feed, MetersFeed):
        raise TypeError(f"a feed of kind {feed.kind} has no meters")
    return feed


class UsageOptions(Model):
    """How usage is charged where hours were missed."""

    max_gap_hours: int = Field(
        default=6, ge=0, le=24, description="A longer gap between two readings is told and not filled by estimates."
    )

    @field_validator("max_gap_hours", mode="before")
    @classmethod
    def _plain_number(cls, value: Any) -> Any:
        return plain_number(str(value) if isinstance(value, bool) else value)


class OrdersOptions(Model):
    """What an order means where its event does not say it, and the currency that the ledger is kept in."""

    tax_region: Annotated[
        str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), Words("a country or region such as DE or US-NY")
    ] = Field(default="DE", description="Tax region of orders that name none.")
    tax_class: Annotated[
        str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$"), Words("a tax class such as standard")
    ] = Field(default="standard", description="Tax class of lines that name none.")
    base_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Words("an ISO 4217 code such as EUR")] = (
        Field(default="EUR", description="Currency that amounts of other currencies are also kept in.")
    )

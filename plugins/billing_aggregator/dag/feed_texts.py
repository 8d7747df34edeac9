"""What Airflow's UI shows as the documentation of a feed's DAG: for its operators, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing_aggregator.feeds.params import is_continuous

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig

TEXT = """## Feed {name} of {client} / {environment}

Takes the events of the topic `{topic}` into the warehouse, posts them, and publishes the outbox to `{events_topic}`:
each event once, each row of the outbox once. {runs}

* **Stop it**: pause the DAG; the running task ends behind its batch within {minutes} minutes. *Mark as failed* ends it
  within seconds, and nothing is lost.
* **It failed**: fix the cause. The next run goes on from what the database holds; there is nothing to clear.
* **The topic lost messages** before they were taken: the run says how many. Ask their sender, then trigger a run with
  the param *accept_gap*.

`docs/feeds.md` says how it works, {runbook} what each alert means.
"""


READING = """## Feed {name} of {client} / {environment}

Reads what the platform's resources use, with the meters {meters}: one reading an hour. A run in an hour that has a
complete reading changes nothing; an incomplete one is completed by another run within its hour.

* **Stop it**: pause the DAG. Hours that are missed are estimated where the gap is short.
* **It failed**, or a check warns of a meter: fix the cause and trigger a run within the hour.

`docs/usage.md` says how it works, {runbook} what each alert means.
"""


def feed_documentation(config: ClientConfig, name: str) -> str:
    """Return the documentation of the DAG of a feed."""
    feed = config.feeds[name]
    url = config.alerts.runbook_url
    if feed.kind != "kafka":
        return READING.format(
            name=name,
            client=config.client,
            environment=config.environment,
            meters=", ".join(f"`{meter}`" for meter in feed.meters),
            runbook=f"[the runbook]({url})" if url else "`docs/runbook.md`",
        )
    if is_continuous(feed):
        runs = f"A run ends after {feed.run_minutes} minutes, and the next one follows at once."
    elif feed.watch:
        runs = "A message starts a run, which drains the topic and ends."
    else:
        when = f"by the schedule `{feed.schedule}`, in UTC," if feed.schedule else "when somebody triggers it"
        runs = f"A run starts {when} drains the topic and ends."
    return TEXT.format(
        name=name,
        client=config.client,
        environment=config.environment,
        topic=feed.topic,
        events_topic=feed.events_topic,
        minutes=feed.run_minutes,
        runs=runs,
        runbook=f"[the runbook]({url})" if url else "`docs/runbook.md`",
    )

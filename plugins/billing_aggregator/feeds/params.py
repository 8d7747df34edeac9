"""Params of a feed's run: the form of a manual trigger, and what they mean once a run has started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, StringConstraints, ValidationError

from billing_aggregator.config.errors import describe, suggestion
from billing_aggregator.config.feeds import CONTINUOUS
from billing_aggregator.config.values import Model
from billing_aggregator.runs import RunParamError

if TYPE_CHECKING:
    from airflow.sdk import Param

    from billing_aggregator.config.feeds import Feed

UUID_TEXT = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


@dataclass(frozen=True)
class FeedParams:
    """What a run of a feed is to do.

    :param drain: end when the topic has no more; else when the feed's time is over.
    :param accept_gap: go on although messages were deleted before they were taken.
    :param app_id: of a reading: measure this app alone.
    """

    drain: bool
    accept_gap: bool
    app_id: str | None = None


class FeedRequest(Model):
    """The params as a run has them."""

    model_config = ConfigDict(strict=True)

    drain: bool = True
    accept_gap: bool = False
    app_id: Annotated[str, StringConstraints(pattern=UUID_TEXT)] | None = None


def is_continuous(feed: Feed) -> bool:
    """Return whether one run of the feed follows the other."""
    return feed.kind == "kafka" and feed.schedule == CONTINUOUS and not feed.watch


def default_feed_params(feed: Feed) -> dict[str, bool | None]:
    """Return the values of a run that gives no params."""
    if feed.kind != "kafka":
        return {"app_id": None}
    return {"drain": not is_continuous(feed), "accept_gap": False}


def declare_feed_params(feed: Feed) -> dict[str, Param]:
    """Return the DAG's params: a form in the UI, checked by Airflow before a run is made."""
    from airflow.sdk import Param

    default = default_feed_params(feed)
    if feed.kind != "kafka":
        app = "Measure this app alone, by its GUID. Else all that the hour's reading does not have yet."
        one = Param(None, type=["null", "string"], pattern=UUID_TEXT, title="One app", description_md=app)
        return {"app_id": one}
    drain = f"End when the topic has no more. Else the run ends after {feed.run_minutes} minutes."
    gap = "Go on although the topic lost messages before they were taken. Ask their sender for them first."
    return {
        "drain": Param(default["drain"], type="boolean", title="Drain the topic", description_md=drain),
        "accept_gap": Param(default["accept_gap"], type="boolean", title="Accept lost messages", description_md=gap),
    }


def resolve_feed_params(feed: Feed, context: Any) -> FeedParams:
    """Check the params of the run that *context* belongs to and return what they mean.

    :raises RunParamError: an unknown param, or a wrong value.
    """
    declared = default_feed_params(feed)
    params = dict(context["params"])
    unknown = sorted((set(context["dag_run"].conf or {}) | set(params)) - set(declared))
    problems = [f"unknown param {name}{suggestion(name, declared)}" for name in unknown]
    try:
        request = FeedRequest.model_validate({name: params.get(name, value) for name, value in declared.items()})
    except ValidationError as error:
        problems += describe(error, FeedRequest, lambda location: f"param {'.'.join(map(str, location))}")
    if problems:
        raise RunParamError("; ".join(problems))
    return FeedParams(request.drain, request.accept_gap, request.app_id)

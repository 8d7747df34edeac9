"""The graph of a feed: start -> stream, or reading -> checks -> finish.

A batch is no run: starting a task costs Airflow seconds of CPU. The task ``stream`` loops, and the next run follows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TriggerRule, chain
from airflow.sdk.definitions.param import ParamsDict

from billing_aggregator.alerts.feed_alerts import FeedFailed, on_feed_task_failure
from billing_aggregator.config import ConfigError
from billing_aggregator.config.load import sql_root
from billing_aggregator.config.text_files import SourceFileError
from billing_aggregator.dag.build import START_DATE, broken_dag, default_args
from billing_aggregator.dag.feed_texts import feed_documentation
from billing_aggregator.feeds.params import declare_feed_params, is_continuous
from billing_aggregator.night.phases import FEED_CHECKS, POSTING
from billing_aggregator.operators.feed_checks import FeedChecksOperator
from billing_aggregator.operators.feed_finish import FeedFinishOperator
from billing_aggregator.operators.feed_start import FeedStartOperator
from billing_aggregator.operators.finish_run import stand_last
from billing_aggregator.operators.read_meters import ReadMetersOperator
from billing_aggregator.operators.stream_events import StreamEventsOperator
from billing_aggregator.runs.airflow_names import CHECKS_TASK, FINISH_TASK, READING_TASK, START_TASK, STREAM_TASK
from billing_aggregator.sql.scripts import find_scripts

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig
    from billing_aggregator.config.feeds import Feed
    from billing_aggregator.operators.feed_task import FeedTaskOperator
    from billing_aggregator.sql.read_once import ReadOnce

#: By name: the triggerer imports it.
ANY_MESSAGE = "billing_aggregator.feeds.kafka.watch.any_message"


def build_feed(config: ClientConfig, name: str, once: ReadOnce | None = None) -> DAG:
    """Return the DAG of one feed.

    :raises SourceFileError: the feed has no posting scripts, or one is not called as it must be.
    :raises ConfigError: ``watch`` is set, and this Airflow cannot watch a topic.
    """
    feed = config.feeds[name]
    root = sql_root(config)
    if feed.kind == "kafka" and not find_scripts(root, POSTING.name, name, config.client, once):
        raise SourceFileError(
            f"{root / POSTING.name / name}: the feed {name} has no scripts here; add NNN_name.sql files"
        )
    checks = find_scripts(root, FEED_CHECKS.name, name, config.client, once)
    work = timedelta(minutes=feed.run_minutes if is_continuous(feed) else config.run_timeout_minutes)
    task = timedelta(minutes=config.task_timeout_minutes)
    own: dict[str, Any] = {"client_config": config, "feed": name}
    with DAG(
        dag_id=config.feed_dag_id(name),
        schedule=schedule_of(config, name, feed),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=2 * work + 3 * task,
        auto_register=False,
        # A run whose first task is skipped, because another Airflow runs the feed, is skipped as a whole.
        default_args=default_args(config)
        | {"on_failure_callback": on_feed_task_failure, "trigger_rule": TriggerRule.ALL_SUCCESS},
        tags=["billing", "feed", config.client, config.environment],
        doc_md=feed_documentation(config, name),
        on_failure_callback=FeedFailed(config, name),
    ) as dag:
        start = FeedStartOperator(task_id=START_TASK, execution_timeout=work + task, **own)
        if feed.kind == "kafka":
            stream: FeedTaskOperator = StreamEventsOperator(task_id=STREAM_TASK, execution_timeout=work + task, **own)
        else:
            stream = ReadMetersOperator(task_id=READING_TASK, execution_timeout=task, **own)
        files = [check.relative for check in checks]
        chain(start, stream, *([FeedChecksOperator(task_id=CHECKS_TASK, sql=files, **own)] if files else []))
        stand_last(dag, start, FeedFinishOperator(task_id=FINISH_TASK, **own))
    dag.params = ParamsDict(declare_feed_params(feed))
    return dag


def build_feed_or_explain(
    config: ClientConfig, name: str, task_id: str | None = None, once: ReadOnce | None = None
) -> DAG | None:
    """Return the DAG of a feed; None when it is disabled. What is wrong gives a DAG that explains it.

    :param task_id: the task that a worker is about to run.
    """
    if not (config.enabled and config.feeds[name].enabled):
        return None
    try:
        dag = build_feed(config, name, once)
        if task_id is None or task_id in dag.task_dict:
            return dag
        error = "what was wrong has been fixed since; trigger a new run"
    except (ConfigError, SourceFileError) as problem:
        error = str(problem)
    except Exception as problem:  # one feed's surprise must not take the others down
        error = f"{type(problem).__name__}: {problem}"
    return broken_dag(config.feed_dag_id(name), error, task_id, config)


def schedule_of(config: ClientConfig, name: str, feed: Feed) -> Any:
    """Return the schedule; of a watched feed the asset that a message updates.

    :raises ConfigError: Airflow's message queues are not installed.
    """
    if feed.kind != "kafka" or not feed.watch:
        return feed.schedule
    try:
        from airflow.providers.apache.kafka.triggers.msg_queue import (  # noqa: PLC0415 - not in every Airflow
            KafkaMessageQueueTrigger,
        )
        from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger  # noqa: PLC0415, TC002
        from airflow.sdk import Asset, AssetWatcher  # noqa: PLC0415 - as above
    except ImportError as missing:
        raise ConfigError(f"feeds.{name}.watch: this Airflow cannot watch a topic ({missing}); set schedule") from None
    trigger: MessageQueueTrigger = KafkaMessageQueueTrigger(
        topics=[feed.topic],
        kafka_config_id=feed.conn_id or config.kafka_conn_id,
        apply_function=ANY_MESSAGE,
        poll_interval=1,
    )
    watcher = AssetWatcher(name=f"{config.feed_dag_id(name)}_watcher", trigger=trigger)
    return [Asset(f"billing/{config.client}/{config.environment}/feed/{name}", watchers=[watcher])]

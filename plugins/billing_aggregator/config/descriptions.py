"""One line about each key of an entry in ``clients.yaml``, for ``docs/configuration.md``."""

from __future__ import annotations

KEYS = {
    "enabled": "`false`: there is no DAG.",
    "schedule": "Cron expression of five fields, in UTC; `null`: manual runs only. `validate` warns where the change "
    "of the clocks would move the run over midnight in `timezone`.",
    "timezone": "Time zone of the business date (IANA name).",
    "systems": "Systems to rebuild and publish, in any order; each runs after those that it needs.",
    "ignore_systems": "Systems to leave out of `systems`.",
    "db_conn_id": "Airflow connection of the warehouse; `null`: `octopus_<client>_<environment>`.",
    "db_max_conns": "Tasks of one run that use the database at the same time.",
    "aws_conn_id": "Airflow connection of S3; without it: `BDA_S3_*`, else boto3's own chain.",
    "s3_bucket": "Bucket of the CSV files.",
    "s3_region": "Region of the bucket.",
    "s3_url": "Endpoint of a store that is not AWS's; `null`: AWS.",
    "key_template": "Key of each file: `{client}`, `{environment}`, `{business_date}`, `{run}` and, last, `{file}`.",
    "max_rows_per_file": "Rows in each CSV file but the last; an export has at most 10,000 files.",
    "export": "How files are written: `compression`, `dialect`, `empty`, ...; attributes of every object: "
    "`encryption`, `kms_key_id`, `bucket_key`, `acl`, `tags`, `requester_pays`, `expected_bucket_owner`, `checksums`; "
    "see docs/export.md.",
    "retention_days": "Days that the history tables keep.",
    "freshness_hours": "How old the newest change in the vaults may be; 0: not checked.",
    "run_timeout_minutes": "A run that takes longer is stopped.",
    "deadline_minutes": "Minutes from the scheduled start to publication before an alert is sent; `null`: no deadline.",
    "task_timeout_minutes": "A task that takes longer is stopped; the database cancels its statement shortly before.",
    "retries": "Retries of a task after a transient error.",
    "retry_delay_seconds": "Pause before the first retry; doubled for each, at most 15 minutes.",
    "sql_settings": "Postgres settings of every session of a run.",
    "executors": "Executor of a phase's tasks, where this Airflow has it: `prechecks: LocalExecutor`; `start` is the "
    "run's first and last task; see docs/deploy.md.",
    "script_settings": "Postgres settings of single scripts, for their speed: `init/tripica/050_charges: {work_mem: "
    "512MB}`.",
    "check_severity": "Severity of a check for this client: `audits/tripica/110_list_not_empty: warn`.",
    "alerts": "`email`: addresses; `slack`: true or false; `smtp_conn_id`, `slack_conn_id`: Airflow connections; "
    "`runbook_url`: where the runbook is published.",
    "log_level": "What the aggregator logs.",
    "dry_run": "Default of the param `dry_run`.",
    "scripts_dir": "Folder that replaces `include/sql`.",
    "feeds": "Feeds by name, each with its `kind` and the keys below; see docs/feeds.md.",
    "orders": "`tax_region` (`DE`) and `tax_class` (`standard`) of orders that name none, `base_currency` (`EUR`) of "
    "the ledger.",
    "usage": "`max_gap_hours` (6): hours that a gap between two readings may have to be filled by estimates.",
}

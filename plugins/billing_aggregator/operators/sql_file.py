"""Where a task's SQL comes from: a file, sent byte for byte; no template engine ever reads it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from airflow.providers.common.sql.hooks.handlers import fetch_all_handler
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator, default_output_processor
from airflow.sdk import BaseOperator

from billing_aggregator.alerts import on_task_failure
from billing_aggregator.config.load import sql_root
from billing_aggregator.config.text_files import SourceFileError, leads_out, read_sql
from billing_aggregator.operators.run_aware import RunAwareOperator
from billing_aggregator.sql.scripts import NO_STATEMENT
from billing_aggregator.sql.statements import split_statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing_aggregator.config import ClientConfig

# Arguments of the stock operator that would change nothing here, and what to do instead.
WITHOUT_EFFECT = {
    "conn_id": "the connection is the client's: set db_conn_id in clients.yaml",
    "database": "the database is the connection's",
    "hook_params": "set sql_settings in clients.yaml",
    "parameters": "scripts read the run's values by current_setting('bda.<name>', true)",
    "autocommit": "a script is one transaction",
    "split_statements": "a script is sent statement by statement, in one transaction",
    "handler": "no result is fetched",
    "output_processor": "no result is fetched",
    "return_last": "no result is fetched",
    "show_return_value_in_logs": "no result is fetched",
    "requires_result_fetch": "no result is fetched",
    "retry_on_failure": "errors are terminal or transient, see docs/errors.md",
}


@dataclass(frozen=True, eq=False)
class SqlFile:
    """A file of SQL as the value of a template field.

    Airflow asks such a value for what it stands for by :meth:`resolve`, on the worker, when the task starts, and shows
    the answer in the UI; Jinja sees neither the name nor the text. The DAG itself carries the name only.

    :param name: path relative to the client's SQL root.
    :param config: the client and environment.
    """

    name: str
    config: ClientConfig

    def read(self) -> str:
        """Return the file's text; raises SourceFileError or ConfigError with one line that names the file."""
        root = sql_root(self.config)
        path = root / self.name
        out = leads_out(path, root) if path.is_file() else ""
        if out:
            raise SourceFileError(out)
        return read_sql(path)

    def resolve(self, context: Any) -> str | Self:
        """Return the text; a file that cannot be read stays as it is: the task itself reports it."""
        try:
            return self.read()
        except ValueError:
            return self

    def serialize(self) -> str:
        """Return what the serialised DAG holds: the name."""
        return self.name

    def __repr__(self) -> str:
        # Airflow 3.2 knows no serialize(): its serialised DAG would hold the configuration, once a file.
        return repr(self.name)

    def __str__(self) -> str:
        return self.name


def text_of(sql: Any, name: str) -> str:
    """Return the SQL of a field: its text, or of a file that could not be read when the task started.

    :raises SourceFileError: the file cannot be read, or holds no statement, as a broken copy does.
    """
    text = sql.read() if isinstance(sql, SqlFile) else str(sql)
    if not split_statements(text):
        raise SourceFileError(f"{name}: {NO_STATEMENT}")
    return text


class SqlFileOperator(RunAwareOperator, SQLExecuteQueryOperator):
    """Base of the tasks that send files of SQL to the client's warehouse.

    :param sql: path of a file, or paths, relative to the client's SQL root; shown in the UI as text. Not templated.
    :param client_config: the client and environment.
    """

    template_fields: Sequence[str] = ("sql",)
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    # Whether a task sends several files.
    many: ClassVar[bool] = False

    # What the stock operator's __init__ would set on each task, from the arguments that are refused here.
    database: str | None = None
    hook_params: Mapping[str, Any] = MappingProxyType({})  # type: ignore[assignment]  # read only: it is every task's
    retry_on_failure = True
    check_results: Sequence[Any] = ()  # type: ignore[assignment]  # as above
    autocommit = False
    parameters: Any = None
    handler = staticmethod(fetch_all_handler)
    _output_processor = staticmethod(default_output_processor)
    split_statements: bool | None = None
    return_last = True
    show_return_value_in_logs = False
    requires_result_fetch = False

    def __init__(
        self,
        *,
        sql: str | list[str],
        client_config: ClientConfig,
        system: str | None = None,
        publishes: bool = False,
        **kwargs: Any,
    ) -> None:
        refused = [f"{name}: {why}" for name, why in WITHOUT_EFFECT.items() if name in kwargs]
        if refused:
            raise ValueError(f"{type(self).__name__} has no such argument as {'; '.join(refused)}")
        if not isinstance(sql, list if self.many else str) or not sql:
            wanted = "a list of paths" if self.many else "the path of one file"
            raise ValueError(f"{type(self).__name__}: sql is {wanted}, not {sql!r}")
        self.files: tuple[str, ...] = (sql,) if isinstance(sql, str) else tuple(sql)
        files = [SqlFile(name, client_config) for name in self.files]
        shown: Any = files if self.many else files[0]
        kwargs.setdefault("on_failure_callback", on_task_failure)
        # Airflow merges the DAG's defaults into the arguments of each __init__ that a class of its has: most of what
        # building a task costs. So one such step is made here instead of five.
        BaseOperator.__init__(self, **kwargs)
        self.sql = shown
        self.conn_id = client_config.database_conn_id
        self.belongs_to(client_config, system, publishes)

    def get_openlineage_facets_on_start(self) -> None:
        """Tell nothing: the stock operator would open a connection of its own; see the end of the task."""

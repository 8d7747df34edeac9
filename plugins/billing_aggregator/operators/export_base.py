"""What the export operators share: connections that can be overridden, errors that end a task or let it try again."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.errors.kinds import classify
from billing_aggregator.export.session import cancel
from billing_aggregator.export.store.opening import open_store
from billing_aggregator.operators.links import S3PrefixLink
from billing_aggregator.postgres import session_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.config.store_options import StoreOptions
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.postgres.protocols import Connection

TIMEOUT_SECONDS = 3600.0


class ExportBaseOperator(BaseOperator):
    """Base of the export operators; override :meth:`get_db_connection` and :meth:`get_s3_client` for other connections.

    :param postgres_conn_id: Airflow connection of the database. (templated)
    :param aws_conn_id: Airflow connection for S3. (templated)
    :param statement_timeout: seconds after which the server cancels a statement; 0 means none. Keep it below the
        task's ``execution_timeout``, so that the database says what took so long.
    :param fsync: with a ``file://`` target: write files through to the disk before they count.
    """

    template_fields: Sequence[str] = ("postgres_conn_id", "aws_conn_id")
    operator_extra_links = (S3PrefixLink(),)
    ui_color = "#cfe8dc"

    def __init__(
        self,
        *,
        postgres_conn_id: str = "postgres_default",
        aws_conn_id: str | None = "aws_default",
        statement_timeout: float = TIMEOUT_SECONDS,
        fsync: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if statement_timeout < 0:
            raise ValueError(f"statement_timeout is {statement_timeout}; give seconds, or 0 for none")
        self.postgres_conn_id = postgres_conn_id
        self.aws_conn_id = aws_conn_id
        self.statement_timeout = statement_timeout
        self.fsync = fsync
        self._connection: Connection | None = None
        self._store_options: StoreOptions | None = None

    def get_db_connection(self) -> Connection:
        """Return a new psycopg 3 or psycopg2 connection; the caller closes it."""
        from billing_aggregator.postgres.hook import WarehouseHook  # noqa: PLC0415 - slow: the provider's hook

        settings = session_settings(application_name=self.task_id, statement_seconds=self.statement_timeout)
        return WarehouseHook(postgres_conn_id=self.postgres_conn_id, settings=settings).get_conn()

    def get_s3_client(self) -> Any:
        """Return a boto3 S3 client; see :func:`billing_aggregator.s3.defaults.client_config` for its settings."""
        from billing_aggregator.s3.client import named_hook  # noqa: PLC0415 - slow: the provider's hook

        return named_hook(self.aws_conn_id, self._store_options).get_conn()

    def get_store(self, target: str, options: StoreOptions | None = None) -> Store:
        """Return the bucket or folder of *target*; what *options* say goes with every request."""
        self._store_options = options
        store = open_store(target, self.get_s3_client, fsync=self.fsync)
        if options is not None:
            store.use(options)
        return store

    def on_kill(self) -> None:
        """Airflow stops the task: cancel the statement that runs, so that the database does not go on without us."""
        self._cancel()

    def _cancel(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                cancel(self._connection)

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """Yield a connection that is closed at the end; its statement is cancelled when the task fails or is stopped.

        A task that fails was not stopped for that: only Airflow calls :meth:`on_kill`.
        """
        connection = self._connection = self.get_db_connection()
        try:
            yield connection
        except BaseException:
            self._cancel()
            raise
        finally:
            connection.close()
            self._connection = None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Fail the task at once for errors that another try cannot mend."""
        try:
            yield
        except Exception as error:
            if classify(error) == "terminal":
                raise AirflowFailException(str(error)) from error
            raise

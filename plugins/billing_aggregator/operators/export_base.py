"""What the export operators share: connections, which a subclass may take from elsewhere, and their store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from billing_aggregator.export.store.factory import open_store
from billing_aggregator.operators.base import WorkOperator
from billing_aggregator.operators.links import S3PrefixLink
from billing_aggregator.postgres import session_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing_aggregator.config.store_options import StoreOptions
    from billing_aggregator.export.store.protocol import Store
    from billing_aggregator.postgres.protocols import Connection

TIMEOUT_SECONDS = 3600.0


class ExportBaseOperator(WorkOperator):
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

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """Yield a connection that is closed at the end, and cancelled when the task fails or is stopped."""
        with self.session(self.get_db_connection()) as connection:
            yield connection

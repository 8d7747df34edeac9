"""The first task of a run: problems that would stop the run later are reported before any work, in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from billing_aggregator.config import load_client
from billing_aggregator.export.manifest import Manifest
from billing_aggregator.local.s3 import ACCESS_KEY
from billing_aggregator.operators import start_run
from billing_aggregator.operators.start_run import StartRunOperator
from billing_aggregator.runs.params import default_params
from billing_aggregator.runs.preflight import UnreachableError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing_aggregator.local.postgres import EmbeddedPostgres
    from billing_aggregator.local.s3 import LocalS3

SECRET = "Geheim-4711-xyz"


@pytest.fixture
def variables(postgres: EmbeddedPostgres, s3_server: LocalS3, bucket: str) -> dict[str, str]:
    return {
        "BDA_DB_HOST": postgres.host,
        "BDA_DB_PORT": str(postgres.port),
        "BDA_DB_NAME": "postgres",
        "BDA_DB_USER": "postgres",
        "BDA_DB_PASSWORD": SECRET,
        "BDA_S3_URL": s3_server.url,
        "BDA_S3_BUCKET": bucket,
        "BDA_S3_ACCESS_KEY": ACCESS_KEY,
        "BDA_S3_SECRET_ACCESS_KEY": SECRET,
    }


@pytest.fixture
def locked_role(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A role that needs its password; the embedded server trusts all others."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute("create role locked login password 'another one'")
        row = admin.execute("show hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text(encoding="utf-8")
        rules.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}", encoding="utf-8")
        admin.execute("select pg_reload_conf()")
        yield "locked"
        rules.write_text(before, encoding="utf-8")
        admin.execute("select pg_reload_conf()")
        admin.execute("drop role locked")


def begin(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], **conf: Any) -> None:
    """Begin a run: everything that happens before the first task's own work."""
    from airflow.sdk.execution_time.cache import SecretCache

    SecretCache.reset()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = load_client("enercity", "local")
    defaults = default_params(config)
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(conf=conf, logical_date=now, run_after=now)
    params = defaults | conf
    context: Any = {"params": params, "dag_run": dag_run, "run_id": "manual"}
    StartRunOperator(task_id="start", client_config=config).pre_execute(context)


def test_a_run_starts_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    begin(monkeypatch, variables)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"BDA_DB_USER": "nobody"},
            ['as nobody refused: connection to server at "127.0.0.1"', 'role "nobody" does not'],
        ),
        ({"BDA_DB_NAME": "nowhere"}, ["/nowhere as postgres refused", 'database "nowhere" does not exist']),
        ({"BDA_S3_BUCKET": "not-there"}, ["bucket not-there at http", "does not exist; create it, or name another"]),
    ],
    ids=["credentials", "database", "bucket"],
)
def test_a_terminal_problem_fails_at_once(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wrong: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(AirflowFailException) as failure:
        begin(monkeypatch, variables | wrong)
    message = str(failure.value)
    assert all(word in message for word in words), message
    assert len(message.splitlines()) == 1
    assert SECRET not in message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"BDA_DB_PORT": "1"}, ["warehouse 127.0.0.1:1/postgres as postgres cannot be reached", "Connection refused"]),
        ({"BDA_S3_URL": "http://127.0.0.1:1"}, ["at http://127.0.0.1:1: cannot be reached", "see BDA_S3_URL"]),
    ],
    ids=["database", "store"],
)
def test_an_outage_is_left_to_the_retries(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wrong: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(UnreachableError) as failure:
        begin(monkeypatch, variables | wrong)
    assert not isinstance(failure.value, UnusableError)
    message = str(failure.value)
    assert all(word in message for word in words), message
    assert len(message.splitlines()) == 1


def test_a_wrong_password_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], locked_role: str
) -> None:
    refusal = r'refused: .* password authentication failed for user "locked"; see the connection'
    with pytest.raises(AirflowFailException, match=refusal) as failure:
        begin(monkeypatch, variables | {"BDA_DB_USER": locked_role})
    assert SECRET not in str(failure.value)


def test_params_are_checked_before_the_database(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="unknown param sytems; did you mean systems"):
        begin(monkeypatch, variables | {"BDA_DB_PORT": "1"}, sytems=["bookkeeper"])


class Pushed:
    """A task's own instance, as far as a first task needs it."""

    def xcom_pull(self, **_: Any) -> None:
        return None

    def xcom_push(self, **_: Any) -> None:
        return None


class Older:
    """The first task of a run of yesterday in a bucket where another run has published today."""

    def __init__(self, database: str, s3: LocalS3, variables: dict[str, str]) -> None:
        self.now = datetime.now(ZoneInfo("Europe/Berlin"))
        self.day = (self.now - timedelta(days=1)).date().isoformat()
        self.database = database
        self.variables = variables
        self.config: Any = None
        manifest = Manifest(
            run_id="newer", client="enercity", environment="local", business_date=self.now.date().isoformat(),
            published_at=self.now.isoformat(), exports={},
        )  # fmt: skip
        s3.client().put_object(
            Bucket=variables["BDA_S3_BUCKET"], Key="enercity/local/_manifest.json", Body=manifest.body()
        )

    def start(self, monkeypatch: pytest.MonkeyPatch, **conf: Any) -> Any:
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        self.config = load_client("enercity", "local")
        before = self.now - timedelta(days=1)
        context: Any = {
            "params": default_params(self.config) | conf,
            "dag_run": SimpleNamespace(conf=conf, logical_date=before, run_after=before),
            "run_id": "older",
            "ti": Pushed(),
        }
        return StartRunOperator(task_id="start", client_config=self.config).execute(context)

    def left(self) -> list[tuple[Any, ...]]:
        """Return the run's state, its error, and how many locks there are."""
        locks = "(select count(*) from report_oibl.aggregator_claims)"
        with psycopg.connect(self.database) as connection:
            return connection.execute(f"select state, error, {locks} from report_oibl.aggregator_runs").fetchall()


@pytest.fixture
def older(
    postgres: EmbeddedPostgres, new_warehouse: Callable[[], str], s3_server: LocalS3, variables: dict[str, str]
) -> Older:
    name = new_warehouse()
    return Older(postgres.dsn(name), s3_server, variables | {"BDA_DB_NAME": name})


def test_an_older_day_without_the_param_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, older: Older
) -> None:
    with pytest.raises(AirflowFailException, match=f"trigger a run with the param business_date = {older.day}"):
        older.start(monkeypatch)
    ((state, error, locks),) = older.left()
    assert (state, locks) == ("failed", 0)
    assert error.startswith("run newer has published business date")


@pytest.mark.parametrize("choice", ["business_date", "dry_run"])
def test_a_chosen_day_and_a_dry_run_start(monkeypatch: pytest.MonkeyPatch, older: Older, choice: str) -> None:
    older.start(monkeypatch, **{choice: older.day if choice == "business_date" else True})
    assert older.left() == [("running", None, 1)]


def test_a_task_after_the_publication_may_be_cleared(monkeypatch: pytest.MonkeyPatch, older: Older) -> None:
    monkeypatch.setattr(start_run, "has_ended", lambda *_: True)
    older.start(monkeypatch)
    assert older.left() == [("running", None, 1)]


def test_a_manifest_that_cannot_be_read_leaves_no_lock(
    monkeypatch: pytest.MonkeyPatch, older: Older, s3_server: LocalS3, bucket: str
) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="enercity/local/_manifest.json", Body=b"{")
    with pytest.raises(AirflowFailException, match="is no manifest"):
        older.start(monkeypatch)
    ((state, _, locks),) = older.left()
    assert (state, locks) == ("failed", 0)

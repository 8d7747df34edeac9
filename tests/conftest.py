"""Fixtures: one embedded Postgres and one S3 server a session; a fresh copy of the sample warehouse a test."""

from __future__ import annotations

import os
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from billing_aggregator.config.environment import TOOL_VARIABLES
from billing_aggregator.local.postgres import EmbeddedPostgres
from billing_aggregator.local.s3 import LocalS3
from billing_aggregator.local.warehouse import create_octopus, load_vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.features.nightly import Nachtlauf, Nightly

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample" / "vault.sql.gz"
_GIVEN = [str((ROOT / entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
#: PYTHONPATH of a child: the project, and the tools of the tests where they lie beside an older Airflow.
CHILD_PATH = os.pathsep.join(dict.fromkeys([str(ROOT / "plugins"), str(ROOT), *_GIVEN]))
SQL_ROOT = ROOT / "include" / "sql"
_numbers = count(1)

# Airflow reads these at its first import: tests must not touch the Airflow of the user who runs them.
_AIRFLOW_HOME = tempfile.mkdtemp(prefix="bda-airflow-")
os.environ.update(
    AIRFLOW_HOME=_AIRFLOW_HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_AIRFLOW_HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
)
for _name in [name for name in os.environ if name.startswith("BDA_") and name not in TOOL_VARIABLES]:
    del os.environ[_name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``make test`` runs in two halves, in addition to any other selection (``-m``, ``-k``, names)."""
    parser.addoption("--stack", choices=("only", "without"), help="only the tests of a whole Airflow, or all others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    half = config.getoption("--stack")
    if half is None:
        return
    left_out = [item for item in items if (item.get_closest_marker("stack") is None) == (half == "only")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's server: PostgreSQL of the wheel, or the major version in BDA_TEST_PG_VERSION."""
    wanted = os.environ.get("BDA_TEST_PG_VERSION")
    with EmbeddedPostgres(int(wanted) if wanted else None) as server:
        yield server


@pytest.fixture(scope="session")
def sample_template(postgres: EmbeddedPostgres) -> str:
    """A database with the sample vault, to be copied; nobody connects to it."""
    create_octopus(postgres, "octopus_sample")
    load_vault(postgres, SAMPLE, "octopus_sample")
    return "octopus_sample"


@pytest.fixture(scope="session")
def new_warehouse(postgres: EmbeddedPostgres, sample_template: str) -> Callable[[], str]:
    """Return a function that copies the sample warehouse and returns the new database's name."""

    def create() -> str:
        name = f"octopus_{next(_numbers)}"
        create_octopus(postgres, name, template=sample_template)
        return name

    return create


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres, new_warehouse: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the role billing_aggregator to a fresh copy of the sample warehouse."""
    with psycopg.connect(postgres.dsn(new_warehouse(), "billing_aggregator")) as connection:
        yield connection


@pytest.fixture(scope="session")
def s3_server() -> Iterator[LocalS3]:
    with LocalS3() as server:
        yield server


@pytest.fixture
def bucket(s3_server: LocalS3) -> str:
    """A new, versioned, empty bucket."""
    name = f"bucket-{next(_numbers)}"
    s3_server.create_bucket(name)
    return name


@pytest.fixture(scope="session")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nightly]:
    """The process that runs DAGs; it is started at the first run."""
    from tests.features.nightly import Nightly

    process = Nightly(tmp_path_factory.mktemp("airflow"))
    yield process
    process.close()


@pytest.fixture
def nachtlauf(
    nightly: Nightly,
    postgres: EmbeddedPostgres,
    new_warehouse: Callable[[], str],
    s3_server: LocalS3,
    bucket: str,
) -> Nachtlauf:
    """A nightly run's surroundings: a fresh warehouse and an empty bucket."""
    from tests.features.nightly import Nachtlauf

    return Nachtlauf(nightly, postgres, s3_server, new_warehouse(), bucket)

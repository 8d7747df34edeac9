"""Four entries of clients.yaml, the files they use, and the DAGs that Airflow makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from airflow.sdk import DAG

CLIENTS = """
systems: {bookkeeper: {}, tripica: {needs: [bookkeeper]}}
defaults: {s3_bucket: exports, schedule: null, alerts: {email: [a@example.org]}}
clients:
  one: {prod: {}}
  two: {prod: {}, stage: {}}
  small: {prod: {systems: [bookkeeper]}}
"""
FILES = {
    "prechecks/bookkeeper/100_there.sql": "-- fail: there is something\nselect 1 where false;\n",
    "init/bookkeeper/010_a.sql": "create table x as select 1;\n",
    "init/tripica/010_b.sql": "select 1;\n",
    "init/tripica/two/010_b.sql": "select 2;\n",
    "archive/customer/oibl.sql": "-- system: tripica\nselect 1 as a\n",
}
ALL = {"one_prod", "two_prod", "two_stage", "small_prod"}
TWO = {"two_prod", "two_stage"}
OF_TRIPICA = ALL - {"small_prod"}
SCRIPT = "init/tripica/two/010_b.sql"
ADDED = "init/tripica/two/030_d.sql"
SHARED = "init/tripica/020_c.sql"
QUERY = "archive/customer/oibl.sql"


def the_dags() -> dict[str, DAG]:
    """Return what Airflow finds in the DAG file: entry -> DAG."""
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = ROOT / "dags"
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    assert not bag.import_errors
    return {name.removeprefix("billing_data_aggregator_"): dag for name, dag in bag.dags.items()}

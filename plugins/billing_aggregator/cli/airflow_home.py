"""A temporary AIRFLOW_HOME where there is no writable home folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from billing_aggregator.config import ConfigError
from billing_aggregator.config.home import home_folder, is_writable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def airflow_home() -> Iterator[None]:
    """Let Airflow be imported without a home folder, or with a read-only one: it writes a file at import.

    Enter this before Airflow is imported. An ``AIRFLOW_HOME`` that is set stays.
    """
    home = home_folder()
    has_home = home is not None and os.environ.get("HOME") != "" and is_writable(home / "airflow")
    if has_home or os.environ.get("AIRFLOW_HOME"):
        yield
        return
    try:
        folder = tempfile.mkdtemp(prefix="billing-airflow-")
    except OSError as error:
        raise ConfigError(f"there is no folder for Airflow's files ({error}); set AIRFLOW_HOME or TMPDIR") from None
    os.environ["AIRFLOW_HOME"] = folder
    try:
        yield
    finally:
        del os.environ["AIRFLOW_HOME"]
        shutil.rmtree(folder, ignore_errors=True)

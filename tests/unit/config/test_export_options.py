"""How files are written, per client: the options of the export operators under the key ``export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing_aggregator.config import ConfigError, load_client
from billing_aggregator.dag.build import build_dag
from billing_aggregator.night import read_night
from billing_aggregator.operators.client_exports import ClientPlanOperator
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def clients_with(tmp_path: Path, export: str) -> Path:
    text = (ROOT / "include/clients.yaml").read_text(encoding="utf-8")
    path = tmp_path / "clients.yaml"
    path.write_text(text.replace("    local: {}", f"    local: {{export: {export}}}"), encoding="utf-8")
    return path


def test_the_options_reach_the_plans(tmp_path: Path) -> None:
    path = clients_with(tmp_path, "{compression: gzip, encryption: sse-kms, kms_key_id: alias/billing}")
    dag = build_dag(read_night(load_client("enercity", "local", path, environ={})))
    plans = [task for task in dag.tasks if isinstance(task, ClientPlanOperator)]
    assert len(plans) == 3
    for plan in plans:
        assert plan.options.compression == "gzip"
        assert plan.options.kms_key_id == "alias/billing"
        assert plan.options.max_rows_per_file == 1_000_000
        assert plan.options.key_template == "{client}/{environment}/{file}"


@pytest.mark.parametrize(
    ("export", "reason"),
    [
        ("{compresion: gzip}", "compresion"),
        ("{compression: lzma}", "compression"),
        ("{kms_key_id: alias/billing}", "encryption='sse-kms'"),
        ("{max_rows_per_file: 5}", "move it one level up"),
        ("{key_template: '{client}/{environment}/x/{file}'}", "move it one level up"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, export: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_client("enercity", "local", clients_with(tmp_path, export), environ={})
    assert "clients.enercity.local" in str(caught.value)
    assert reason in str(caught.value)

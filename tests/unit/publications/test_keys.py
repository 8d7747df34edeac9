"""The key that ``publications compare`` proposes: it stands in the definition of every export."""

from __future__ import annotations

import pytest

from billing_aggregator.config import ClientConfig, load_clients
from billing_aggregator.night import read_night
from billing_aggregator.publications.keys import defined_key

EXPORTS = {
    export.name: config
    for config in load_clients()
    if isinstance(config, ClientConfig)
    for export in read_night(config).exports
}


@pytest.mark.parametrize("export", sorted(EXPORTS))
def test_every_export_defines_its_key(export: str) -> None:
    assert defined_key(EXPORTS[export], export)


def test_an_export_that_nobody_defines_has_no_key() -> None:
    assert defined_key(EXPORTS["customer/oibl"], "nobody/knows") == ()

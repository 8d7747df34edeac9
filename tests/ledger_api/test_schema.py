"""Requests that schemathesis makes from the OpenAPI document: every answer is one that the document has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from services.ledger_api.rest.app import new_app
from services.ledger_api.service import new_service
from services.ledger_api.settings import read_settings

if TYPE_CHECKING:
    from tests.ledger_api.server import Running

#: Longer by hand: LEDGER_FUZZ=1000.
EXAMPLES = int(os.environ.get("LEDGER_FUZZ", "15"))
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
DOCUMENT = schemathesis.openapi.from_dict(new_app(new_service(read_settings({"BDA_DB_HOST": "127.0.0.1"}))).openapi())


@DOCUMENT.include(path_regex="^/v1|^/healthz").parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore")
def test_answers_are_those_of_the_document(case: Any, running: Running) -> None:
    answer = case.call_and_validate(base_url=running.url, checks=CHECKS)
    assert answer.status_code != 503

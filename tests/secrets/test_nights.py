"""Nights of a client whose every connection has a secret: nothing that they write or say holds one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.secrets.canaries import forms, leaks

if TYPE_CHECKING:
    from tests.secrets.conftest import Place


def test_the_nights_did_what_they_should(place: Place) -> None:
    """The search is worth something: each place was written, alerts were sent, the metadata database is there."""
    assert place.states == ["failed", "success", "failed", "failed", "failed", "success", "failed", "success"]
    found = place.found
    assert b"not fixed" in found["mails"]
    assert b"not fixed" in found["Slack's messages"]
    assert any(name.endswith("airflow.db") and b"bookkeeper_results" in content for name, content in found.items())
    assert any(name.endswith("_manifest.json") for name in found)
    assert b"not fixed" in found["octopus_canary.report_oibl.aggregator_runs"]
    assert b"nightly_child" in found["the process list"]
    assert b"nowhere" in found["log of night 3"]
    assert b"no-such-bucket" in found["log of night 4"]
    assert b"alert not sent" in found["log of night 3"]
    assert b"status 401" in found["log of night 5"]
    assert b"reading taken" in found["log of night 6"]
    assert place.canaries["the platform's token"]
    assert b"Kafka's brokers refuse this connection" in found["log of night 7"]
    assert b"R1-7" in found["octopus_ordering.billing.invoices"]


def test_no_secret_is_anywhere(place: Place) -> None:
    assert leaks(place.canaries, place.found) == []


def test_a_leak_would_be_found(place: Place) -> None:
    for name, secret in place.canaries.items():
        for form in forms(secret):
            assert leaks(place.canaries, {"a log": b"..." + form + b"..."})[0].startswith(f"{name} in a log")

"""``health``: could this client's run work here and now? Tests the real servers and leaves nothing behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.health_alerts import alert_findings
from billing_aggregator.cli.health_database import database_findings
from billing_aggregator.cli.health_feeds import feed_findings
from billing_aggregator.cli.health_store import store_findings
from billing_aggregator.cli.results import DONE, FAILED, Finding

if TYPE_CHECKING:
    from billing_aggregator.config import ClientConfig


@dataclass(frozen=True)
class Health:
    """The findings for one client and environment."""

    client: str
    environment: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> int:
        """0, or 1 when anything has failed."""
        return FAILED if self._failed else DONE

    @property
    def _failed(self) -> int:
        return sum(finding.state == "FAILED" for finding in self.findings)

    def text(self) -> str:
        """Return one line for each finding and a last line with the verdict."""
        verdict = f"{self._failed} FAILED" if self._failed else "healthy"
        lines = [finding.text() for finding in self.findings]
        return "\n".join([f"Health of {self.client} / {self.environment}", *lines, verdict])

    def data(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "ok": not self._failed,
            "client": self.client,
            "environment": self.environment,
            "findings": [
                {"subject": finding.subject, "state": finding.state, "detail": finding.detail}
                for finding in self.findings
            ],
        }


def health(config: ClientConfig) -> Health:
    """Test the database, the bucket, the feeds' brokers, the mail server and Slack; findings contain no secrets."""
    findings = [*database_findings(config), *store_findings(config), *feed_findings(config), *alert_findings(config)]
    return Health(config.client, config.environment, tuple(findings))

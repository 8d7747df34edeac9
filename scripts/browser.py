"""A headless Chromium of its own, where one is installed."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.remote_connection import RemoteConnection

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVER = "chromedriver"
ANSWER_SECONDS = 600
# It talks to this machine only, and asks nobody for updates.
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
    "--hide-scrollbars",
)  # fmt: skip


def missing() -> str:
    """Return what is not installed, in one line; empty: nothing is missing."""
    if not any(map(shutil.which, BROWSERS)):
        return "no browser: install Chromium (Debian: chromium)"
    return "" if shutil.which(DRIVER) else f"no {DRIVER}: install Chromium's driver (Debian: chromium-driver)"


@contextmanager
def browser(*, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """Yield a browser with a profile of its own, which likes light or dark pages."""
    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory(prefix="bda-browser-", ignore_cleanup_errors=True) as profile:
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which(DRIVER)))
        # Where everything else runs too, a page takes minutes.
        cast("RemoteConnection", driver.command_executor).client_config.timeout = ANSWER_SECONDS
        try:
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield driver
        finally:
            driver.quit()

"""Somebody clicks through the page in a real browser, by mouse and by keyboard."""

from __future__ import annotations

import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import uvicorn
from scripts.browser import browser, missing
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from billing_aggregator.local.postgres import free_port
from billing_aggregator.ui.viewers import everybody
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from selenium.webdriver import Chrome

NIGHTS = '[data-name="enercity/local"] .nights a'


@pytest.fixture(scope="module")
def site(app: Callable[..., FastAPI]) -> Iterator[str]:
    """The address of the page."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app(everybody, in_airflow=False), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, "the page is served")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    if reason := missing():
        warnings.warn(f"THE PAGE WAS NOT TRIED IN A BROWSER: {reason}", stacklevel=1)
        pytest.skip(f"the page was not tried in a browser: {reason}")
    with browser() as found:
        yield found


def headed(driver: Chrome, title: str) -> None:
    """Wait for the page with that heading: after a click the browser may still have the one before."""

    def is_there() -> bool:
        with suppress(StaleElementReferenceException):
            return driver.find_element(By.TAG_NAME, "h1").text == title
        return False

    wait_for(is_there, lambda: f"{title}: {driver.title}", seconds=120)


def test_from_the_overview_to_a_comparison_and_back(driver: Chrome, site: str) -> None:
    driver.get(site)
    assert driver.find_element(By.CSS_SELECTOR, ".lead").text.startswith("1 of 7 lists are there and whole")
    driver.find_elements(By.CSS_SELECTOR, NIGHTS)[-1].click()
    headed(driver, "enercity local 2026-11-26")
    driver.find_element(By.CSS_SELECTOR, "form button").click()
    headed(driver, "enercity local 2026-11-26 and 2026-11-25")
    driver.find_element(By.LINK_TEXT, "Billing publications").click()
    headed(driver, "Billing publications")


def test_from_a_comparison_to_the_rows_that_differ(driver: Chrome, site: str, published: str) -> None:
    driver.get(site + published)
    driver.find_element(By.LINK_TEXT, "Which rows of customer/oibl differ").click()
    headed(driver, "customer/oibl: 2026-11-26 and 2026-11-25")
    assert driver.find_element(By.CSS_SELECTOR, "[aria-label='Changed rows'] tbody tr").text.endswith('"3.10" "3.00"')
    driver.find_element(By.LINK_TEXT, "compare").click()
    headed(driver, "enercity local 2026-11-26 and 2026-11-25")


def test_the_keyboard_walks_through_the_nights(driver: Chrome, site: str) -> None:
    driver.get(site)
    last = driver.find_elements(By.CSS_SELECTOR, NIGHTS)[-1]
    reached = sum(link.get_attribute("tabindex") == "0" for link in driver.find_elements(By.CSS_SELECTOR, NIGHTS))
    assert reached == 1
    last.send_keys(Keys.ARROW_LEFT)
    active = driver.switch_to.active_element
    assert "2026-11-25" in str(active.get_attribute("aria-label"))
    active.send_keys(Keys.ENTER)
    headed(driver, "enercity local 2026-11-25")


def test_typing_finds_a_client(driver: Chrome, site: str) -> None:
    driver.get(site)
    driver.find_element(By.ID, "find").send_keys("Q-CELLS")
    shown = [card for card in driver.find_elements(By.CSS_SELECTOR, ".card") if card.is_displayed()]
    assert [card.get_attribute("data-name") for card in shown] == ["q-cells/local"]


@pytest.mark.parametrize("path", ["", "run", "compare", "rows"])
def test_a_phone_needs_no_scrolling_sideways(driver: Chrome, site: str, published: str, path: str) -> None:
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        run = published.removesuffix("/compare")
        rows = f"{published}/rows?export=customer%2Foibl"
        driver.get(site + {"run": run, "compare": published, "rows": rows}.get(path, "/"))
        # Such as the address in an error of S3.
        driver.execute_script("document.querySelector('main p').textContent = 'word'.repeat(50)")
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_browser_had_nothing_to_complain_about(driver: Chrome, site: str) -> None:
    driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium has no types for it
    driver.get(site)
    driver.find_elements(By.CSS_SELECTOR, NIGHTS)[-1].click()
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium has no types for it

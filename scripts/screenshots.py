#!/usr/bin/env python3
"""Takes the pictures of the page in ``docs/images/`` in a headless browser, of invented runs: scripts/sample_nights.py.

Needs Chromium and its driver (Debian: ``chromium``, ``chromium-driver``). Usage: ``make screenshots``.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from PIL import Image
from scripts import sample_nights
from scripts.browser import browser, missing

from billing_aggregator.local import page, records, warehouse
from billing_aggregator.local.loopback import direct_loopback
from billing_aggregator.local.postgres import EmbeddedPostgres, free_port
from billing_aggregator.local.s3 import LocalS3
from billing_aggregator.ui.app import create_app
from billing_aggregator.ui.viewers import everybody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
WIDTH, PHONE = 1240, 390
# Seconds: no picture shows a page that waits, however slow this machine is.
PATIENCE = 300.0
TALLEST = 1_850
# Of a picture's file: half the bytes of all that the browser paints, and nobody sees it.
COLOURS = 256


@contextmanager
def served() -> Iterator[str]:
    """Serve the page with the invented runs; yield its address."""
    with direct_loopback(), EmbeddedPostgres() as server, LocalS3() as s3:
        warehouse.create_octopus(server)
        records.load(server, sample_nights.rows())
        page.use(server, s3)
        away = sample_nights.config("wind-und-wetter").model_copy(update={"db_conn_id": "away"})
        os.environ["AIRFLOW_CONN_AWAY"] = f"postgresql://nobody@127.0.0.1:{free_port()}/octopus"
        entries = [*(sample_nights.config(client) for client in sample_nights.CLIENTS), away]
        app = create_app(
            lambda: list(entries), everybody, in_airflow=False, now=lambda: sample_nights.NOW, patience=PATIENCE
        )
        port = free_port()
        running = uvicorn.Server(uvicorn.Config(app, host=page.HOST, port=port, log_level="warning"))
        thread = threading.Thread(target=running.run)
        thread.start()
        try:
            while not running.started and thread.is_alive():
                time.sleep(0.05)
            yield f"http://{page.HOST}:{port}"
        finally:
            running.should_exit = True
            thread.join()


def main() -> int:
    """Take all pictures; return the exit status."""
    if reason := missing():
        print(f"error: {reason}", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    row = sample_nights.rows()
    warned = next(run for run in reversed(row) if run["client"] == "purpur-energy")
    run = f"/runs/purpur-energy/local/{warned['tag']}"
    with served() as address:
        for dark in (False, True):
            with browser(dark=dark) as driver:
                theme = "dark" if dark else "light"
                _shoot(driver, f"{address}/", f"overview-{theme}.png", WIDTH)
                if not dark:
                    _shoot(driver, address + run, "run-light.png", WIDTH)
                    _shoot(driver, f"{address}{run}/compare", "compare-light.png", WIDTH)
                    _shoot(driver, f"{address}/", "overview-phone.png", PHONE)
    return 0


def _shoot(driver: Chrome, address: str, name: str, width: int) -> None:
    """Take a picture of a whole page, *width* pixels wide."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get(address)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics | {"height": min(int(height), TALLEST)})
    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)
    print(f"docs/images/{name}: {(IMAGES / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    raise SystemExit(main())

"""Templates: every value is escaped, and addresses begin where the application is mounted."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing_aggregator.ui import charts, texts
from billing_aggregator.ui.address import PREFIX
from billing_aggregator.ui.nights import WORDS

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).parent


def page(template: str, request: Request, **values: Any) -> str:
    """Return the HTML of *template*."""
    base = str(request.scope.get("root_path", "")).rstrip("/")
    return (
        _templates()
        .get_template(template)
        .render(base=base, airflow=base.removesuffix(PREFIX), in_airflow=request.app.state.in_airflow, **values)
    )


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "count", "size", "clock", "moment", "span", "value"):
        found.filters[name] = getattr(texts, name)
    found.filters["longest"] = charts.longest
    found.filters["part"] = lambda value: quote(str(value), safe="")
    found.globals |= {"WORDS": WORDS, "WIDTH": charts.LINE_WIDTH, "HEIGHT": charts.LINE_HEIGHT}
    return found

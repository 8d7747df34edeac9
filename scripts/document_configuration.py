"""Writes the tables of docs/configuration.md from the models: ``python scripts/document_configuration.py``.

A test compares the page with the models, so nobody can change one without the other.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins"))

from billing_aggregator.config import Alerts, ClientConfig, EnvironmentSettings, load_client  # noqa: E402
from billing_aggregator.config.descriptions import KEYS  # noqa: E402
from billing_aggregator.config.export_options import ExportOptions  # noqa: E402
from billing_aggregator.config.feeds import KafkaFeed, MetersFeed, OrdersOptions, UsageOptions  # noqa: E402
from billing_aggregator.config.values import allowed  # noqa: E402
from billing_aggregator.runs.params import declare_params  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

PAGE = ROOT / "docs/configuration.md"
MARK = "<!-- {} {}: made by scripts/document_configuration.py -->"
OF_THE_RUN = ("client", "environment")
COMPUTED = ("client", "environment", "dependencies", "needed_from")
GRAMMAR = {
    "schedule": "cron",
    "timezone": "IANA name",
    "key_template": "template",
    "sql_settings": "name: text",
    "export": "see docs/export.md",
    "feeds": "name: mapping",
}


def shown(value: Any) -> str:
    """Return a default as a person writes it."""
    if value is None or value in ("", (), {}):
        return ""
    if isinstance(value, Alerts):
        return "nobody"
    if isinstance(value, ExportOptions):
        return "plain CSV"
    if isinstance(value, OrdersOptions | UsageOptions):
        return "Germany, euros" if isinstance(value, OrdersOptions) else "gaps of 6 hours"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, tuple) else value}`"


def short(text: str) -> str:
    """Return the allowed range without its explanation."""
    return text.split(": ", maxsplit=1)[0].replace("|", "\\|")


def variables() -> Iterator[str]:
    """Yield the table of the BDA_* variables."""
    yield "| Variable | Default | Allowed | Meaning |"
    yield "|---|---|---|---|"
    for name, field in EnvironmentSettings.model_fields.items():
        own = ClientConfig.model_fields.get(name)
        default = field.default
        if default is None and own is not None and not own.is_required():
            default = own.default
        shown_default = "of `clients.yaml`" if own is not None and own.is_required() else shown(default)
        if name in OF_THE_RUN:
            shown_default = ""
        yield f"| `{field.alias}` | {shown_default} | {short(allowed(field))} | {field.description} |"


def keys() -> Iterator[str]:
    """Yield the table of the keys of an entry."""
    yield "| Key | Default | Allowed | Meaning |"
    yield "|---|---|---|---|"
    for name, field in ClientConfig.model_fields.items():
        if name not in COMPUTED:
            default = "required" if field.is_required() else shown(field.get_default(call_default_factory=True))
            yield f"| `{name}` | {default} | {GRAMMAR.get(name) or short(allowed(field))} | {KEYS[name]} |"


def feeds() -> Iterator[str]:
    """Yield the table of the keys of a feed of kind ``kafka``."""
    yield from keys_of(KafkaFeed)


def meters() -> Iterator[str]:
    """Yield the table of the keys of a feed of kind ``meters``."""
    yield from keys_of(MetersFeed)


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a feed's model."""
    yield "| Key | Default | Allowed | Meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name != "kind":
            yield f"| `{name}` | {shown(field.default)} | {short(allowed(field))} | {field.description} |"


def params() -> Iterator[str]:
    """Yield the table of the params of a manual run."""
    yield "| Param | In the form | Default | Meaning |"
    yield "|---|---|---|---|"
    config = load_client("enercity", "local", environ={})
    for name, param in declare_params(config).items():
        value = param.value if not isinstance(param.value, list) else tuple(param.value)
        schema = param.schema
        yield f"| `{name}` | {schema['title']} | {shown(value)} | {schema['description_md']} |"


TABLES = {"variables": variables, "keys": keys, "feeds": feeds, "meters": meters, "params": params}


def with_tables(page: str) -> str:
    """Return *page* with every table made anew."""
    for name, table in TABLES.items():
        begin, end = MARK.format("begin", name), MARK.format("end", name)
        text = "\n".join([begin, "", *table(), "", end])
        before, *rest = re.split(f"{re.escape(begin)}.*?{re.escape(end)}", page, flags=re.DOTALL)
        if len(rest) != 1:
            raise SystemExit(f"{PAGE}: the marks of the table {name} stand {len(rest)} times, not once")
        page = before + text + rest[0]
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

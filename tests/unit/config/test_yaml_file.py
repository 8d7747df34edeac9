"""YAML that means the same to every reader; everything else is refused with its line and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing_aggregator.config import BrokenConfig, ClientConfig, ConfigError, load_client, load_clients
from billing_aggregator.config.yaml_file import load_yaml
from billing_aggregator.config.yaml_values import Ambiguous

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
systems: {bookkeeper: {}, tripica: {needs: [bookkeeper]}}
defaults: {s3_bucket: exports}
x-usual: &usual {max_rows_per_file: 7, alerts: {email: [a@example.org]}}
x-quiet: &quiet {retries: 1, max_rows_per_file: 8}
clients:
  one:
    prod: &prod
      <<: *usual
      retries: 5
    stage: *prod
  two:
    prod: {<<: [*quiet, *usual], retries: 3}
    stage:
      max_rows_per_file: 9
      <<: *usual
"""
DIGITS = "write a number in plain decimal digits such as 100000, or put a text in quotation marks"


def read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "clients.yaml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path)


def test_merge_keys_and_aliases(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(BASE, encoding="utf-8")
    found = {entry.dag_id[24:]: entry for entry in load_clients(tmp_path / "clients.yaml", {})}
    values = {
        name: (entry.max_rows_per_file, entry.retries, entry.alerts.email)
        for name, entry in found.items()
        if isinstance(entry, ClientConfig)
    }
    assert values == {
        "one_prod": (7, 5, ("a@example.org",)),
        "one_stage": (7, 5, ("a@example.org",)),
        "two_prod": (8, 3, ("a@example.org",)),
        "two_stage": (9, 2, ("a@example.org",)),
    }


SAME: dict[str, Any] = {
    "0": 0, "12": 12, "-5": -5, "1.5": 1.5, "true": True, "False": False, "~": None, "null": None, "": None,
    "text": "text", "00:30": "00:30", "0 2 * * *": "0 2 * * *", "'0100'": "0100", '"yes"': "yes", "!!str 0100": "0100",
    "1.2.3": "1.2.3", "256MB": "256MB", "en-gz1": "en-gz1", "2026-1": "2026-1", "[]": [], "{}": {}, "'<<'": "<<",
}  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_values_that_mean_the_same_everywhere_are_read(tmp_path: Path, text: str) -> None:
    value = read(tmp_path, f"a: {text}")["a"]
    assert (type(value), value) == (type(SAME[text]), SAME[text])


DIFFERENT = {
    "0100000": f"YAML 1.1 reads 32768, YAML 1.2 100000; {DIGITS}",
    "060": f"YAML 1.1 reads 48, YAML 1.2 60; {DIGITS}",
    "08": f"YAML 1.1 reads '08', YAML 1.2 8; {DIGITS}",
    "-012": f"YAML 1.1 reads -10, YAML 1.2 -12; {DIGITS}",
    "1:40": f"YAML 1.1 reads 100, YAML 1.2 '1:40'; {DIGITS}",
    "190:20:30.15": f"YAML 1.1 reads 685230.15, YAML 1.2 '190:20:30.15'; {DIGITS}",
    "1_000": f"YAML 1.1 reads 1000, YAML 1.2 '1_000'; {DIGITS}",
    "0o14": f"YAML 1.1 reads '0o14', YAML 1.2 12; {DIGITS}",
    "0b1": f"YAML 1.1 reads 1, YAML 1.2 '0b1'; {DIGITS}",
    "0x1F": f"YAML reads 31; {DIGITS}",
    "+12": f"YAML reads 12; {DIGITS}",
    ".5": f"YAML reads 0.5; {DIGITS}",
    "1e3": f"YAML 1.1 reads '1e3', YAML 1.2 1000.0; {DIGITS}",
    "1.": f"YAML reads 1.0; {DIGITS}",
    ".inf": f"YAML reads inf; {DIGITS}",
    "yes": "YAML 1.1 reads yes as a truth value, YAML 1.2 as text; write true or false, or quote it",
    "Off": "YAML 1.1 reads Off as a truth value, YAML 1.2 as text; write true or false, or quote it",
    "y": "YAML 1.1 reads y as a truth value, YAML 1.2 as text; write true or false, or quote it",
    "2026-01-01": "YAML 1.1 reads 2026-01-01 as a date, YAML 1.2 as text; put it in quotation marks",
    "2026-13-45": "YAML 1.1 reads 2026-13-45 as a date, YAML 1.2 as text; put it in quotation marks",
    "2026-01-01 10:00:00": "YAML 1.1 reads 2026-01-01 10:00:00 as a date, YAML 1.2 as text; put it in quotation marks",
    "=": "YAML 1.1 has a meaning of its own for =; put it in quotation marks",
    "<<": "YAML 1.1 has a meaning of its own for <<; put it in quotation marks",
}


@pytest.mark.parametrize("text", DIFFERENT)
def test_values_that_are_read_differently_are_ambiguous(tmp_path: Path, text: str) -> None:
    value = read(tmp_path, f"b: 1\na: {text}")["a"]
    assert isinstance(value, Ambiguous)
    assert (value, value.line, value.advice) == (text, 2, DIFFERENT[text])


@pytest.mark.parametrize("text", [text for text in DIFFERENT if text not in ("<<",)])
def test_an_ambiguous_key_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"clients\.yaml: line 2: YAML reads this key as .*; put it in quotation marks"
    ):
        read(tmp_path, f"b: 1\n{text}: 1")


@pytest.mark.parametrize("text", ["0100000", "060", "1:40", "1_000", "1e3", "2026-01-01", "yes"])
@pytest.mark.parametrize("key", ["max_rows_per_file", "retries", "s3_bucket", "timezone"])
def test_an_ambiguous_value_breaks_the_entry_that_has_it(tmp_path: Path, key: str, text: str) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(
        f"defaults: {{s3_bucket: exports}}\nclients:\n  a: {{prod: {{}}}}\n  b:\n    prod: {{{key}: {text}}}\n"
    )
    good, broken = load_clients(path, {})
    assert isinstance(good, ClientConfig)
    assert isinstance(broken, BrokenConfig)
    assert broken.error == f"{path}: line 5: clients.b.prod: {key} = {text}: {DIFFERENT[text]}"
    if key == "max_rows_per_file":
        assert load_client("b", "prod", path, {"BDA_MAX_ROW_SIZE_FILE": "5"}).max_rows_per_file == 5


def test_an_ambiguous_default_is_reported_once_for_each_entry_that_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("defaults: {s3_bucket: exports, retries: 010}\nclients: {a: {prod: {}, stage: {retries: 1}}}\n")
    broken, good = load_clients(path, {})
    assert isinstance(good, ClientConfig)
    assert isinstance(broken, BrokenConfig)
    assert broken.error.startswith(f"{path}: line 1: defaults: retries = 010: YAML 1.1 reads 8, YAML 1.2 10; write")


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("on", True), ("no", False), ("Off", False), ("n", False)])
def test_yes_and_no_are_booleans_where_one_is_expected(tmp_path: Path, text: str, value: bool) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(f"clients: {{a: {{prod: {{s3_bucket: exports, dry_run: {text}, alerts: {{slack: {text}}}}}}}}}\n")
    config = load_client("a", "prod", path, {})
    assert (config.dry_run, config.alerts.slack) == (value, value)


REFUSED = {
    "<< with a number": ("a: {<<: 1}", "line 1: << takes a mapping or a list of mappings, such as <<: *usual"),
    "<< with a list of numbers": ("a: {<<: [1]}", "line 1: << takes a mapping or a list of mappings"),
    "<< twice": (
        "u: &u {a: 1}\nv:\n  <<: *u\n  <<: *u\n",
        "line 4: duplicate key << (first in line 3); write",
    ),
    "two keys twice": ("a: 1\na: 2\nb: {c: 1, c: 2}", "line 3: duplicate key c (first in line 3); merge"),
    "key twice beside a merge": ("u: &u {a: 1}\nv:\n  <<: *u\n  b: 1\n  b: 2\n", "line 5: duplicate key b"),
    "Python object": (
        "a: !!python/object:os.system x",
        "line 1: the tag !!python/object:os.system has no meaning here",
    ),
    "tag on a mapping": ("a: !x {b: 1}", "line 1: the tag !x has no meaning here; remove it"),
    "tag of a number": ("a: !!int '0100'", "line 1: the tag !!int has no meaning here; remove it"),
    "two documents": ("a: 1\n---\nb: 2", "line 2: a second document begins here (---); keep one"),
    "tab": (
        "a:\n\tb: 1",
        "line 2: while scanning for the next token: found character '\\t' that cannot start any token; ",
    ),
    "alias within itself": ("a: &a [*a]", "line 1: this value contains itself by an alias; remove the alias"),
    "unknown alias": ("a: 1\nb: *b", "line 2: found undefined alias 'b'"),
    "open list": ("a: [1", "line 1: while parsing a flow sequence: expected ',' or ']', but got '<stream end>'"),
    "control character": ("a\n: b\x07", "line 2: the character 0x7 is not allowed; remove it"),
    "NUL": ("a: b\n\0", "clients.yaml, line 2: byte 5 is NUL, which is not allowed in text; remove it"),
    "deep": ("[" * 3000, "nested too deeply; write it flatter"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_its_line_and_a_way_out(tmp_path: Path, name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, text)
    assert reason in str(refusal.value)
    assert all(str(tmp_path / "clients.yaml") in line for line in str(refusal.value).splitlines())


def test_aliases_cannot_make_a_small_file_large(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ConfigError, match=r"line 1: aliases make [\d,]+ values of this file, more than 100,000; use"):
        read(tmp_path, "\n".join(layers))


def test_windows_line_ends_and_a_byte_order_mark_are_no_problem(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffa: 1\r\nb: x\r\n") == {"a": 1, "b": "x"}
    assert read(tmp_path, "") is None

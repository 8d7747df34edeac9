"""Publications in words and as plain values: runs, a manifest, what verify and download found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from billing_aggregator.cli.comparison_text import comparison, counted

if TYPE_CHECKING:
    from billing_aggregator.publications import FoundPublication
    from billing_aggregator.publications.download import Downloaded
    from billing_aggregator.publications.runs import RunLine, RunList
    from billing_aggregator.publications.verify import Verification

__all__ = [
    "comparison",
    "downloaded",
    "downloaded_data",
    "manifest",
    "run_list",
    "run_list_data",
    "verification",
    "verification_data",
]
WARNINGS_SHOWN = 3


def run_list(found: RunList) -> str:
    """Return a line for each run."""
    lines = [f"note: {note}" for note in found.notes]
    lines.append(f"Runs of {found.client} / {found.environment}, from the {found.source}; * is what readers see now")
    if not found.runs:
        return "\n".join([*lines, "  none"])
    lines.append(f"    {'date':<10} {'state':<9} {'published at (UTC)':<19} {'rows':>12} {'files':>5}  run")
    lines += [_run(run) for run in found.runs]
    return "\n".join(lines)


def _run(run: RunLine) -> str:
    published = (run.published_at or "-")[:19].replace("T", " ")
    state = f"{run.state}" if not run.dry_run else "dry run"
    rows, files = (f"{number:,}" if number is not None else "-" for number in (run.rows, run.files))
    mark = "*" if run.is_current else " "
    line = f"  {mark} {run.business_date:<10} {state:<9} {published:<19} {rows:>12} {files:>5}  {run.run_id}"
    if run.warnings:
        more = f" and {len(run.warnings) - WARNINGS_SHOWN} more" if len(run.warnings) > WARNINGS_SHOWN else ""
        line += f"\n      {counted(len(run.warnings), 'check')} warned: {', '.join(run.warnings[:WARNINGS_SHOWN])}"
        line += more
    return line + (f"\n      error: {run.error}" if run.error else "")


def run_list_data(found: RunList) -> dict[str, Any]:
    """Return the same for machines."""
    runs = [asdict(run) | {"warnings": None if run.warnings is None else list(run.warnings)} for run in found.runs]
    return asdict(found) | {"runs": runs, "notes": list(found.notes)}


def manifest(found: FoundPublication) -> str:
    """Return a manifest for people."""
    published = found.manifest
    lines = [f"{published.client} / {published.environment}, business date {published.business_date}"]
    lines += [f"  run           {published.run_id}", f"  published at  {published.published_at}"]
    lines += [f"  manifest      {found.place}, version {published.schema_version} of the format"]
    for name, export in published.exports.items():
        size = sum(file.bytes for file in export.files)
        lines += ["", f"{name}: {export.rows:,} rows in {counted(len(export.files), 'file')}, {size:,} bytes"]
        if export.kept_from:
            lines.append(f"  kept from run {export.kept_from.run_id} of {export.kept_from.business_date}")
        csv = export.csv
        null = f"NULL is {csv['null']!r}" if csv["null"] else 'NULL is nothing, "" is an empty text'
        more = ", formulas neutralised" if csv.get("formulas") == "neutralise" else ""
        how = f"compression {csv['compression']}{more}"
        lines.append(f"  CSV           {csv['encoding']}, delimiter {csv['delimiter']!r}, {null}, {how}")
        lines += [f"  total         {column:<32} {total:>20}" for column, total in export.control_totals.items()]
        lines += [
            f"  column        {c.name:<32} {c.type}{'' if c.nullable else ' not null'}  {c.description}".rstrip()
            for c in export.column_details
        ] or [f"  columns       {', '.join(export.columns)}"]
        lines += [f"  file          {f.key}  {f.rows:,} rows  {f.bytes:,} bytes  {f.sha256[:12]}" for f in export.files]
    return "\n".join(lines)


def verification(result: Verification) -> str:
    """Return a line for each file, and the verdict."""
    lines = [f"{result.found.title}", f"  {result.found.place}"]
    for file in result.files:
        verdict = "GONE  " if file.is_gone else "BROKEN" if file.problem else "ok    "
        lines.append(f"  {verdict} {file.key}  {file.rows:,} rows  {file.bytes:,} bytes")
    lines += [f"problem: {problem}" for problem in result.problems]
    rows, size = sum(f.rows for f in result.files), sum(f.bytes for f in result.files)
    files = counted(len(result.files), "file")
    whole = f"whole: {files}, {rows:,} rows, {size:,} bytes; SHA-256, rows and control totals agree"
    return "\n".join([*lines, counted(len(result.problems), "problem") if result.problems else whole])


def verification_data(result: Verification) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "run_id": result.found.manifest.run_id,
        "place": result.found.place,
        "problems": result.problems,
        "files": [asdict(file) for file in result.files],
    }


def downloaded(done: Downloaded) -> str:
    """Return what was copied."""
    there = done.bytes - done.fetched
    note = f" ({there:,} were there already)" if there else ""
    return f"{done.found.title}\n  {counted(done.files, 'file')}, {done.bytes:,} bytes{note}, verified\n  {done.folder}"


def downloaded_data(done: Downloaded) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "run_id": done.found.manifest.run_id,
        "folder": str(done.folder),
        "files": done.files,
        "bytes": done.bytes,
        "fetched": done.fetched,
    }

"""Options of exports: CSV dialect, compression, chunking, S3 attributes. Checked when the DAG is built."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from billing_aggregator.config.key_template import DEFAULT_KEY_TEMPLATE, check_template
from billing_aggregator.config.limits import LARGEST_PART, MOST_ROWS_PER_FILE
from billing_aggregator.config.store_options import StoreOptions

MIB = 1 << 20
#: S3's own limits: a part but the last has at least 5 MiB, an upload at most 10,000 parts.
SMALLEST_PART = 5 * MIB
MOST_PARTS = 10_000
QUOTE = '"'
LEVELS = {"none": (None, None), "gzip": (0, 3), "zstd": (1, 19)}


class Dialect(BaseModel):
    """The CSV format: RFC 4180 with line feeds; quotes are always ``"``.

    :param delimiter: one ASCII character.
    :param header: a header line in each file.
    :param null: the text of NULL; an empty string is ``""`` while NULL is empty.
    :param formulas: ``keep`` writes texts as they are; ``neutralise`` is for people who open the files in a
        spreadsheet: what it would run as a formula gets an apostrophe in front.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True
    null: str = ""
    formulas: Literal["keep", "neutralise"] = "keep"

    @property
    def neutralises(self) -> bool:
        """Whether texts that a spreadsheet would run are changed."""
        return self.formulas == "neutralise"

    def told(self) -> dict[str, str | bool]:
        """Return the dialect as a manifest says it: what changes the texts only where it is on."""
        return self.model_dump(exclude=set() if self.neutralises else {"formulas"})

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.delimiter in {QUOTE, "\n", "\r", "\\", "."} or self.delimiter.isalnum() or not self.delimiter.isascii():
            raise ValueError(
                f"delimiter {self.delimiter!r} would make the CSV ambiguous: it is one ASCII character that is no "
                "letter, digit, point, backslash, quote or line end, e.g. ',' ';' '|' or a tab"
            )
        if any(character in self.null for character in (self.delimiter, QUOTE, "\n", "\r", "\0")):
            raise ValueError(
                f"null {self.null!r} must not hold the delimiter {self.delimiter!r}, a quote or a line end; "
                "use the empty text or a word such as \\N"
            )
        return self


class ExportOptions(StoreOptions):
    """The options of an export's files; frozen, unknown names and contradictions are refused.

    The attributes of objects and requests are in
    :class:`~billing_aggregator.config.store_options.StoreOptions`.

    :param key_template: where a file goes in the bucket or folder, see :mod:`billing_aggregator.config.key_template`.
    :param dialect: the CSV format.
    :param max_rows_per_file: rows of each file but the last.
    :param compression: ``none``, ``gzip`` or ``zstd``; the same rows give the same bytes.
    :param compression_level: gzip 0-3 (isal's levels), zstd 1-19; None: a fast one.
    :param empty: an empty result gives one file with a header (``header``), no file (``skip``) or an error (``fail``).
    :param part_bytes: size of an upload's parts and of each buffer.
    :param upload_threads: parts that are uploaded at a time; memory is ``(upload_threads + 1) * part_bytes``.
    :param load_lists: lists of files to write beside the manifest: ``redshift`` (COPY), ``athena`` (symlink tables).
    :param chunk_totals: compute control totals for each chunk and compare them at publication; costs one more scan.
    """

    key_template: str = DEFAULT_KEY_TEMPLATE
    dialect: Dialect = Dialect()
    max_rows_per_file: Annotated[int, Field(ge=1, le=MOST_ROWS_PER_FILE)] = 1_000_000
    compression: Literal["none", "gzip", "zstd"] = "none"
    compression_level: int | None = None
    empty: Literal["header", "skip", "fail"] = "header"
    part_bytes: Annotated[int, Field(ge=SMALLEST_PART, le=LARGEST_PART)] = 8 * MIB
    upload_threads: Annotated[int, Field(ge=1, le=16)] = 2
    load_lists: tuple[Literal["redshift", "athena"], ...] = ()
    chunk_totals: bool = False

    @field_validator("key_template")
    @classmethod
    def _template(cls, value: str) -> str:
        check_template(value)
        return value

    @model_validator(mode="after")
    def _contradictions(self) -> Self:
        low, high = LEVELS[self.compression]
        if self.compression_level is not None:
            if low is None or high is None:
                raise ValueError("compression_level is given but compression is 'none'; drop one of them")
            if not low <= self.compression_level <= high:
                raise ValueError(
                    f"compression_level {self.compression_level}: {self.compression} has levels {low}-{high}"
                )
        if self.empty == "header" and not self.dialect.header:
            raise ValueError(
                "empty='header' writes a file with the header only, but dialect.header is off; "
                "choose empty='skip' or 'fail'"
            )
        return self

    @property
    def ending(self) -> str:
        """The files' ending, e.g. ``.csv.gz``."""
        return {"none": ".csv", "gzip": ".csv.gz", "zstd": ".csv.zst"}[self.compression]

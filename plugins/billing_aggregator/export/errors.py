"""What can go wrong in an export, sorted by what helps: another try, a new plan, or a person."""

from __future__ import annotations

from billing_aggregator.config.limits import LARGEST_PART, MIB
from billing_aggregator.errors.kinds import TerminalError, TransientError


class ExportError(TransientError):
    """Base of all errors of this package; another try of the same task may help."""


class TerminalExportError(ExportError, TerminalError):
    """Another try of the same task cannot help; the message names the way out."""


class ExportSourceChangedError(TerminalExportError):
    """The exported relation was rebuilt or written to between plan and publication."""


class ConnectionLostError(ExportError):
    """The database's session ended in the middle of a COPY."""


class RowCountError(ExportError):
    """Rows counted on the wire differ from the command tag or from the plan."""


class EmptyExportError(TerminalExportError):
    """The result is empty and the export's policy is ``fail``."""


class UploadError(ExportError):
    """Stored parts or objects are not what the export tasks reported."""


class TooManyFilesError(TerminalExportError):
    """The export would be more files than an export may have; the message names the smallest size that would do."""


class TooManyPartsError(UploadError, TerminalExportError):
    """A file needs more parts than an upload may have: its parts have to be larger, or its rows fewer.

    :param file: the file's full name.
    :param most: parts at most.
    :param part_bytes: bytes of each of them.
    :param advice: what to set instead.
    """

    def __init__(self, file: str, most: int, part_bytes: int, advice: str = "") -> None:
        self.place = file, most, part_bytes
        advice = advice or "raise part_bytes or lower max_rows_per_file"
        super().__init__(f"{file} needs more than {most} parts of {part_bytes} bytes, the store's limit; {advice}")

    def with_advice(self, rows_done: int, rows_planned: int) -> TooManyPartsError:
        """Return the same error for a file of which so many rows fitted into all its parts, with numbers to set."""
        file, most, part_bytes = self.place
        rows = max(rows_done * 9 // 10, 1)
        needed = -(-part_bytes * rows_planned * 11 // (max(rows_done, 1) * 10 * MIB)) * MIB
        fewer = f"lower max_rows_per_file from {rows_planned} to {rows} or less"
        larger = f", or raise part_bytes to {needed} or more" if needed <= LARGEST_PART else ""
        return TooManyPartsError(file, most, part_bytes, fewer + larger)


class UploadGoneError(TerminalExportError):
    """An upload was aborted before it was completed: the chunk must be exported again, with an upload of a new plan.

    :param what: the file, and what has happened to it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; run the export again from its plan")


class PublicationInProgressError(ExportError):
    """Another run holds the lock of this prefix; try again later."""


class LockLostError(ExportError):
    """The publisher's lock expired, and another publisher has taken it."""


class PublicationSupersededError(TerminalExportError):
    """Another run has published since this run was planned; this run must not overwrite it."""


class PreconditionFailedError(ExportError):
    """A conditional write was refused: the object is not the expected one."""


class ManifestError(TerminalExportError):
    """A manifest is there but cannot be read."""


class RemovalRefusedError(TerminalExportError):
    """A file of an earlier publication cannot be removed; the message names what the store's policy has to allow."""

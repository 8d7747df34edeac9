"""What can go wrong in an export, sorted by what helps: another try, a new plan, or a person."""

from __future__ import annotations

from billing_aggregator.errors import TerminalError, TransientError


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


class UploadGoneError(TerminalExportError):
    """An upload was aborted before it was completed: the chunk must be exported again."""


class PublicationInProgressError(ExportError):
    """Another run holds the claim of this prefix; try again later."""


class ClaimLostError(ExportError):
    """The publisher was taken for dead, and another one took its claim."""


class PublicationSupersededError(TerminalExportError):
    """Another run has published since this run was planned; this run must not overwrite it."""


class PreconditionFailedError(ExportError):
    """A conditional write found something else than it expected."""


class ManifestError(TerminalExportError):
    """A manifest is there but cannot be read."""


class RemovalRefusedError(TerminalExportError):
    """A file of an earlier publication cannot be removed; the message names what the store's policy has to allow."""

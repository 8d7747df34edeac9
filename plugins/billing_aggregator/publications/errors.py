"""What can be wrong with a question about publications: one sentence each, and a status by kind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from billing_aggregator.config.airflow_connections import UnreadableConnectionError
from billing_aggregator.errors.text import first_line
from billing_aggregator.export.errors import ManifestError
from billing_aggregator.runs.preflight import UnreachableError, bucket_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing_aggregator.config import ClientConfig

BROKEN, WRONG, NOT_THERE, UNREADABLE = 1, 2, 3, 4


class PublicationError(Exception):
    """Base; the message is one sentence with the way out, *status* the exit status of a command."""

    status: ClassVar[int] = WRONG


class BrokenPublicationError(PublicationError):
    """Something is not what its manifest says: a corrupted file, a manifest that is none."""

    status = BROKEN


class WrongQuestionError(PublicationError):
    """The question cannot be answered as it was asked: no such export, column or key."""


class NotThereError(PublicationError):
    """There is no such run, day, folder or version."""

    status = NOT_THERE


class UnreadableError(PublicationError):
    """The bucket, the folder or the warehouse cannot be read."""

    status = UNREADABLE


@contextmanager
def explained(config: ClientConfig | None) -> Iterator[None]:
    """Turn what a store or a manifest raises into a sentence of this package.

    :param config: the client whose bucket is read; None: a folder is.
    """
    try:
        yield
    except ManifestError as error:
        raise BrokenPublicationError(first_line(error)) from None
    except (UnreachableError, UnreadableConnectionError) as error:
        raise UnreadableError(str(error)) from None
    except (ClientError, BotoCoreError) as error:
        if config is None:
            raise
        raise UnreadableError(str(bucket_error(config, error))) from None
    except FileNotFoundError as error:
        raise NotThereError(f"{error.filename or error}: there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"{error.filename or 'a file'} cannot be read: {error.strerror or error}") from None

"""The one place that decides whether a task that fails is tried again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from billing_aggregator.errors.kinds import classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk.definitions.context import Context

    from billing_aggregator.errors.kinds import Kind


@contextmanager
def task_errors(on_failure: Callable[[BaseException, Kind | None], None] | None = None) -> Iterator[None]:
    """Fail the task at once for an error that another try cannot fix; leave every other error to the task's retries.

    :param on_failure: is called with the error and its kind before the task fails; the kind is None for Airflow's own
        errors, which say themselves what follows, and for the task's time-out. A skipped task has not failed.
    :raises AirflowFailException: the error is terminal (see :mod:`billing_aggregator.errors.kinds`).
    """
    note = on_failure or (lambda _error, _kind: None)
    try:
        yield
    except AirflowSkipException:
        raise
    except (AirflowException, AirflowTaskTimeout) as error:
        note(error, None)
        raise
    except Exception as error:
        kind = classify(error)
        note(error, kind)
        if kind == "terminal":
            raise AirflowFailException(str(error)) from error
        raise


def is_last_try(error: BaseException, context: Context, retries: int | None) -> bool:
    """Return whether no other try follows this one, which has failed with *error*.

    :param retries: how many tries the task has after its first one.
    """
    tries: Any = context["ti"].try_number
    return classify(error) == "terminal" or int(tries) > (retries or 0)

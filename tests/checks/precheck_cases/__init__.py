"""The cases: defects of the sources, and the checks that notice each."""

from tests.checks.precheck_cases import links, payments_and_journal, sources_and_keys, values

CASES = [*sources_and_keys.CASES, *links.CASES, *values.CASES, *payments_and_journal.CASES]

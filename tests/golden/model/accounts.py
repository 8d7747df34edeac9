"""Who owns a charge or balance: account, MBA, CBA, customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.golden.model.basics import characteristic, first, grouped, outer

if TYPE_CHECKING:
    from tests.golden.model.billing_sources import Account, Login
    from tests.golden.model.vault import Vault


class Relation(NamedTuple):
    """A row of base_data_billing_accounts."""

    mba: str | None
    cba: str | None
    migration_flag: str | None


class Owner(NamedTuple):
    """One combination of account, login and relationship of a charge; all null for a missing account."""

    billing_account_ouid: int | None
    login_ouid: int | None
    customer_id: str | None
    mba: str | None
    cba: str | None
    migration_flag: str | None


class Accounts:
    """The left joins from an account number to account, login and MBA; each may multiply rows."""

    def __init__(self, vault: Vault) -> None:
        self._accounts = grouped(vault.accounts, lambda row: row.ouid)
        self._logins = grouped(vault.logins, lambda row: row.customerouid)
        self._relations = grouped(self._relation_rows(vault), lambda row: row.cba)

    def _relation_rows(self, vault: Vault) -> list[Relation]:
        """One row per relationship whose two accounts exist; the flag is the target's."""
        return [
            Relation(target.name, source.name, _flag(target))
            for row in vault.relationships
            for source in self._accounts.get(row.billingaccountouid, [])
            for target in self._accounts.get(row.targetbillingaccountouid, [])
        ]

    def owners(self, account_ouid: int | None) -> list[Owner]:
        """All combinations for one account number, at least one."""
        return [
            _owner(account, login, relation)
            for account in outer(self._accounts.get(account_ouid))
            for login in outer(self._logins.get(account.customerouid) if account else None)
            for relation in outer(self._relations.get(account.name) if account else None)
        ]


def _owner(account: Account | None, login: Login | None, relation: Relation | None) -> Owner:
    return Owner(
        billing_account_ouid=account.ouid if account else None,
        login_ouid=login.ouid if login else None,
        customer_id=login.externalid if login else None,
        mba=first(relation.mba if relation else None, account.name if account else None),
        cba=account.name if account and relation else None,
        migration_flag=first(_flag(account) if account else None, relation.migration_flag if relation else None),
    )


def _flag(account: Account) -> str | None:
    return characteristic(account.characteristics, "migrationFlag")

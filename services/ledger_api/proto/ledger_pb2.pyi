from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LedgerEntry(_message.Message):
    __slots__ = ("txn_id", "account_dr", "account_cr", "amount", "currency")
    TXN_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_DR_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    txn_id: str
    account_dr: str
    account_cr: str
    amount: str
    currency: str
    def __init__(self, txn_id: _Optional[str] = ..., account_dr: _Optional[str] = ..., account_cr: _Optional[str] = ..., amount: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class Line(_message.Message):
    __slots__ = ("account", "side", "amount", "currency", "base_amount")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASE_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    account: str
    side: str
    amount: str
    currency: str
    base_amount: str
    def __init__(self, account: _Optional[str] = ..., side: _Optional[str] = ..., amount: _Optional[str] = ..., currency: _Optional[str] = ..., base_amount: _Optional[str] = ...) -> None: ...

class TransactionRequest(_message.Message):
    __slots__ = ("idempotency_key", "kind", "business_date", "description", "entries")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_DATE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    kind: str
    business_date: str
    description: str
    entries: _containers.RepeatedCompositeFieldContainer[Line]
    def __init__(self, idempotency_key: _Optional[str] = ..., kind: _Optional[str] = ..., business_date: _Optional[str] = ..., description: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[Line, _Mapping]]] = ...) -> None: ...

class PostedTransaction(_message.Message):
    __slots__ = ("transaction_id", "idempotency_key", "business_date", "posted_at")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_DATE_FIELD_NUMBER: _ClassVar[int]
    POSTED_AT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    idempotency_key: str
    business_date: str
    posted_at: str
    def __init__(self, transaction_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., business_date: _Optional[str] = ..., posted_at: _Optional[str] = ...) -> None: ...

class BalanceRequest(_message.Message):
    __slots__ = ("account", "at")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    account: str
    at: str
    def __init__(self, account: _Optional[str] = ..., at: _Optional[str] = ...) -> None: ...

class Balance(_message.Message):
    __slots__ = ("currency", "debit", "credit", "balance")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    DEBIT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    currency: str
    debit: str
    credit: str
    balance: str
    def __init__(self, currency: _Optional[str] = ..., debit: _Optional[str] = ..., credit: _Optional[str] = ..., balance: _Optional[str] = ...) -> None: ...

class BalanceReply(_message.Message):
    __slots__ = ("account", "normal_side", "balances")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    NORMAL_SIDE_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    account: str
    normal_side: str
    balances: _containers.RepeatedCompositeFieldContainer[Balance]
    def __init__(self, account: _Optional[str] = ..., normal_side: _Optional[str] = ..., balances: _Optional[_Iterable[_Union[Balance, _Mapping]]] = ...) -> None: ...

class EntriesRequest(_message.Message):
    __slots__ = ("account", "to")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    account: str
    to: str
    def __init__(self, account: _Optional[str] = ..., to: _Optional[str] = ..., **kwargs) -> None: ...

class Entry(_message.Message):
    __slots__ = ("transaction_id", "idempotency_key", "business_date", "line", "account", "side", "amount", "currency", "base_amount")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    BUSINESS_DATE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASE_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    idempotency_key: str
    business_date: str
    line: int
    account: str
    side: str
    amount: str
    currency: str
    base_amount: str
    def __init__(self, transaction_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., business_date: _Optional[str] = ..., line: _Optional[int] = ..., account: _Optional[str] = ..., side: _Optional[str] = ..., amount: _Optional[str] = ..., currency: _Optional[str] = ..., base_amount: _Optional[str] = ...) -> None: ...

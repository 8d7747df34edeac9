"""The ledger's API: REST and gRPC in one process, over the same functions.

``python -m services.ledger_api`` starts it.
"""

"""The gRPC road: the service ``ledger.LedgerService``."""

"""Messages of ``ledger.proto``; ``make proto`` generates the modules again."""

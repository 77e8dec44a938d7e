"""What runs migrations: the environment, the version table, transactions, locks and the journal."""

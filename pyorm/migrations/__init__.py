"""Schema migrations: revisions, operations, autogenerate. Needs the extra `migrations`."""

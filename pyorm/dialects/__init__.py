"""The two databases: `postgresql` and `sqlite`."""

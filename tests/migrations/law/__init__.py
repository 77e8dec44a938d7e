"""Laws of random models: after a migration nothing differs, and the way back is exact.

`test_law.py` applies operations as objects and asks the comparison itself (models: `specs.py`, `building.py`).
`test_scripts.py` runs the source that autogenerate writes and reads the catalog by statements of its own (`schemas.py`,
`edits.py`, `dump.py`, `rows.py`). The two draw their models independently: each has found what the other's never drew.
"""

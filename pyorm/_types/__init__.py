"""The classes behind `pyorm.types`, split by kind; programs import them from there."""

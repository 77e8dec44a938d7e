"""Compare pyorm with SQLAlchemy, raw drivers and other ORMs on the same work.

    python -m benchmarks --help

Every contender runs in a process of its own; rounds alternate between them, so that a noisy
moment of the machine meets all. What counts are ratios inside one run, never a time alone.
"""

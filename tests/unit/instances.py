"""The heap types of csrc/unit/, for tests/refcounts."""

from __future__ import annotations

UNMADE = {"UnitPlan": "made by the first flush of its class and kept with it; no program holds one"}

"""All golden session cases by name; tests/golden/sessions.json holds what the reference does in each."""

from __future__ import annotations

from typing import Any

from tests.golden import scene_merge, scene_saves, scene_states
from tests.golden.scene_kit import SCENES, Stage

MODULES = (scene_merge, scene_states, scene_saves)

__all__ = ["MODULES", "SCENES", "run"]


def run(name: str, library: str, url: str, **options: Any) -> list[Any]:
    """Run one scene on an empty database, leave an empty one; answer its log."""
    stage = Stage(library, url, **options)
    try:
        SCENES[name](stage)
        return stage.finish()
    finally:
        stage.close()

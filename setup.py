"""Builds the two extensions; everything else stands in pyproject.toml.

`pyorm._core` is the library's core: every .c file below csrc/ except csrc/coretest/.
`pyorm._coretest` is for tests: the same objects, and csrc/coretest/ beside them, so
that pytest reaches what no Python program sees. A wheel leaves it out.
New C files are found by themselves. How they are compiled: tools/build_core.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup

# A build front end does not put the project's directory on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tools.build_core import BuildCore, core_sources, coretest_sources

setup(
    ext_modules=[
        Extension("pyorm._core", core_sources()),
        Extension("pyorm._coretest", coretest_sources()),
    ],
    cmdclass={"build_ext": BuildCore},
)

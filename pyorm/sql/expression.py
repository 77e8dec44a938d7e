"""The expression language under the name that older programs import it by."""

from pyorm.sql import *  # noqa: F403 - the same names
from pyorm.sql import __all__  # noqa: F401

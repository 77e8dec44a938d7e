"""How files of new revisions are called, and the date they get."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from pyorm.migrations.util.exc import CommandError

__all__ = ["FileNames"]

WORD = re.compile(r"\w+")


class FileNames:
    """How files are called.

    Args:
        template: %-format with rev, slug (of the message), epoch, year, month, day, hour, minute and
            second; with slashes for folders.
        slug_length: most characters of the message.
        timezone_name: a key of the time zone database; None for local time.
    """

    def __init__(self, template: str, slug_length: int, timezone_name: str | None) -> None:
        """Keep the options; they are looked at when a file is made."""
        self.template = template
        self.slug_length = slug_length
        self.timezone_name = timezone_name

    def create_date(self) -> datetime:
        """Return the time now, in the time zone that is set.

        Raises:
            CommandError: There is no such time zone.
        """
        if not self.timezone_name:
            return datetime.now()
        return datetime.now(UTC).astimezone(find_zone(self.timezone_name))

    def path(
        self, folder: Path, revision: str, message: str | None, created: datetime, template: str | None = None
    ) -> Path:
        """Return the path of a new file.

        Args:
            folder: the version location.
            revision: the id.
            message: what it does.
            created: when.
            template: instead of the one that is set.

        Raises:
            CommandError: The template has an unknown token.
        """
        form = template or self.template
        values = {
            "rev": revision,
            "slug": slug(message or "", self.slug_length),
            "epoch": int(created.timestamp()),
            "year": created.year,
            "month": created.month,
            "day": created.day,
            "hour": created.hour,
            "minute": created.minute,
            "second": created.second,
        }
        try:
            return folder / f"{form % values}.py"
        except (KeyError, ValueError, TypeError) as error:
            raise CommandError(
                f"file_template {form!r} cannot be filled in ({error}); its tokens are {', '.join(values)}"
            ) from error


def slug(message: str, length: int) -> str:
    """Return a message as a part of a file's name: its words in lower case, cut between two of them."""
    made = "_".join(WORD.findall(message)).lower()
    if len(made) > length:
        made = made[:length].rsplit("_", 1)[0] + "_"
    return made


def find_zone(name: str) -> tzinfo:
    """Return a time zone by its key, in either case.

    Raises:
        CommandError: There is none, or no time zone database.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    for key in (name, name.upper()):
        try:
            return ZoneInfo(key)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    where = "" if os.path.isdir("/usr/share/zoneinfo") else "; the package tzdata brings a time zone database"
    raise CommandError(f"Can't locate timezone: {name}{where}")

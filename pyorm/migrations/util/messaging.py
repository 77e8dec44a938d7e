"""What commands say: on standard output what was asked for and what is being done, errors as well.

Nothing here is decorated; the command line decides what a terminal sees besides.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

__all__ = [
    "err",
    "format_as_comma",
    "msg",
    "obfuscate_url_pw",
    "status",
    "warn",
    "warn_deprecated",
    "write_outstream",
]

URL_PASSWORD = re.compile(r"(?<=://)([^:@/]*):[^@/]*@")


def write_outstream(stream: TextIO, *text: str | bytes, quiet: bool = False) -> None:
    """Write texts; what the stream's encoding lacks is replaced, and a reader that left is no error."""
    if quiet:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    for piece in text:
        if isinstance(piece, bytes):
            piece = piece.decode(encoding, "replace")
        try:
            stream.write(piece.encode(encoding, "replace").decode(encoding))
        except BrokenPipeError:
            break


def msg(message: str, newline: bool = True, flush: bool = False, quiet: bool = False) -> None:
    """Say something on standard output.

    Args:
        message: one or more lines.
        newline: False leaves the line open.
        flush: show it at once.
        quiet: say nothing.
    """
    if quiet:
        return
    write_outstream(sys.stdout, message, "\n" if newline else "")
    if flush:
        sys.stdout.flush()


def err(message: str, quiet: bool = False) -> NoReturn:
    """Say why a command failed and leave the program with status 255."""
    msg(f"FAILED: {message}", quiet=quiet)
    raise SystemExit(-1)


@contextmanager
def status(status_msg: str, newline: bool = False, quiet: bool = False) -> Iterator[None]:
    """Say what is being done, then how it ended.

    Args:
        status_msg: what is done, such as "Creating directory /x".
        newline: the end stands on a line of its own, because what is done writes too.
        quiet: say nothing.
    """
    msg(f"{status_msg} ...", newline=newline, flush=True, quiet=quiet)
    try:
        yield
    except BaseException:
        write_outstream(sys.stdout, "  FAILED\n", quiet=quiet)
        raise
    write_outstream(sys.stdout, "  done\n", quiet=quiet)


def warn(msg: str, stacklevel: int = 2) -> None:
    """Warn, as if the caller's caller had."""
    warnings.warn(msg, UserWarning, stacklevel=stacklevel)


def warn_deprecated(msg: str, stacklevel: int = 2) -> None:
    """Warn of something that will go."""
    warnings.warn(msg, DeprecationWarning, stacklevel=stacklevel)


def obfuscate_url_pw(input_url: str) -> str:
    """Return a database URL with stars for its password; any other text as it is."""
    return URL_PASSWORD.sub(r"\1:***@", str(input_url))


def format_as_comma(value: str | Iterable[str] | None) -> str:
    """Return values separated by commas, a string as it is, nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else ", ".join(value)

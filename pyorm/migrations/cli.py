"""The command line: `pyorm …`, and `python -m pyorm.migrations …`.

Arguments -> a `Config` -> a function of `command.py` -> an exit status: 0 done, 1 a difference or not
at head, 2 wrong arguments, 3 an ambiguous rename, 255 a command that cannot be carried out.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from pyorm import __version__, exc
from pyorm.migrations import command, util
from pyorm.migrations.config import Config

__all__ = ["CommandLine", "main"]

log = logging.getLogger(__name__)

_PACKAGE = str(Path(__file__).parents[1])

# The environment variables that name a configuration, the first that is set counts.
VARIABLES = ("PYORM_CONFIG", "ALEMBIC_CONFIG")

# Parameter of a command's function -> how it is written on the command line.
OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "message": (("-m", "--message"), {"help": "What the revision does."}),
    "autogenerate": (
        ("--autogenerate",),
        {"is_flag": True, "help": "Fill it with what brings the database to the models."},
    ),
    "sql": (("--sql",), {"is_flag": True, "help": "Print SQL instead of executing it."}),
    "head": (("--head",), {"help": "What the new revision follows: a revision, or <label>@head."}),
    "splice": (("--splice",), {"is_flag": True, "help": "Allow to follow a revision that is no head."}),
    "branch_label": (("--branch-label",), {"help": "A label for the branch that begins with it."}),
    "version_path": (("--version-path",), {"help": "The folder for its file, one of the version locations."}),
    "rev_id": (("--rev-id",), {"help": "Its id, instead of a random one."}),
    "depends_on": (("--depends-on",), {"multiple": True, "help": "A revision of another branch that it needs."}),
    "allow_drop": (("--allow-drop",), {"is_flag": True, "help": "Also drop tables that no migration has made."}),
    "assume_renames": (
        ("--assume-renames",),
        {
            "type": click.Choice(["high", "none"]),
            "help": "Ask nobody: what is likely a rename is one, or nothing is. Without it and without a terminal "
            "nothing is written where it is not clear.",
        },
    ),
    "tag": (("--tag",), {"help": "A text for env.py."}),
    "verbose": (("-v", "--verbose"), {"is_flag": True, "help": "Everything about each revision."}),
    "rev_range": (("-r", "--rev-range"), {"help": "A range [start]:[end]; current is allowed."}),
    "indicate_current": (("-i", "--indicate-current"), {"is_flag": True, "help": "Mark what the database is at."}),
    "resolve_dependencies": (
        ("--resolve-dependencies",),
        {"is_flag": True, "help": "Leave out heads that another branch depends on."},
    ),
    "check_heads": (("--check-heads",), {"is_flag": True, "help": "Fail, with status 1, unless it is at all heads."}),
    "purge": (("--purge",), {"is_flag": True, "help": "Empty the version table before."}),
    "template": (("-t", "--template"), {"default": "generic", "show_default": True, "help": "The template."}),
    "package": (("--package",), {"is_flag": True, "help": "Put __init__.py files into the folders."}),
}
# Function, parameter -> what stands for it on the command line, where the names differ.
MANY = {("stamp", "revision"): "revisions", ("merge", "revisions"): "revisions"}
COMMANDS: tuple[Callable[..., Any], ...] = (
    command.branches,
    command.check,
    command.current,
    command.downgrade,
    command.edit,
    command.ensure_version,
    command.heads,
    command.history,
    command.init,
    command.list_templates,
    command.merge,
    command.revision,
    command.show,
    command.stamp,
    command.upgrade,
)


class Relative(click.Command):
    """A command whose positional arguments may begin with a minus: `downgrade -1`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let `-1` and the like pass as arguments."""
        relative = [arg for arg in args if len(arg) > 1 and arg[0] == "-" and arg[1].isdigit()]
        if relative and "--" not in args and not self._is_value(args):
            args = [*(arg for arg in args if arg not in relative), "--", *relative]
        return super().parse_args(ctx, args)

    @staticmethod
    def _is_value(args: Sequence[str]) -> bool:
        """Say whether a relative identifier belongs to the option before it."""
        return any(before in ("-r", "--rev-range", "-m", "--message", "--head") for before in args[:-1])


def parameters_of(function: Callable[..., Any]) -> list[click.Parameter]:
    """Return the options and arguments of a command's function."""
    found: list[click.Parameter] = []
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        if (function.__name__, name) in MANY:
            found.append(click.Argument([MANY[function.__name__, name]], nargs=-1, required=True))
        elif name in OPTIONS and parameter.default is not inspect.Parameter.empty:
            flags, settings = OPTIONS[name]
            settings = dict(settings)
            if not settings.get("is_flag") and not settings.get("multiple") and "default" not in settings:
                settings["default"] = parameter.default
            found.append(click.Option([*flags, name], **settings))
        elif parameter.default is inspect.Parameter.empty:
            found.append(click.Argument([name]))
    return found


class CommandLine:
    """The command line.

    Args:
        prog: the program's name in messages.
    """

    def __init__(self, prog: str | None = None) -> None:
        """Register the commands."""
        self.prog = prog or "pyorm"
        self.group = click.Group(
            name=self.prog,
            help="Schema migrations: makes and runs revision scripts.",
            params=global_options(self.prog),
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        for function in COMMANDS:
            self.register_command(function)

    def register_command(self, fn: Callable[..., Any]) -> None:
        """Add a command of one's own.

        Args:
            fn: a function whose first parameter is the Config; it is called by its name, its
                docstring's first line is its help. Parameters without default are arguments;
                those with one are options: known ones as elsewhere, others `--like-this`.
        """
        parameters = parameters_of(fn)
        known = {parameter.name for parameter in parameters}
        for name, parameter in list(inspect.signature(fn).parameters.items())[1:]:
            plain = parameter.default is not inspect.Parameter.empty and name not in known
            if plain and name not in ("process_revision_directives",) and (fn.__name__, name) not in MANY:
                parameters.append(
                    click.Option(
                        [f"--{name.replace('_', '-')}", name],
                        default=parameter.default,
                        is_flag=parameter.default is False,
                    )
                )
        self.group.add_command(
            Relative(
                name=fn.__name__,
                params=parameters,
                help=(inspect.getdoc(fn) or "").partition("\n\n")[0],
                callback=lambda **given: self._call(fn, given),
            )
        )

    def _call(self, fn: Callable[..., Any], given: dict[str, Any]) -> None:
        """Make the configuration and call a command's function."""
        context = click.get_current_context()
        assert context.parent is not None
        shared = context.parent.params
        for (name, parameter), written in MANY.items():
            if name == fn.__name__ and written in given:
                given[parameter] = given.pop(written)
        given = {name: (value or None) if isinstance(value, tuple) else value for name, value in given.items()}
        options = Namespace(**{**shared, **given, "cmd": (fn, [], list(given))})
        config = find_config(shared["config"], shared["name"], options)
        self.run_cmd(config, fn, given)

    def run_cmd(self, config: Config, fn: Callable[..., Any], given: dict[str, Any]) -> None:
        """Call a command's function; what it raises becomes a message and a status.

        Raises:
            SystemExit: The status, unless `--raiseerr` lets errors through.
        """
        if getattr(config.cmd_opts, "raiseerr", False):
            fn(config, **given)
            return
        try:
            fn(config, **given)
        except util.CommandError as error:
            if isinstance(error, util.AmbiguousRename):  # a question: standard output is for what was asked for
                click.echo(f"FAILED: {error}", err=True)
            else:
                util.msg(f"FAILED: {error}", **config.messaging_opts)
            raise SystemExit(error.exit_status) from error
        except click.exceptions.Abort:  # a question that the person did not answer
            raise
        except Exception as error:
            told = explain(error, config)
            if told is None:
                raise
            util.msg(f"FAILED: {told}", **config.messaging_opts)
            raise SystemExit(util.CommandError.exit_status) from error

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Parse arguments and run a command.

        Args:
            argv: the arguments; the process's by default.

        Raises:
            SystemExit: With the command's status; 2 for wrong arguments.
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        try:
            status = self.group.main(arguments, prog_name=self.prog, standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            raise SystemExit(2) from error
        except click.ClickException as error:
            error.show()
            raise SystemExit(error.exit_code) from error
        except click.exceptions.Abort as error:
            util.msg("Aborted.")
            raise SystemExit(1) from error
        if isinstance(status, int) and status:
            raise SystemExit(status)


def is_about_database(error: Exception) -> bool:
    """Return whether an error says that the database cannot be reached or its URL is wrong, not what a script did."""
    if isinstance(error, exc.OperationalError):
        return error.statement is None
    names = {frame.f_globals.get("__name__") for frame, _line in traceback.walk_tb(error.__traceback__)}
    return not names.isdisjoint(("pyorm.engine.create", "pyorm.engine.url", "pyorm.engine._dsn"))


def explain(error: Exception, config: Config) -> str | None:
    """Return what is told of an error that is no CommandError; None for one that has nothing to do with the project.

    An error of a script, of env.py or of what they import is shown with its place; where it went through other
    files, the calls from there on go to stderr. A database that cannot be reached is told with what to look at.
    """
    if is_about_database(error):
        where = "sqlalchemy.url of the configuration, or what env.py takes it from"
        return f"{error}\nLook at the database's URL: {where}."
    location = config.get_alembic_option("script_location")
    folders = [os.path.abspath(one) for one in (location, *(config.get_version_locations_list() or ())) if one]
    frames = traceback.extract_tb(error.__traceback__)
    own = [n for n, frame in enumerate(frames) if any(frame.filename.startswith(folder) for folder in folders)]
    kind = f"{type(error).__name__}: " if not isinstance(error, exc.DBAPIError) else ""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{kind}{error.msg}\nin {error.filename}, line {error.lineno}"
    if not own:
        return None
    last = frames[own[-1]]
    beyond = [frame for frame in frames[own[-1] + 1 :] if not frame.filename.startswith(_PACKAGE)]
    if beyond:
        print("".join(traceback.format_list(frames[own[-1] :])), end="", file=sys.stderr)
    line = f": {last.line}" if last.line else ""
    return f"{kind}{error}\nin {last.filename}, line {last.lineno}, in {last.name}{line}"


def global_options(prog: str) -> list[click.Parameter]:
    """Return the options that stand before the command."""

    def show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            click.echo(f"{prog} {__version__}")
            context.exit()

    return [
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show_version,
            help="Print the version and leave.",
        ),
        click.Option(
            ["-c", "--config"],
            multiple=True,
            help="The configuration: an ini file, pyproject.toml, or both; by default what "
            f"{' or '.join(VARIABLES)} names, or the first of [tool.pyorm] and [tool.alembic] in pyproject.toml "
            "and alembic.ini.",
        ),
        click.Option(["-n", "--name"], default="alembic", show_default=True, help="The main section of the ini file."),
        click.Option(["-x", "x"], multiple=True, metavar="NAME=VALUE", help="An argument for env.py."),
        click.Option(["--raiseerr"], is_flag=True, help="Let errors through, with their traceback."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print nothing."),
    ]


def find_config(given: Sequence[str], section: str, options: Namespace) -> Config:
    """Return the configuration of a call: what `-c` names, a variable, or what is found here.

    Args:
        given: values of `-c`.
        section: the value of `-n`.
        options: what env.py may see.

    Raises:
        click.UsageError: More than one file of a kind.
    """
    names = list(given)
    if not names:
        names = next(([os.environ[name]] for name in VARIABLES if os.environ.get(name)), [])
    if len(names) > 2 or len({name.endswith(".toml") for name in names}) < len(names):
        raise click.UsageError("-c takes one ini file and one toml file")
    toml = next((name for name in names if name.endswith(".toml")), None)
    ini = next((name for name in names if not name.endswith(".toml")), None)
    if toml is None:
        beside = Path(ini).parent / "pyproject.toml" if ini is not None else Path("pyproject.toml")
        toml = str(beside)
    config = Config(None if ini is None else ini, toml, ini_section=section, cmd_opts=options)
    if ini is None:
        beside = Path(toml).parent / "alembic.ini"
        if beside.exists() or not config.toml_alembic_config:
            config = Config(str(beside), toml, ini_section=section, cmd_opts=options)
    table = config._toml_table[0]
    found = f"[tool.{table}] of {toml}" if table is not None and not given else ini or config.config_file_name
    log.info("Configuration: %s", found)
    if sys.stderr.isatty() and not log.isEnabledFor(logging.INFO) and not getattr(options, "quiet", False):
        click.echo(f"Configuration: {found}", err=True)  # env.py, which sets logging up, has not run yet
    return config


def main(argv: Sequence[str] | None = None, prog: str | None = None, **_kwargs: Any) -> None:
    """Run the command line, see `CommandLine`."""
    CommandLine(prog=prog).main(argv=argv)

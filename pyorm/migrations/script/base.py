"""The directory of revision scripts: finds them, answers by their graph, writes new ones.

Files -> `header.py` -> `Script` -> the graph (`revision.py`) -> what commands ask. A script's module is
imported when it is run, or asked for; reading the graph imports nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyorm.compat import names_resolved
from pyorm.migrations import util
from pyorm.migrations.script import header, layout, plan
from pyorm.migrations.script.files import FileNames
from pyorm.migrations.script.revision import (
    MultipleHeads,
    RangeNotAncestorError,
    ResolutionError,
    RevisionError,
    RevisionMap,
    WalkedTooFar,
)
from pyorm.migrations.script.script import Script
from pyorm.migrations.script.write_hooks import run_post_write_hooks
from pyorm.migrations.util.langhelpers import to_tuple

if TYPE_CHECKING:
    from pyorm.migrations.config import Config

__all__ = ["Script", "ScriptDirectory"]

SOURCE_FILE = re.compile(r"(?!\.#|__init__)(.*\.py)$")
UNSAFE = re.compile(r"[\s/\\\x00]")
COMPILED_FILE = re.compile(r"(?!\.#|__init__)(.*\.py[co]?)$")


class ScriptDirectory:
    """A migration environment's folder.

    Args:
        dir: the folder with env.py, a path or `package:folder`.
        file_template: how new files are called, see `FileNames`.
        truncate_slug_length: how long the message may be in a file name; 40 by default.
        version_locations: folders of scripts; `versions` below `dir` by default.
        sourceless: also take compiled files whose source is gone.
        output_encoding: of new files.
        timezone: of dates in new files; None for local time.
        hooks: what is run over new files.
        recursive_version_locations: look into folders below.
        messaging_opts: `{"quiet": True}` says nothing.

    Raises:
        CommandError: There is no such folder.
    """

    def __init__(
        self,
        dir: str | os.PathLike[str],
        file_template: str = "%(rev)s_%(slug)s",
        truncate_slug_length: int | None = 40,
        version_locations: Sequence[str | os.PathLike[str]] | None = None,
        sourceless: bool = False,
        output_encoding: str = "utf-8",
        timezone: str | None = None,
        hooks: Sequence[Any] = (),
        recursive_version_locations: bool = False,
        messaging_opts: Any = None,
    ) -> None:
        """Look for the folder; no script is read."""
        self.dir = str(util.coerce_resource_to_filename(os.fspath(dir)))
        self.file_template = file_template
        self.truncate_slug_length = truncate_slug_length or 40
        self.version_locations = version_locations
        self.sourceless = sourceless
        self.output_encoding = output_encoding
        self.timezone = timezone
        self.hooks = list(hooks)
        self.recursive_version_locations = recursive_version_locations
        self.messaging_opts = dict(messaging_opts or {})
        self.revision_map = RevisionMap(self._load_revisions)
        self.names = FileNames(file_template, self.truncate_slug_length, timezone)
        if not Path(self.dir).is_dir():
            raise util.CommandError(
                f"Path doesn't exist: {self.dir}.  Please use the 'init' command to create a new scripts folder."
            )

    @classmethod
    def from_config(cls, config: Config) -> ScriptDirectory:
        """Return the folder that a configuration names, and put `prepend_sys_path` in front of sys.path.

        Raises:
            CommandError: The configuration names none, or an option of it cannot be used.
        """
        location = config.get_alembic_option("script_location")
        if location is None:
            raise util.CommandError("No 'script_location' key found in configuration.")
        length = config.get_alembic_option("truncate_slug_length")
        for entry in reversed(config.get_prepend_sys_paths_list() or ()):
            # What "." means shall not change when the program goes elsewhere.
            path = os.path.abspath(entry)
            if path not in sys.path:
                sys.path.insert(0, path)
        return cls(
            location,
            file_template=config.get_alembic_option("file_template", "%(rev)s_%(slug)s"),
            truncate_slug_length=int(length) if length is not None else None,
            sourceless=config.get_alembic_boolean_option("sourceless"),
            output_encoding=config.get_alembic_option("output_encoding", "utf-8"),
            version_locations=config.get_version_locations_list(),
            timezone=config.get_alembic_option("timezone"),
            hooks=config.get_hooks_list(),
            recursive_version_locations=config.get_alembic_boolean_option("recursive_version_locations"),
            messaging_opts=config.messaging_opts,
        )

    # --- files ---

    @property
    def versions(self) -> str:
        """The folder of scripts, where there is one.

        Raises:
            CommandError: There are several.
        """
        return str(self._singular_version_location)

    @cached_property
    def _version_locations(self) -> tuple[Path, ...]:
        if self.version_locations:
            return tuple(util.coerce_resource_to_filename(os.fspath(one)).absolute() for one in self.version_locations)
        return (Path(self.dir, "versions").absolute(),)

    @property
    def _singular_version_location(self) -> Path:
        if len(self._version_locations) > 1:
            raise util.CommandError(
                "Multiple version locations present, please specify --version-path; "
                f"they are {', '.join(map(str, self._version_locations))}"
            )
        return self._version_locations[0]

    @property
    def env_py_location(self) -> str:
        """The path of env.py."""
        return str(Path(self.dir, "env.py").absolute())

    def run_env(self) -> None:
        """Run env.py.

        Raises:
            CommandError: There is none.
        """
        if not Path(self.env_py_location).exists():
            raise util.CommandError(f"No env.py in {self.dir}; 'init' makes a folder that has one")
        with names_resolved(loggers=self.speaks_alembic):
            util.load_python_file(self.dir, "env.py")

    @cached_property
    def speaks_alembic(self) -> bool:
        """Whether env.py was written for Alembic: it imports `alembic`, which then means pyorm."""
        try:
            source = Path(self.env_py_location).read_text()
        except OSError:
            return False
        return re.search(r"^\s*(?:from|import)\s+alembic\b", source, re.MULTILINE) is not None

    def _load_revisions(self) -> Iterator[Script]:
        seen: set[str] = set()
        folders: dict[str, str] = {}
        for location in self._version_locations:
            for path in self._list_files(location):
                folder, name = os.path.split(path)
                if folder not in folders:
                    folders[folder] = os.path.realpath(folder)
                real = os.path.realpath(path) if os.path.islink(path) else os.path.join(folders[folder], name)
                if real in seen:
                    util.warn(f"File {real} loaded twice! ignoring. Please ensure version_locations is unique.")
                    continue
                seen.add(real)
                yield Script.from_path(path, self.dir)

    def _list_files(self, location: Path) -> Iterator[str]:
        """Yield script files in the order of their names; a compiled one only if its source is gone."""
        pattern = COMPILED_FILE if self.sourceless else SOURCE_FILE
        for root, folders, files in os.walk(location):
            folders[:] = (
                sorted(name for name in folders if name != "__pycache__") if self.recursive_version_locations else []
            )
            names = sorted(name for name in files if pattern.match(name))
            yield from (
                os.path.join(root, name) for name in names if name.endswith(".py") or f"{name[:-1]}" not in names
            )
            cache = Path(root, "__pycache__")
            if self.sourceless and cache.is_dir():
                known = {name.split(".")[0] for name in names}
                for path in sorted(cache.iterdir()):
                    if COMPILED_FILE.match(path.name) and path.name.split(".")[0] not in known:
                        yield str(path)

    def made_tables(self) -> frozenset[tuple[str | None, str]]:
        """Return (schema, name) of every table that a script makes, by a look at the files."""
        return self._made(header.TABLES)

    def made_sequences(self) -> frozenset[tuple[str | None, str]]:
        """Return (schema, name) of every sequence that a script makes, by a look at the files."""
        return self._made(header.SEQUENCES)

    def _made(self, kind: header.Kind) -> frozenset[tuple[str | None, str]]:
        found: set[tuple[str | None, str]] = set()
        for location in self._version_locations:
            for path in self._list_files(location):
                if path.endswith(".py"):
                    found |= header.made(path, kind)
        return frozenset(found)

    # --- the graph ---

    @contextmanager
    def _catch_revision_errors(
        self,
        ancestor: str | None = None,
        multiple_heads: str | None = None,
        start: str | None = None,
        end: str | None = None,
        resolution: str | None = None,
    ) -> Iterator[None]:
        """Turn errors of the graph into CommandError, whose texts these arguments replace."""
        try:
            yield
        except RangeNotAncestorError as error:
            text = ancestor or (
                "Requested range %(start)s:%(end)s does not refer to ancestor/descendant revisions along the same "
                "branch"
            )
            start = start or _shown(error.lower) or "base"
            raise util.CommandError(text % {"start": start, "end": end or _shown(error.upper) or "base"}) from error
        except MultipleHeads as error:
            text = multiple_heads or (
                "Multiple head revisions are present for given argument '%(head_arg)s'; please specify a specific "
                "target revision, '<branchname>@%(head_arg)s' to narrow to a specific head, or 'heads' for all heads"
            )
            raise util.CommandError(
                text % {"head_arg": end or error.argument, "heads": ", ".join(error.heads)}
            ) from error
        except ResolutionError as error:
            text = resolution or f"Can't locate revision identified by '{error.argument}'"
            reason = str(error)
            if resolution is None and not reason.startswith("No such revision"):
                text = f"{text}: {reason}"
            raise util.CommandError(text) from error
        except RevisionError as error:
            raise util.CommandError(str(error)) from error

    def walk_revisions(self, base: str = "base", head: str = "heads") -> Iterator[Script]:
        """Yield scripts from a head down to a base, both included.

        Raises:
            CommandError: One of them is not found, or base is not below head.
        """
        with self._catch_revision_errors(start=base, end=head):
            yield from self.revision_map.iterate_revisions(head, base, inclusive=True, assert_relative_length=False)

    def get_revisions(self, id_: Any) -> tuple[Script, ...]:
        """Return the scripts that an identifier, or each of several, names."""
        with self._catch_revision_errors():
            return self.revision_map.get_revisions(id_)

    def get_all_current(self, id_: Collection[str]) -> set[Any]:
        """Return the heads of the branches that a database with these rows has."""
        self.check_rows(id_)
        with self._catch_revision_errors():
            return self.revision_map._get_all_current(id_)

    def get_revision(self, id_: Any) -> Any:
        """Return the script that an identifier names; None for "base"."""
        with self._catch_revision_errors():
            return self.revision_map.get_revision(id_)

    def as_revision_number(self, id_: str | None) -> Any:
        """Return the id that a symbol stands for; a tuple for "heads", None for "base".

        What is no symbol is returned as it is.
        """
        with self._catch_revision_errors():
            names, _ = self.revision_map._resolve_names(id_)
        if not names:
            return None
        return tuple(names) if id_ == "heads" else names[0]

    def iterate_revisions(self, upper: Any, lower: Any, **kw: Any) -> Iterator[Script]:
        """Yield scripts between two ends, see `RevisionMap.iterate_revisions()`."""
        return self.revision_map.iterate_revisions(upper, lower, **kw)

    def get_current_head(self) -> str | None:
        """Return the id of the only head, None where there is no script.

        Raises:
            CommandError: There are several.
        """
        with self._catch_revision_errors(
            multiple_heads=(
                "The script directory has multiple heads (due to branching).Please use get_heads(), or merge the "
                "branches using alembic merge."
            )
        ):
            return self.revision_map.get_current_head()

    def get_heads(self, consider_depends_on: bool = False) -> list[str]:
        """Return the ids of all heads; with dependencies, of those nothing depends on."""
        with self._catch_revision_errors():
            return list(self.revision_map._real_heads if consider_depends_on else self.revision_map.heads)

    def get_base(self) -> str | None:
        """Return the id of the only base.

        Raises:
            CommandError: There are several.
        """
        bases = self.get_bases()
        if len(bases) > 1:
            raise util.CommandError("The script directory has multiple bases. Please use get_bases().")
        return bases[0] if bases else None

    def get_bases(self) -> list[str]:
        """Return the ids of all bases."""
        with self._catch_revision_errors():
            return list(self.revision_map.bases)

    def below(self, id_: Any, steps: int) -> Any:
        """Return the ids of what is some steps below revisions; "base" where there are fewer."""
        with self._catch_revision_errors():
            found = set()
            for one in self.revision_map.get_revisions(id_):
                try:
                    found.add(self.revision_map._walk(one, -steps))
                except WalkedTooFar:
                    return "base"
            return "base" if None in found else tuple(sorted(one.revision for one in found))

    def check_rows(self, rows: Any) -> None:
        """Refuse rows of a version table that no script stands for.

        Raises:
            CommandError: The database is ahead of the code, or a script is gone.
        """
        for row in to_tuple(rows, default=()):
            if row is None:
                raise util.CommandError(
                    "The database's version table has a row without a revision: `stamp --purge` the revision that the "
                    "database is at."
                )
            with self._catch_revision_errors():
                try:
                    self.revision_map.get_revision(row)
                except ResolutionError as error:
                    raise util.CommandError(
                        f"Can't locate revision identified by '{row}': the database's version table has it, and no "
                        f"script in {', '.join(map(str, self._version_locations))} does. The database is ahead of this "
                        "code, or the script was removed: take the code that has it, or note another revision with "
                        "`stamp --purge`."
                    ) from error

    # --- plans ---

    def _upgrade_revs(self, destination: str, current_rev: Any) -> list[Any]:
        with self._catch_revision_errors(
            ancestor="Destination %(end)s is not a valid upgrade target from current head(s)", end=destination
        ):
            self.check_rows(current_rev)
            return list(plan.upgrade_steps(self.revision_map, destination, current_rev))

    def _downgrade_revs(self, destination: str, current_rev: Any) -> list[Any]:
        with self._catch_revision_errors(
            ancestor="Destination %(end)s is not a valid downgrade target from current head(s)", end=destination
        ):
            self.check_rows(current_rev)
            return list(plan.downgrade_steps(self.revision_map, destination, current_rev))

    def _stamp_revs(self, revision: Any, heads: Any) -> list[Any]:
        with self._catch_revision_errors(
            multiple_heads="Multiple heads are present; please specify a single target revision"
        ):
            self.check_rows(heads)
            return list(plan.stamp_steps(self.revision_map, revision, heads))

    # --- new scripts ---

    def generate_revision(
        self,
        revid: str | None,
        message: str | None,
        head: Any = None,
        splice: bool | None = False,
        branch_labels: Any = None,
        version_path: str | os.PathLike[str] | None = None,
        file_template: str | None = None,
        depends_on: Any = None,
        **kw: Any,
    ) -> Script | None:
        """Write a new script from script.py.mako and add it to the graph.

        Args:
            revid: its id; None for a random one.
            message: what it does; the docstring's first line and a part of the file's name.
            head: what it follows; the head by default.
            splice: allow to follow a revision that is no head.
            branch_labels: labels of the branch that begins here.
            version_path: the folder for the file, one of the version locations.
            file_template: how the file is called, instead of the directory's way.
            depends_on: revisions of other branches that have to be applied before.
            **kw: further variables of the template.

        Raises:
            CommandError: The id or a label cannot be used, head is none, or the folder is unknown.
        """
        revid = util.rev_id() if revid is None else revid
        with self._catch_revision_errors():
            self._check_new(revid, to_tuple(branch_labels, default=()))
        with self._catch_revision_errors(
            multiple_heads=(
                "Multiple heads are present; please specify the head revision on which the new revision should be "
                "based, or perform a merge."
            )
        ):
            heads = self.revision_map.get_revisions(to_tuple(head, default=self.revision_map.heads))
        if len(set(heads)) != len(heads):
            raise util.CommandError("Duplicate head revisions specified")
        created = self.names.create_date()
        folder = self._folder_for(heads, version_path)
        parents = tuple(one.revision for one in heads if one is not None)
        if not splice:
            self._refuse_branching([one for one in heads if one is not None])
        with self._catch_revision_errors():
            resolved = [self._dependency(one) for one in to_tuple(depends_on, default=())]
        path = self.names.path(folder, revid, message, created, file_template)
        self._ensure_directory(path.parent)
        self._generate_template(
            Path(self.dir, "script.py.mako"),
            path,
            up_revision=revid,
            down_revision=_scalar(parents),
            branch_labels=to_tuple(branch_labels),
            depends_on=_scalar(resolved),
            create_date=created,
            comma=util.format_as_comma,
            message=layout.docstring_text(message if message is not None else "empty message"),
            **{"imports": "", **kw},
        )
        if self.hooks:
            run_post_write_hooks(str(path), self.hooks, self.messaging_opts)
        return self._add(path, branch_labels)

    def _add(self, path: Path, branch_labels: Any) -> Script:
        script = Script.from_path(str(path), self.dir)
        if branch_labels and not script.branch_labels:
            raise util.CommandError(
                f"Version {script.revision} specified branch_labels {branch_labels}, however the migration file {path} "
                "does not have them; have you upgraded your script.py.mako to include the 'branch_labels' section?"
            )
        with self._catch_revision_errors():
            self.revision_map.add_revision(script)
        return script

    def _check_new(self, revid: str, labels: Sequence[str]) -> None:
        """Refuse an id or label that is taken, before a file is written."""
        Script.verify_rev_id(revid)
        if UNSAFE.search(revid):
            raise util.CommandError(
                f"Revision identifier {revid!r} is a part of a file's name and stands in commands: it takes no "
                "slashes, spaces or line ends; give another --rev-id"
            )
        known = self.revision_map._nodes
        if revid in known:
            raise util.CommandError(
                f"Revision {revid} is present already, in {getattr(known[revid], 'path', 'the graph')}; "
                "give another --rev-id, or none"
            )
        for label in labels:
            other = self.revision_map._labels.get(label) or known.get(label)
            if other is not None:
                raise RevisionError(
                    f"Branch name '{label}' in revision {revid} already used by revision {other.revision}"
                )

    def _refuse_branching(self, heads: Sequence[Script]) -> None:
        for one in heads:
            if not one.is_head:
                raise util.CommandError(
                    f"Revision {one.revision} is not a head revision; please specify --splice to create a new branch "
                    "from this revision"
                )

    def _dependency(self, name: str) -> str:
        labels = self.revision_map._labels
        found = self.revision_map.get_revision(name)
        if found is None:
            raise ResolutionError(f"No such revision or branch '{name}'", name)
        return name if name in labels else str(found.revision)

    def _folder_for(self, heads: Sequence[Any], version_path: str | os.PathLike[str] | None) -> Path:
        if version_path is not None:
            folder = util.coerce_resource_to_filename(os.fspath(version_path)).absolute()
            if not any(
                folder == one or (self.recursive_version_locations and one in folder.parents)
                for one in self._version_locations
            ):
                raise util.CommandError(
                    f"Path {version_path} is not represented in current version locations; "
                    f"add it to version_locations, or take one of {', '.join(map(str, self._version_locations))}"
                )
            return folder
        if len(self._version_locations) == 1:
            return self._version_locations[0]
        for one in heads:
            if one is not None:
                parent = Path(one.path).absolute().parent
                return next((p for p in self._version_locations if p == parent or p in parent.parents), parent)
        return self._singular_version_location

    def _ensure_directory(self, path: Path) -> None:
        if not path.absolute().exists():
            with util.status(f"Creating directory {path}", **self.messaging_opts), writing(path):
                path.mkdir(parents=True)

    def _generate_template(self, src: Path, dest: Path, **kw: Any) -> None:
        if not src.exists():
            raise util.CommandError(f"No template {src}; 'init' makes a folder that has one")
        with util.status(f"Generating {dest.absolute()}", **self.messaging_opts), writing(dest):
            is_script = dest.suffix == ".py"
            helpers = layout.HELPERS if is_script else {}
            change = layout.finished if is_script else None
            util.template_to_file(src, dest, self.output_encoding, finish=change, **helpers, **kw)

    def _append_template(self, src: Path, dest: Path, **kw: Any) -> None:
        with util.status(f"Appending to existing {dest.absolute()}", **self.messaging_opts), writing(dest):
            util.template_to_file(src, dest, self.output_encoding, append_with_newlines=True, **kw)

    def _copy_file(self, src: Path, dest: Path) -> None:
        with util.status(f"Generating {dest.absolute()}", **self.messaging_opts), writing(dest):
            dest.write_bytes(src.read_bytes())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a CommandError that names the path."""
    try:
        yield
    except OSError as error:
        raise util.CommandError(
            f"Can't write {path.absolute()}: {error.strerror or error}. Give yourself the right to write there, or "
            "name another folder."
        ) from error


def _scalar(ids: Sequence[str]) -> Any:
    return None if not ids else ids[0] if len(ids) == 1 else tuple(ids)


def _shown(end: Any) -> str | None:
    """Return an end of a range as it was written."""
    return end if end is None or isinstance(end, str) else ", ".join(map(str, end))

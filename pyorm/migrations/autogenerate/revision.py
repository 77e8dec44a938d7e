"""How `revision` makes scripts: compares, asks the hooks, renders, and hands the text to the directory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyorm.migrations.autogenerate.api import AutogenContext
from pyorm.migrations.autogenerate.ask import policy_of
from pyorm.migrations.operations import ops
from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.config import Config
    from pyorm.migrations.runtime.migration import MigrationContext
    from pyorm.migrations.script import Script, ScriptDirectory

_Hook = Callable[[Any, Any, list[ops.MigrationScript]], None]


class RevisionContext:
    """One `revision` command, from the comparison to the files.

    Args:
        config: the project's configuration.
        script_directory: where scripts are.
        command_args: `message`, `autogenerate`, `sql`, `head`, `splice`, `branch_label`, `version_path`, `rev_id`,
            `depends_on`, and options of our own: `allow_drop`, `assume_renames`
            ("high", "none", or "report" for `check`).
        process_revision_directives: a hook that runs after the environment's.
    """

    def __init__(
        self,
        config: Config,
        script_directory: ScriptDirectory,
        command_args: dict[str, Any],
        process_revision_directives: _Hook | None = None,
    ) -> None:
        self.config = config
        self.script_directory = script_directory
        self.command_args = command_args
        self.process_revision_directives = process_revision_directives
        self.template_args: dict[str, Any] = {"config": config}
        self.possible_renames: list[Any] = []
        self.generated_revisions = [self._first_script()]

    def _first_script(self) -> ops.MigrationScript:
        arguments = self.command_args
        return ops.MigrationScript(
            rev_id=arguments.get("rev_id"),
            message=arguments.get("message"),
            upgrade_ops=ops.UpgradeOps([]),
            downgrade_ops=ops.DowngradeOps([]),
            head=arguments.get("head"),
            splice=arguments.get("splice"),
            branch_label=arguments.get("branch_label"),
            version_path=arguments.get("version_path"),
            depends_on=arguments.get("depends_on"),
        )

    def run_autogenerate(self, rev: Any, migration_context: MigrationContext) -> None:
        """Compare the database with the environment's metadata; called once per database.

        Args:
            rev: the database's revisions, as a tuple.
            migration_context: the database's side.

        Raises:
            CommandError: the database is not at the scripts' heads, or there is nothing to compare.
        """
        self._run(rev, migration_context, True)

    def run_no_autogenerate(self, rev: Any, migration_context: MigrationContext) -> None:
        """Ask the environment's hooks without a comparison."""
        self._run(rev, migration_context, False)

    def _run(self, rev: Any, migration_context: MigrationContext, autogenerate: bool) -> None:
        if autogenerate:
            self._check_at_head(rev)
        options = dict(migration_context.opts)
        options["allow_drop"] = bool(self.command_args.get("allow_drop") or options.get("allow_drop"))
        options.setdefault("script_directory", self.script_directory)
        if self.script_directory.speaks_alembic:
            options.setdefault("library_name", "sqlalchemy")
        assumed = self.command_args.get("assume_renames")
        if assumed is not None or "renames" not in options:
            options["renames"] = policy_of(assumed)
        context = AutogenContext(migration_context, opts=options, autogenerate=autogenerate)
        script = self.generated_revisions[0]
        upgrade = self._slot(script.upgrade_ops_list, ops.UpgradeOps, options, "upgrade_token")
        downgrade = self._slot(script.downgrade_ops_list, ops.DowngradeOps, options, "downgrade_token")
        if autogenerate:
            from pyorm.migrations.autogenerate.compare import populate_upgrade_ops

            populate_upgrade_ops(context, upgrade)
            self.possible_renames += context.possible_renames
            upgrade.reverse_into(downgrade)
        for generated in self.generated_revisions:
            generated._autogen_context = context  # type: ignore[attr-defined]
        self._ask_hooks(rev, migration_context, options)
        self.template_args.update(options.get("template_args") or {})
        for generated in self.generated_revisions:
            if not hasattr(generated, "_autogen_context"):
                generated._autogen_context = context  # type: ignore[attr-defined]

    def _slot(self, known: list[Any], kind: Any, options: dict[str, Any], token: str) -> Any:
        """Return the operations of this database: the first, empty one, or one more of a further database."""
        name = options.get(token) or getattr(kind(), token)
        if len(known) == 1 and not known[0].ops and not getattr(self, f"_took_{token}", False):
            setattr(self, f"_took_{token}", True)
            setattr(known[0], token, name)
            return known[0]
        made = kind([], name)
        known.append(made)
        return made

    def _check_at_head(self, rev: Any) -> None:
        directory = self.script_directory
        here = {script.revision for script in directory.get_revisions(rev)}
        heads = {script.revision for script in directory.get_revisions("heads")}
        if here != heads:
            raise CommandError(
                "Target database is not up to date. "
                f"It is at {_shown(here)}, the scripts end at {_shown(heads)}: run `pyorm upgrade heads` first."
            )

    def _ask_hooks(self, rev: Any, migration_context: MigrationContext, options: dict[str, Any]) -> None:
        for hook in (options.get("process_revision_directives"), self.process_revision_directives):
            if hook is not None:
                hook(migration_context, rev, self.generated_revisions)
        strange = [script for script in self.generated_revisions if not isinstance(script, ops.MigrationScript)]
        if strange:
            raise CommandError(
                f"process_revision_directives left {strange[0]!r} in the list; it takes MigrationScript only"
            )

    def generate_scripts(self) -> list[Script | None]:
        """Write a file for each script that the hooks left, and return what the directory made of them."""
        return [self._write(script) for script in self.generated_revisions]

    def _write(self, script: ops.MigrationScript) -> Script | None:
        arguments = {**self.template_args, **self._rendered(script)}
        return self.script_directory.generate_revision(
            script.rev_id,
            script.message,
            head=script.head,
            splice=bool(script.splice),
            branch_labels=script.branch_label,
            version_path=script.version_path,
            depends_on=script.depends_on,
            **arguments,
        )

    def _rendered(self, script: ops.MigrationScript) -> dict[str, Any]:
        context = getattr(script, "_autogen_context", None)
        if context is None:
            context = AutogenContext(None, opts={}, autogenerate=False)
        return rendered(script, context)


def rendered(script: ops.MigrationScript, context: AutogenContext) -> dict[str, Any]:
    """Return the template variables of a script: its operations by their tokens, and `imports`."""
    from pyorm.migrations.autogenerate.render import render_body

    found: dict[str, Any] = {}
    context.imports |= script.imports
    for upgrade in script.upgrade_ops_list:
        found[upgrade.upgrade_token] = render_body(context, upgrade) if _has_body(upgrade, context) else ""
    for downgrade in script.downgrade_ops_list:
        found[downgrade.downgrade_token] = render_body(context, downgrade) if _has_body(downgrade, context) else ""
    found["imports"] = "\n".join(sorted(context.imports))
    return found


def _has_body(container: ops.OpContainer, context: AutogenContext) -> bool:
    """Say whether a function gets generated lines: always when schemas were compared, else if a hook put some in."""
    return context.compared or bool(container.ops)


def _shown(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"

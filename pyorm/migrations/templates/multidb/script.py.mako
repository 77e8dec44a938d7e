<%!
    import re
%>"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""

${import_block("from collections.abc import Sequence", "import pyorm as sa", "from pyorm.migrations import op", imports)}

# What this revision is called, and where it stands among the others.
${variable("revision", "str", up_revision)}
${variable("down_revision", "str | Sequence[str] | None", down_revision)}
${variable("branch_labels", "str | Sequence[str] | None", branch_labels)}
${variable("depends_on", "str | Sequence[str] | None", depends_on)}


def upgrade(engine_name: str) -> None:
    """Upgrade the schema of one database."""
    globals()[f"upgrade_{engine_name}"]()


def downgrade(engine_name: str) -> None:
    """Downgrade the schema of one database."""
    globals()[f"downgrade_{engine_name}"]()
<%
    names = [name for name in re.split(r"[,\s]+", config.get_main_option("databases", "")) if name]
%>
% for name in names:

def upgrade_${name}() -> None:
    """Upgrade ${name}'s schema."""
    ${context.get(f"{name}_upgrades") or "pass"}


def downgrade_${name}() -> None:
    """Downgrade ${name}'s schema."""
    ${context.get(f"{name}_downgrades") or "pass"}

% endfor

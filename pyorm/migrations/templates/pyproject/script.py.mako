"""${message}

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


def upgrade() -> None:
    """Upgrade schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Downgrade schema."""
    ${downgrades if downgrades else "pass"}

"""Writes tests/golden/project: an Alembic project with three revisions, made by the real Alembic.

    python tools/golden_project.py --url postgresql+psycopg:///scratch

Needs Alembic, and an empty PostgreSQL database, which it leaves empty. The tests take the project
over without it. Files carry a `.txt` behind their names, since they import other libraries.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).parent.parent / "tests" / "golden" / "project"

HEAD = '''"""The models of a small shop."""

import enum

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Numeric, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, relationship


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)
    email = Column(String(120), nullable=False, unique=True)
    joined = Column(sa.DateTime, server_default=sa.text("CURRENT_TIMESTAMP"))
'''

SECOND = """

class State(enum.Enum):
    open = 1
    paid = 2
    sent = 3


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True)
    state = Column(sa.Enum(State, name="order_state", native_enum=False), nullable=False)
    total = Column(Numeric(10, 2), server_default="0")
    notes = Column(sa.JSON().with_variant(postgresql.JSONB(), "postgresql"))
    __table_args__ = (sa.CheckConstraint("total >= 0", name="total"),)
    customer = relationship(Customer)
"""

THIRD = '''    """Fill the shop, and change what SQLite cannot change in place."""
    customers = sa.table("customers", sa.column("id", sa.Integer), sa.column("email", sa.String))
    op.bulk_insert(customers, [{"id": 1, "email": "a@example.org"}, {"id": 2, "email": "b@example.org"}])
    op.execute(sa.text("UPDATE customers SET email = :new WHERE id = 2").bindparams(new="c@example.org"))
    op.execute("INSERT INTO orders (id, customer_id, state, total) VALUES (1, 1, 'open', 5)")
    with op.batch_alter_table("orders") as batch_op:
        batch_op.add_column(sa.Column("sent_at", sa.DateTime(), nullable=True))
        batch_op.alter_column("total", existing_type=sa.Numeric(10, 2), nullable=False)
        batch_op.create_index(batch_op.f("ix_orders_state"), ["state"])
    bind = op.get_bind()
    assert bind.execute(sa.select(sa.func.count()).select_from(customers)).scalar_one() == 2
'''

THIRD_BACK = """    with op.batch_alter_table("orders") as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_state"))
        batch_op.alter_column("total", existing_type=sa.Numeric(10, 2), nullable=True)
        batch_op.drop_column("sent_at")
    op.execute("DELETE FROM orders")
    op.execute("DELETE FROM customers")
"""


def alembic(folder: Path, *arguments: str) -> None:
    """Run a command of the real Alembic."""
    subprocess.run([sys.executable, "-m", "alembic", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Make the project and copy it."""
    parser = argparse.ArgumentParser(description="Write tests/golden/project.")
    parser.add_argument("--url", required=True, help="an empty PostgreSQL database")
    url = parser.parse_args().url
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, url)
        shutil.rmtree(TARGET, ignore_errors=True)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                target = TARGET / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.with_name(target.name + ".txt").write_text(path.read_text().replace(url, "%(url)s"))
    return 0


def make(folder: Path, url: str) -> None:
    """Make the project in a folder."""
    alembic(folder, "init", "migrations")
    replace(folder / "alembic.ini", "driver://user:pass@localhost/dbname", url)
    env = folder / "migrations" / "env.py"
    replace(env, "target_metadata = None", "from models import Base\n\ntarget_metadata = Base.metadata")
    models = folder / "models.py"
    models.write_text(HEAD)
    alembic(folder, "revision", "--autogenerate", "-m", "customers", "--rev-id", "a1")
    alembic(folder, "upgrade", "head")
    models.write_text(HEAD + SECOND)
    alembic(folder, "revision", "--autogenerate", "-m", "orders", "--rev-id", "b2")
    alembic(folder, "upgrade", "head")
    text = HEAD + SECOND.replace(
        'server_default="0")', 'server_default="0", nullable=False)\n    sent_at = Column(sa.DateTime)'
    )
    models.write_text(
        text.replace("native_enum=False), nullable=False)", "native_enum=False), nullable=False, index=True)")
    )
    alembic(folder, "revision", "-m", "first rows", "--rev-id", "c3")
    script = folder / "migrations" / "versions" / "c3_first_rows.py"
    replace(script, '    """Upgrade schema."""\n    pass\n', THIRD)
    replace(script, '    """Downgrade schema."""\n    pass\n', THIRD_BACK)
    alembic(folder, "upgrade", "head")
    alembic(folder, "check")
    alembic(folder, "downgrade", "base")


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that has to be there."""
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new))


if __name__ == "__main__":
    raise SystemExit(main())

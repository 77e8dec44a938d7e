"""Batches: the changes of one table together, on both databases."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.operations import Operations, ops, rebuild
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.util.exc import CommandError
from tests.migrations.operations.lite import ask, contents, migrating, objects, script


@pytest.fixture
def op(engine: Any) -> Iterator[Operations]:
    """Operations in a migration's transaction, with a table of two rows."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection=connection)
        with context.begin_transaction():
            context._begin_now()
            operations = Operations(context)
            operations.create_table("users", sa.Column("id", sa.Integer, primary_key=True))
            table = operations.create_table(
                "t",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("a", sa.String(5), nullable=False),
                sa.Column("b", sa.Integer, server_default="5"),
                sa.CheckConstraint("b > 1", name="ck_b"),
                sa.UniqueConstraint("a", name="uq_a"),
            )
            operations.bulk_insert(table, [{"id": 1, "a": "x"}, {"id": 2, "a": "y"}])
            yield operations


def rows(op: Operations, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(sql)]


@pytest.mark.feature("AL-OPS21")
@pytest.mark.feature("AL-OPS22")
def test_every_change_of_a_batch_is_made(op: Operations) -> None:
    with op.batch_alter_table("t") as batch:
        batch.add_column(sa.Column("c", sa.Integer, server_default="7"))
        batch.add_column(sa.Column("d", sa.Integer, sa.ForeignKey("users.id", name="fk_d")))
        batch.alter_column("a", new_column_name="name", nullable=True)
        batch.alter_column("b", type_=sa.BigInteger(), server_default=None)
        batch.drop_constraint("ck_b", type_="check")
        batch.create_check_constraint("ck_c", "c > 0")
        batch.create_unique_constraint("uq_b", ["b", "name"])
        batch.create_foreign_key("fk_b", "users", ["b"], ["id"])
        batch.create_index("ix_name", ["name"])
        batch.rename_constraint("uq_a", "uq_name")
        batch.execute("DELETE FROM t WHERE id = 2")
        batch.execute("INSERT INTO users (id) VALUES (5)")

    inspector = sa.inspect(op.get_bind())
    assert {c["name"]: c["nullable"] for c in inspector.get_columns("t")} == {
        "id": False,
        "name": True,
        "b": True,
        "c": True,
        "d": True,
    }
    assert {u["name"]: u["column_names"] for u in inspector.get_unique_constraints("t")} == {
        "uq_b": ["b", "name"],
        "uq_name": ["name"],
    }
    assert {c["name"] for c in inspector.get_check_constraints("t")} == {"ck_c"}
    keys = {tuple(f["constrained_columns"]): f["referred_table"] for f in inspector.get_foreign_keys("t")}
    assert keys == {("b",): "users", ("d",): "users"}
    assert [i["name"] for i in inspector.get_indexes("t") if not i.get("duplicates_constraint")] == ["ix_name"]
    assert rows(op, "SELECT id, name, b, c, d FROM t") == [(1, "x", 5, 7, None)]

    with op.batch_alter_table("t") as batch:
        batch.drop_index("ix_name")
        batch.rename_constraint("uq_name", "uq_n")
        batch.drop_constraint("fk_d", type_="foreignkey")
        batch.drop_column("d")
        batch.drop_column("name")

    inspector = sa.inspect(op.get_bind())
    assert [c["name"] for c in inspector.get_columns("t")] == ["id", "b", "c"]
    assert inspector.get_unique_constraints("t") == []


@pytest.mark.feature("AL-OPS21")
@pytest.mark.parametrize("recreate", ["auto", "always"])
def test_a_batch_finds_its_table_in_a_schema(engine: Any, tmp_path: Path, recreate: Any) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(f"ATTACH '{tmp_path / 'other.db'}' AS s")
        else:
            connection.exec_driver_sql("CREATE SCHEMA s")
        connection.commit()
        context = MigrationContext.configure(connection=connection)
        with context.begin_transaction():
            context._begin_now()
            op = Operations(context)
            op.create_table("t", sa.Column("a", sa.Integer), sa.Column("b", sa.String(3), index=True), schema="s")
            op.execute("INSERT INTO s.t (a, b) VALUES (1, 'x')")
            with op.batch_alter_table("t", schema="s", recreate=recreate) as batch:
                batch.alter_column("a", nullable=False, server_default="4")
                batch.add_column(sa.Column("c", sa.Integer))
                batch.create_unique_constraint("uq", ["a"])
                batch.create_index("ix_c", ["c"])
            op.rename_index("ix_c", "ix_d", "t", schema="s")
            found = sa.inspect(connection)
            names = {index["name"] for index in found.get_indexes("t", schema="s")}
            told = rows(op, "SELECT a, b, c FROM s.t")

    assert names - {"uq"} == {"ix_s_t_b", "ix_d"} and told == [(1, "x", None)]


def test_copy_from_says_what_the_table_is_when_there_is_a_connection(op: Operations) -> None:
    described = sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.String(5), nullable=False),
        sa.Column("b", sa.Integer, server_default="5"),
    )

    op.create_index("ix_b", "t", ["b"])
    is_lite = op.get_bind().dialect.name == "sqlite"

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with op.batch_alter_table("t", copy_from=described, table_args=(sa.UniqueConstraint("a"),)) as batch:
            batch.alter_column("a", nullable=True)

    texts = sorted(str(warning.message).split(" is being")[0] for warning in told)
    assert texts == (
        [
            "Named (ck_b) constraint 'CONSTRAINT ck_b CHECK (b > 1)' on table 't'",
            "Named (uq_a) constraint 'CONSTRAINT uq_a UNIQUE (a)' on table 't'",
        ]
        if is_lite
        else []
    )
    assert "ix_b" in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("t")}
    assert rows(op, "SELECT id, a, b FROM t ORDER BY id") == [(1, "x", 5), (2, "y", 5)]
    checks = sa.inspect(op.get_bind()).get_check_constraints("t")
    assert [check["name"] for check in checks] == ([] if is_lite else ["ck_b"])


def test_a_primary_key_comes_with_a_batch(op: Operations) -> None:
    op.create_table("k", sa.Column("x", sa.Integer), sa.Column("y", sa.Integer))

    with op.batch_alter_table("k") as batch:
        batch.create_primary_key("pk_k", ["x", "y"])

    assert sa.inspect(op.get_bind()).get_pk_constraint("k")["constrained_columns"] == ["x", "y"]


def test_creating_a_table_in_a_batch_is_refused(op: Operations) -> None:
    with pytest.raises(NotImplementedError, match="create table in batch"), op.batch_alter_table("t") as batch:
        batch.impl.create_table(None)
    with pytest.raises(NotImplementedError, match="drop table in batch"), op.batch_alter_table("t") as batch:
        batch.impl.drop_table(None)
    with pytest.raises(sa.exc.ArgumentError, match="recreate may be"), op.batch_alter_table("t", recreate="x"):  # type: ignore[arg-type]
        pass


# ---- SQLite ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "batch.db"
    script(
        made,
        """
        CREATE TABLE u (id INTEGER PRIMARY KEY);
        CREATE TABLE t (
            id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER REFERENCES u (id), c INTEGER CHECK (c > 0), d INTEGER,
            UNIQUE (a, b), CONSTRAINT named UNIQUE (d)
        );
        INSERT INTO u VALUES (1);
        INSERT INTO t VALUES (1, 'x', 1, 2, 3), (5, 'y', NULL, 3, 4);
        """,
    )
    return made


def columns(path: Path, table: str = "t") -> list[str]:
    return [row[1] for row in ask(path, f"PRAGMA table_info({table})")]


def test_a_batch_makes_the_table_anew_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    run = rebuild.Rebuild.run

    def counted(self: rebuild.Rebuild) -> None:
        runs.append(self._old.name)
        run(self)

    monkeypatch.setattr(rebuild.Rebuild, "run", counted)
    with migrating(path) as op, op.batch_alter_table("t") as batch:
        batch.alter_column("a", nullable=False, new_column_name="z")
        batch.alter_column("z", server_default="q")
        batch.alter_column("b", new_column_name="bb")
        batch.create_check_constraint("ck", "bb < 10 OR z = 'y'")
        batch.drop_column("d")
        batch.add_column(sa.Column("e", sa.Integer, server_default=sa.text("1 + 1")), insert_after="id")

    assert runs == ["t"]
    assert columns(path) == ["id", "e", "z", "bb", "c"]
    assert contents(path, "t") == [(1, 1, 2, "x", 1, 2), (5, 5, 2, "y", None, 3)]
    assert "CHECK (" in objects(path)["table", "t"] and '"bb"' in objects(path)["table", "t"]


def test_a_column_is_found_by_its_old_and_its_new_name(path: Path) -> None:
    with migrating(path) as op, op.batch_alter_table("t") as batch:
        batch.alter_column("c", new_column_name="x")
        batch.alter_column("c", new_column_name="y")
        batch.alter_column("y", nullable=False)
        batch.create_index("ix", ["y"])
        batch.alter_column("d", new_column_name="gone")
        batch.create_index("ix_gone", ["gone"])
        batch.drop_column("gone")
        batch.add_column(sa.Column("c", sa.Integer))

    assert columns(path) == ["id", "a", "b", "y", "c"]
    assert [name for kind, name in objects(path) if kind == "index"] == ["ix"]


@pytest.mark.feature("AL-OPS26")
def test_a_naming_convention_names_what_has_no_name(path: Path) -> None:
    convention = {
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }

    with migrating(path) as op:
        with op.batch_alter_table("t", naming_convention=convention) as batch:
            batch.drop_constraint("fk_t_b_u", type_="foreignkey")
            batch.drop_constraint("uq_t_a_b", type_="unique")
        with (
            pytest.raises(ValueError, match="No such constraint: 'uq_t_d'"),
            op.batch_alter_table("t", naming_convention=convention) as batch,
        ):
            batch.drop_constraint("uq_t_d", type_="unique")
        with op.batch_alter_table("t", naming_convention=convention) as batch:
            batch.drop_constraint("named", type_="unique")

    text = objects(path)["table", "t"]
    assert "REFERENCES" not in text and "UNIQUE (a, b)" not in text and "named" not in text
    assert 'CONSTRAINT "uq_t_a" UNIQUE' in text


@pytest.mark.feature("AL-OPS25")
@pytest.mark.feature("AL-OPS23")
def test_unnamed_checks_and_those_of_types_stay_or_follow_their_type(path: Path) -> None:
    with migrating(path) as op:
        op.create_table(
            "kinds",
            sa.Column("flag", sa.Boolean(create_constraint=True)),
            sa.Column("kind", sa.Enum("a", "b", native_enum=False, create_constraint=True, name="kind")),
            sa.Column("n", sa.Integer, server_default="1"),
            sa.CheckConstraint("n > 0"),
        )
        op.execute("INSERT INTO kinds VALUES (1, 'a', 5)")
        with op.batch_alter_table("kinds") as batch:
            batch.alter_column(
                "kind",
                existing_type=sa.Enum("a", "b", native_enum=False, create_constraint=True, name="kind"),
                type_=sa.Enum("a", "b", "c", native_enum=False, create_constraint=True, name="kind"),
            )
            batch.alter_column("flag", existing_type=sa.Boolean(create_constraint=True), type_=sa.Integer())
            batch.alter_column("n", server_default=sa.text("(2 + 3)"), nullable=False)

    text = objects(path)["table", "kinds"]
    assert "CHECK (kind IN ('a', 'b', 'c'))" in text and "'b'))" not in text
    assert "CHECK (n > 0)" in text and "flag INTEGER" in text and "flag IN (" not in text
    script(path, "INSERT INTO kinds (flag, kind) VALUES (7, 'c')")
    assert ask(path, "SELECT * FROM kinds") == [(1, "a", 5), (7, "c", 5)]


@pytest.mark.feature("AL-OPS21")
def test_the_order_of_columns_is_what_was_asked_for(path: Path) -> None:
    with migrating(path) as op:
        with op.batch_alter_table("t", partial_reordering=[("c", "a"), ("d", "id")], recreate="always") as batch:
            batch.add_column(sa.Column("e", sa.Integer))
        first = op.get_bind().exec_driver_sql("SELECT * FROM t").keys()
        with op.batch_alter_table("t") as batch:
            batch.alter_column("e", insert_before="b")
        with (
            pytest.raises(CommandError, match="contradicts itself"),
            op.batch_alter_table("t", partial_reordering=[("a", "b"), ("b", "a")], recreate="always"),
        ):
            pass

    assert list(first) == ["b", "c", "a", "d", "id", "e"]
    assert columns(path) == ["e", "b", "c", "a", "d", "id"]


@pytest.mark.feature("AL-OPS21")
def test_arguments_of_the_new_table_are_taken(path: Path) -> None:
    def longer(inspector: Any, table: Any, info: dict[str, Any]) -> None:
        if info["name"] == "a":
            info["type"] = sa.String(44)

    with migrating(path) as op:
        with op.batch_alter_table(
            "t",
            recreate="always",
            table_args=(sa.CheckConstraint("id > 0", name="ck_id"),),
            table_kwargs={"sqlite_autoincrement": True, "sqlite_strict": False},
            reflect_args=[sa.Column("c", sa.BigInteger, nullable=False)],  # type: ignore[arg-type]
            reflect_kwargs={"listeners": [("column_reflect", longer)]},
        ):
            pass
        with op.batch_alter_table("u", table_kwargs={"sqlite_strict": True}) as batch:
            batch.add_column(sa.Column("n", sa.Integer))

    text = objects(path)["table", "t"]
    assert "id INTEGER PRIMARY KEY AUTOINCREMENT" in text
    assert "CONSTRAINT ck_id CHECK (id > 0)" in text
    assert "c BIGINT NOT NULL" in text and "a VARCHAR(44) UNIQUE" in text
    assert objects(path)["table", "u"].endswith("STRICT")


def test_a_check_without_a_name_is_not_made_twice_when_table_args_have_it(path: Path) -> None:
    with migrating(path) as op, op.batch_alter_table("t", table_args=(sa.CheckConstraint("c > 0"),)) as batch:
        batch.alter_column("a", nullable=False)

    assert objects(path)["table", "t"].count("CHECK") == 1


def test_the_changes_of_one_table_are_one_rebuild_when_they_are_invoked_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    run = rebuild.Rebuild.run
    monkeypatch.setattr(rebuild.Rebuild, "run", lambda self: (runs.append(self._old.name), run(self)))

    with migrating(path) as op:
        op.invoke(
            ops.UpgradeOps(
                [
                    ops.ModifyTableOps(
                        "t",
                        [
                            ops.AlterColumnOp("t", "a", modify_nullable=False),
                            ops.AddColumnOp("t", sa.Column("e", sa.Integer, index=True)),
                            ops.CreateCheckConstraintOp("ck", "t", "e > 1"),
                            ops.DropColumnOp("t", "d"),
                        ],
                    ),
                    ops.ModifyTableOps("u", []),
                ]
            )
        )

    assert runs == ["t"]
    assert columns(path) == ["id", "a", "b", "c", "e"]
    assert ("index", "ix_t_e") in objects(path)


@pytest.mark.feature("AL-OPS21")
def test_never_refuses_what_alter_table_cannot_do(path: Path) -> None:
    before = objects(path)

    with (
        pytest.raises(CommandError, match="recreate='never' forbids, because of: nullability of column 'a'"),
        migrating(path) as op,
        op.batch_alter_table("t", recreate="never") as batch,
    ):
        batch.alter_column("a", nullable=False)

    assert objects(path) == before


@pytest.mark.feature("AL-OPS24")
def test_a_script_takes_the_table_from_copy_from() -> None:
    def written(**kw: Any) -> str:
        buffer = io.StringIO()
        context = MigrationContext.configure(dialect_name="sqlite", opts={"as_sql": True, "output_buffer": buffer})
        with Operations(context).batch_alter_table("t", **kw) as batch:
            batch.alter_column("a", nullable=False)
            batch.create_index("ix_new", ["a"])
        return buffer.getvalue()

    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(5)))
    sa.Index("ix_a", table.c.a)

    assert written(copy_from=table) == (
        "CREATE TABLE _alembic_tmp_t (\n    id INTEGER NOT NULL, \n    a VARCHAR(5) NOT NULL, \n    PRIMARY KEY (id)\n"
        ");\n\nINSERT INTO _alembic_tmp_t (id, a) SELECT t.id, t.a \nFROM t;\n\nDROP TABLE t;\n\n"
        "ALTER TABLE _alembic_tmp_t RENAME TO t;\n\nCREATE INDEX ix_a ON t (a);\n\nCREATE INDEX ix_new ON t (a);\n\n"
    )
    with pytest.raises(CommandError, match="cannot proceed in --sql mode"):
        written()


def test_a_rebuild_in_the_transaction_of_somebody_else_is_refused_when_keys_are_enforced(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    before = objects(path)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        op = Operations(MigrationContext.configure(connection=connection))
        with pytest.raises(CommandError, match="foreign keys are enforced in a transaction that is open"):
            op.alter_column("t", "a", nullable=False)
        connection.rollback()
    engine.dispose()

    assert objects(path) == before


def test_a_rebuild_is_part_of_the_callers_transaction_when_keys_are_not_enforced(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    before, rows_before = objects(path), contents(path, "t")
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        op = Operations(MigrationContext.configure(connection=connection))
        op.alter_column("t", "a", nullable=False)
        op.alter_column("u", "id", nullable=False)
        raise ZeroDivisionError
    assert objects(path) == before
    with engine.begin() as connection:
        Operations(MigrationContext.configure(connection=connection)).alter_column("t", "a", nullable=False)
    engine.dispose()

    assert objects(path) != before and contents(path, "t") == rows_before


def test_a_rebuild_is_whole_by_itself_when_the_connection_commits_each_statement(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    rows_before = contents(path, "t")
    with engine.connect() as connection:
        op = Operations(MigrationContext.configure(connection=connection))
        op.alter_column("t", "a", nullable=False)
        assert "a TEXT UNIQUE NOT NULL" in objects(path)["table", "t"]
        with pytest.raises(sa.exc.IntegrityError):
            op.alter_column("t", "b", nullable=False)
    engine.dispose()

    assert contents(path, "t") == rows_before and ("table", "_alembic_tmp_t") not in objects(path)


def test_a_rebuild_outside_of_a_transaction_has_one_of_its_own(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    rows_before = contents(path, "t")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        op = Operations(MigrationContext.configure(connection=connection))
        op.alter_column("u", "id", type_=sa.Integer(), nullable=False)
        op.alter_column("t", "a", nullable=False)
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        with pytest.raises(sa.exc.IntegrityError):
            op.alter_column("t", "b", nullable=False)
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()

    assert contents(path, "t") == rows_before
    assert "a TEXT UNIQUE NOT NULL" in objects(path)["table", "t"]


def test_a_copy_that_a_broken_run_has_left_is_dropped(path: Path) -> None:
    script(path, "CREATE TABLE _alembic_tmp_t (x)")

    with migrating(path) as op:
        op.alter_column("t", "a", nullable=False)

    assert ("table", "_alembic_tmp_t") not in objects(path)

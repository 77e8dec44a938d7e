"""Cases of operations: what each verb writes into a script, for every argument it takes.

`make_cases` takes the library under its two names, so that the reference and pyorm run the same.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

Case = Callable[[Any], Any]

# (case, dialect) -> why pyorm writes something else on purpose.
_INLINE = "a script has values where the reference has the driver's placeholders, which no tool can run"
_POSTGRESQL = {
    "add_column_computed_virtual": "before version 18 PostgreSQL has none, and a script does not know the version",
    "alter_name_and_check": "the check comes after the rename, so it names the column by its new name",
    "execute_bind": "a colon in a plain string is a colon",
    "batch_add_always": "the numbers of a table made anew go on where they were",
    "batch_reordering": "as batch_add_always",
    "execute_percent": "a script is no driver's format: a percent sign stands once",
    "execute_text_value": _INLINE,
    "execute_update_value": _INLINE,
    "identity_from_default": "SERIAL becomes an identity that goes on counting; the reference fails",
    "identity_same": "no statement for no change; the reference writes one that is no SQL",
    "identity_to_default": "an identity becomes a default; the reference fails",
    "unique_nulls": "INCLUDE may name a column that is not part of the key; the reference fails",
}
_NO_ALTER = "SQLite has no such ALTER: the reference writes a statement that fails, pyorm says what to do"
_NO_COMMENT = "SQLite has no comments: nothing to write"
_SQLITE = {
    **dict.fromkeys(
        (
            *("alter_not_null", "alter_null", "alter_schema", "alter_type", "alter_type_class", "alter_type_using"),
            *("alter_type_enum", "alter_type_check", "alter_type_check_comes", "alter_type_check_goes", "alter_all"),
            *("alter_type_boolean", "alter_type_collation", "alter_all_existing", "alter_name_and_check"),
            *("alter_table_quoted", "default_str", "default_text", "default_function", "default_clause"),
            *("default_goes", "default_goes_known", "default_literal", "default_false", "batch_never"),
            "add_column_unique",
        ),
        _NO_ALTER,
    ),
    **dict.fromkeys(
        (
            *("create_table_comment", "create_table_comment_schema", "drop_table_comment"),
            *("drop_table_comment_schema", "alter_comment", "alter_comment_goes"),
        ),
        _NO_COMMENT,
    ),
    **dict.fromkeys(
        ("add_column_key", "add_column_key_named", "add_column_key_schema", "add_column_key_deferred"),
        "a key of a new column stands in its clause, where SQLite takes it; the reference fails",
    ),
    "add_column_key_self": "as add_column_key",
    "add_column_boolean_check": "the check of a type stands in the column's clause; the reference leaves it out",
    "add_column_enum_check": "as add_column_boolean_check",
    "batch_add_before": "the table is made anew for the column's place; the reference fails",
    "batch_add_after": "as batch_add_before",
    "batch_drop": "a check of the column goes with it; the reference writes a table that cannot be made",
    "batch_name": "SQLite renames a column by itself",
    "execute_bind": _POSTGRESQL["execute_bind"],
    "execute_text_value": _INLINE,
    "execute_update_value": _INLINE,
}
DEVIATIONS: dict[tuple[str, str], str] = {
    **{(name, "postgresql"): why for name, why in _POSTGRESQL.items()},
    **{(name, "sqlite"): why for name, why in _SQLITE.items()},
}


def run_case(context_class: Any, operations_class: Any, dialect: str, case: Case) -> dict[str, Any]:
    """Run one case offline and return what was written, and the class of the error if it failed."""
    buffer = io.StringIO()
    context = context_class.configure(dialect_name=dialect, opts={"as_sql": True, "output_buffer": buffer})
    told: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case(operations_class(context))
        except Exception as error:  # a refusal is part of the reference
            told["error"] = type(error).__name__
    told["text"] = buffer.getvalue()
    return told


def make_cases(sa: Any, pg: Any) -> dict[str, Case]:
    """Return all cases by name."""
    return {
        **_tables(sa, pg),
        **_columns(sa, pg),
        **_alters(sa, pg),
        **_alter_defaults(sa),
        **_constraints(sa, pg),
        **_indexes(sa),
        **_rows(sa),
        **_batches(sa),
    }


def _batches(sa: Any) -> dict[str, Case]:
    def batch(*steps: Callable[[Any, Any], Any], check: bool = False, **kw: Any) -> Case:
        """Run steps in a batch on a table that `copy_from` describes, with one constraint that has a name."""
        named = sa.CheckConstraint("b > 1", name="ck_b") if check else sa.UniqueConstraint("a", name="uq_a")

        def run(op: Any) -> None:
            metadata = sa.MetaData()
            table = sa.Table(
                "t",
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("a", sa.String(5), nullable=False),
                sa.Column("b", sa.Integer, server_default="5"),
                named,
            )
            with op.batch_alter_table("t", copy_from=table, **kw) as batch_op:
                for step in steps:
                    step(op, batch_op)

        return run

    return {
        "batch_nothing": batch(),
        "batch_null": batch(lambda op, b: b.alter_column("a", nullable=True)),
        "batch_not_null": batch(lambda op, b: b.alter_column("b", nullable=False)),
        "batch_default": batch(lambda op, b: b.alter_column("b", server_default="7")),
        "batch_default_goes": batch(lambda op, b: b.alter_column("b", server_default=None)),
        "batch_type": batch(lambda op, b: b.alter_column("a", type_=sa.String(9), existing_type=sa.String(5))),
        "batch_name": batch(lambda op, b: b.alter_column("a", new_column_name="c")),
        "batch_add": batch(lambda op, b: b.add_column(sa.Column("c", sa.Integer))),
        "batch_add_before": batch(lambda op, b: b.add_column(sa.Column("c", sa.Integer), insert_before="a")),
        "batch_add_after": batch(lambda op, b: b.add_column(sa.Column("c", sa.Integer), insert_after="id")),
        "batch_add_always": batch(lambda op, b: b.add_column(sa.Column("c", sa.Integer)), recreate="always"),
        "batch_drop": batch(lambda op, b: b.drop_column("b"), check=True),
        "batch_unique": batch(lambda op, b: b.create_unique_constraint("uq_b", ["b"])),
        "batch_check": batch(lambda op, b: b.create_check_constraint("ck_a", "a != 'x'")),
        "batch_foreign_key": batch(lambda op, b: b.create_foreign_key("fk_b", "u", ["b"], ["id"])),
        "batch_drop_unique": batch(lambda op, b: b.drop_constraint("uq_a", type_="unique")),
        "batch_drop_check": batch(lambda op, b: b.drop_constraint("ck_b", type_="check"), check=True),
        "batch_drop_unknown": batch(lambda op, b: b.drop_constraint("nobody", type_="check")),
        "batch_drop_unknown_column": batch(lambda op, b: b.drop_column("nobody")),
        "batch_index": batch(lambda op, b: b.create_index("ix_b", ["b"])),
        "batch_many": batch(
            lambda op, b: b.alter_column("a", nullable=True),
            lambda op, b: b.add_column(sa.Column("c", sa.Integer)),
            lambda op, b: b.create_unique_constraint("uq_c", ["c"]),
            lambda op, b: b.create_index("ix_c", ["c"]),
        ),
        "batch_never": batch(lambda op, b: b.alter_column("a", nullable=True), recreate="never"),
        "batch_bad_recreate": batch(recreate="sometimes"),
        "batch_execute": batch(lambda op, b: b.execute("SELECT 1"), lambda op, b: b.alter_column("a", nullable=True)),
        "batch_reordering": batch(
            lambda op, b: b.alter_column("a", nullable=True), partial_reordering=[("b", "a")], recreate="always"
        ),
        "batch_strict": batch(
            lambda op, b: b.alter_column("a", nullable=True), table_kwargs={"sqlite_strict": True}
        ),
    }


def _tables(sa: Any, pg: Any) -> dict[str, Case]:
    def parent() -> Any:
        return sa.Column("id", sa.Integer, primary_key=True)

    return {
        "create_table": lambda op: op.create_table("t", parent(), sa.Column("a", sa.String(5), nullable=False)),
        "create_table_if_not_exists": lambda op: op.create_table("t", parent(), if_not_exists=True),
        "create_table_schema": lambda op: op.create_table("t", parent(), schema="s"),
        "create_table_quoted": lambda op: op.create_table("My Table", sa.Column("Select", sa.Integer)),
        "create_table_index": lambda op: op.create_table("t", sa.Column("a", sa.Integer, index=True)),
        "create_table_unique_index": lambda op: op.create_table(
            "t", sa.Column("b", sa.Integer, index=True, unique=True)
        ),
        "create_table_unique": lambda op: op.create_table("t", sa.Column("a", sa.Integer, unique=True)),
        "create_table_comments": lambda op: op.create_table(
            "t", sa.Column("a", sa.Integer, comment="it's a"), comment="the table"
        ),
        "create_table_enum": lambda op: op.create_table("t", sa.Column("e", sa.Enum("a", "b", name="kind"))),
        "create_table_enum_check": lambda op: op.create_table(
            "t", sa.Column("e", sa.Enum("a", "b", name="kind", native_enum=False, create_constraint=True))
        ),
        "create_table_boolean_check": lambda op: op.create_table(
            "t", sa.Column("b", sa.Boolean(create_constraint=True, name="ck_b"))
        ),
        "create_table_keys": lambda op: op.create_table(
            "t",
            parent(),
            sa.Column("a", sa.Integer),
            sa.ForeignKeyConstraint(["a"], ["u.id"], name="fk_a", ondelete="CASCADE"),
            sa.UniqueConstraint("a", name="uq_a"),
            sa.CheckConstraint("a > 1", name="ck_a"),
        ),
        "create_table_key_of_column": lambda op: op.create_table(
            "t", sa.Column("a", sa.Integer, sa.ForeignKey("u.id", name="fk_a", onupdate="CASCADE"))
        ),
        "create_table_key_schema": lambda op: op.create_table(
            "t", sa.Column("a", sa.Integer, sa.ForeignKey("s.u.id")), schema="s"
        ),
        "create_table_self_key": lambda op: op.create_table(
            "t", parent(), sa.Column("a", sa.Integer, sa.ForeignKey("t.id"))
        ),
        "create_table_primary_key": lambda op: op.create_table(
            "t",
            sa.Column("a", sa.Integer),
            sa.Column("b", sa.Integer),
            sa.PrimaryKeyConstraint("a", "b", name="pk_t"),
        ),
        "create_table_identity": lambda op: op.create_table(
            "t", sa.Column("id", sa.BigInteger, sa.Identity(always=True, start=5), primary_key=True)
        ),
        "create_table_computed": lambda op: op.create_table(
            "t", sa.Column("a", sa.Integer), sa.Column("b", sa.Integer, sa.Computed("a + 1", persisted=True))
        ),
        "create_table_defaults": lambda op: op.create_table(
            "t",
            sa.Column("a", sa.Integer, server_default="5"),
            sa.Column("b", sa.DateTime, server_default=sa.func.now()),
            sa.Column("c", sa.Integer, server_default=sa.text("1 + 1")),
        ),
        "create_table_prefixes": lambda op: op.create_table("t", parent(), prefixes=["TEMPORARY"]),
        "create_table_options": lambda op: op.create_table(
            "t",
            parent(),
            postgresql_partition_by="RANGE (id)",
            postgresql_tablespace="space",
            sqlite_strict=True,
        ),
        "create_table_array": lambda op: op.create_table("t", sa.Column("a", pg.ARRAY(sa.Integer))),
        "create_table_types": lambda op: op.create_table(
            "t",
            *(
                sa.Column(f"c{n}", kind)
                for n, kind in enumerate(
                    (sa.Text, sa.Numeric(10, 2), sa.Float, sa.Date, sa.Time, sa.LargeBinary, sa.BigInteger, sa.JSON)
                )
            ),
        ),
        "create_table_sequence": lambda op: op.create_table(
            "t", sa.Column("id", sa.Integer, sa.Sequence("t_seq"), primary_key=True)
        ),
        "drop_table": lambda op: op.drop_table("t"),
        "drop_table_if_exists": lambda op: op.drop_table("t", if_exists=True),
        "drop_table_schema": lambda op: op.drop_table("t", schema="s"),
        "drop_table_quoted": lambda op: op.drop_table("My Table"),
        "rename_table": lambda op: op.rename_table("t", "u"),
        "rename_table_schema": lambda op: op.rename_table("t", "U", schema="s"),
        "create_table_comment": lambda op: op.create_table_comment("t", "it's new", existing_comment="old"),
        "create_table_comment_schema": lambda op: op.create_table_comment("t", "new", schema="s"),
        "drop_table_comment": lambda op: op.drop_table_comment("t", existing_comment="old"),
        "drop_table_comment_schema": lambda op: op.drop_table_comment("t", schema="s"),
    }


def _columns(sa: Any, pg: Any) -> dict[str, Case]:
    def adds(*arguments: Any, **kw: Any) -> Case:
        """Add a column `c`; keywords that begin with `op_` are the operation's, functions make a new item each time."""
        own = {name[3:]: kw.pop(name) for name in list(kw) if name.startswith("op_")}

        def run(op: Any) -> None:
            items = [item() if isinstance(item, partial) else item for item in arguments]
            op.add_column("t", sa.Column("c", *items, **kw), **own)

        return run

    key, check = partial(partial, sa.ForeignKey), partial(partial, sa.CheckConstraint)
    identity, computed = partial(partial, sa.Identity), partial(partial, sa.Computed)
    return {
        "add_column": adds(sa.Integer),
        "add_column_schema": adds(sa.Integer, op_schema="s"),
        "add_column_not_null": adds(sa.Integer, nullable=False),
        "add_column_default": adds(sa.Integer, nullable=False, server_default="5"),
        "add_column_default_text": adds(sa.Integer, server_default=sa.text("5")),
        "add_column_default_function": adds(sa.DateTime, server_default=sa.func.now()),
        "add_column_if_not_exists": adds(sa.Integer, op_if_not_exists=True),
        "add_column_key": adds(sa.Integer, key("u.id")),
        "add_column_key_named": adds(sa.Integer, key("u.id", name="fk_c", ondelete="SET NULL")),
        "add_column_key_schema": adds(sa.Integer, key("s.u.id"), op_schema="s"),
        "add_column_key_deferred": adds(sa.Integer, key("u.id", deferrable=True, initially="DEFERRED")),
        "add_column_key_inline": adds(sa.Integer, key("u.id"), op_inline_references=True),
        "add_column_key_inline_options": adds(
            sa.Integer, key("u.id", ondelete="CASCADE", onupdate="CASCADE"), op_inline_references=True
        ),
        "add_column_key_self": adds(sa.Integer, key("t.id")),
        "add_column_primary_key": adds(sa.Integer, primary_key=True),
        "add_column_primary_key_inline": adds(sa.Integer, primary_key=True, op_inline_primary_key=True),
        "add_column_unique": adds(sa.Integer, unique=True),
        "add_column_index": adds(sa.Integer, index=True),
        "add_column_unique_index": adds(sa.Integer, index=True, unique=True),
        "add_column_comment": adds(sa.Integer, comment="it's c"),
        "add_column_check": adds(sa.Integer, check("c > 1", name="ck_c")),
        "add_column_boolean_check": adds(sa.Boolean(create_constraint=True, name="ck_c")),
        "add_column_enum": adds(sa.Enum("a", "b", name="kind")),
        "add_column_enum_check": adds(sa.Enum("a", "b", name="kind", native_enum=False, create_constraint=True)),
        "add_column_identity": adds(sa.Integer, identity(start=3)),
        "add_column_computed": adds(sa.Integer, computed("a + 1", persisted=True)),
        "add_column_computed_virtual": adds(sa.Integer, computed("a + 1", persisted=False)),
        "add_column_array": adds(pg.ARRAY(sa.String(3))),
        "add_column_quoted": lambda op: op.add_column("My Table", sa.Column("Order", sa.Integer)),
        "drop_column": lambda op: op.drop_column("t", "c"),
        "drop_column_schema": lambda op: op.drop_column("t", "c", schema="s"),
        "drop_column_if_exists": lambda op: op.drop_column("t", "c", if_exists=True),
        "drop_column_quoted": lambda op: op.drop_column("My Table", "Order"),
    }


def _alters(sa: Any, pg: Any) -> dict[str, Case]:
    def alters(**kw: Any) -> Case:
        return lambda op: op.alter_column("t", "c", **kw)

    def checked(*values: str, name: str) -> Any:
        return sa.Enum(*values, name=name, native_enum=False, create_constraint=True)

    return {
        "alter_nothing": alters(),
        "alter_not_null": alters(nullable=False),
        "alter_null": alters(nullable=True, existing_type=sa.Integer(), existing_nullable=False),
        "alter_schema": alters(nullable=False, schema="s"),
        "alter_name": alters(new_column_name="d"),
        "alter_name_quoted": alters(new_column_name="Order", schema="s"),
        "alter_type": alters(type_=sa.BigInteger()),
        "alter_type_class": alters(type_=sa.Text, existing_type=sa.String(5)),
        "alter_type_using": alters(type_=sa.Integer(), postgresql_using="c::integer"),
        "alter_type_array": alters(type_=pg.ARRAY(sa.Integer)),
        "alter_type_enum": alters(type_=sa.Enum("a", name="kind"), postgresql_using="c::kind"),
        "alter_type_check": alters(
            existing_type=checked("a", name="old"), type_=checked("a", "b", name="new")
        ),
        "alter_type_check_comes": alters(existing_type=sa.Integer(), type_=checked("a", "b", name="new")),
        "alter_type_check_goes": alters(existing_type=checked("a", "b", name="old"), type_=sa.Integer()),
        "alter_type_boolean": alters(existing_type=sa.Integer(), type_=sa.Boolean(create_constraint=True, name="b")),
        "alter_type_collation": alters(type_=sa.String(5, collation="C")),
        "alter_comment": alters(comment="it's new"),
        "alter_comment_goes": alters(comment=None, existing_comment="old", schema="s"),
        "alter_all": alters(
            nullable=False, type_=sa.Integer(), server_default="5", new_column_name="d", comment="new"
        ),
        "alter_all_existing": alters(
            nullable=False,
            existing_type=sa.Integer(),
            existing_server_default="5",
            existing_nullable=True,
            existing_comment="x",
        ),
        "alter_autoincrement": alters(autoincrement=True, existing_type=sa.Integer()),
        "alter_name_and_check": alters(new_column_name="d", type_=checked("a", name="new")),
        "alter_table_quoted": lambda op: op.alter_column("My Table", "Order", nullable=False),
    }


def _alter_defaults(sa: Any) -> dict[str, Case]:
    def alters(new: Any, old: Any = False, **kw: Any) -> Case:
        return lambda op: op.alter_column("t", "c", server_default=new, existing_server_default=old, **kw)

    return {
        "default_str": alters("it's"),
        "default_text": alters(sa.text("1 + 1")),
        "default_function": alters(sa.func.now()),
        "default_clause": alters(sa.DefaultClause("x"), schema="s"),
        "default_goes": alters(None),
        "default_goes_known": alters(None, "5"),
        "default_literal": alters(sa.literal(5)),
        "default_false": alters(sa.false()),
        "identity_comes": alters(sa.Identity(), None),
        "identity_comes_unknown": alters(sa.Identity(always=True, start=2, increment=3)),
        "identity_goes": alters(None, sa.Identity()),
        "identity_always": alters(sa.Identity(always=True), sa.Identity()),
        "identity_by_default": alters(sa.Identity(), sa.Identity(always=True, start=3)),
        "identity_start": alters(sa.Identity(start=5), sa.Identity(start=3)),
        "identity_many": alters(
            sa.Identity(increment=2, minvalue=1, maxvalue=9, cycle=True, cache=3), sa.Identity(start=3)
        ),
        "identity_no_cycle": alters(sa.Identity(cycle=False), sa.Identity(cycle=True)),
        "identity_no_bounds": alters(sa.Identity(nominvalue=True, nomaxvalue=True), sa.Identity()),
        "identity_same": alters(sa.Identity(start=3), sa.Identity(start=3)),
        "identity_schema": alters(sa.Identity(), None, schema="s"),
        "identity_from_default": alters(sa.Identity(), sa.text("nextval('t_c_seq')")),
        "identity_to_default": alters(sa.text("nextval('t_c_seq')"), sa.Identity()),
        "computed_comes": alters(sa.Computed("a + 1"), None),
        "computed_goes": alters(None, sa.Computed("a + 1")),
        "computed_to_default": alters("5", sa.Computed("a + 1")),
    }


def _constraints(sa: Any, pg: Any) -> dict[str, Case]:
    key_columns = (["a", "b"], ["c", "d"])
    return {
        "primary_key": lambda op: op.create_primary_key("pk", "t", ["a", "b"]),
        "primary_key_unnamed": lambda op: op.create_primary_key(None, "t", ["a"], schema="s"),
        "unique": lambda op: op.create_unique_constraint("uq", "t", ["a", "b"]),
        "unique_unnamed": lambda op: op.create_unique_constraint(None, "t", ["a"], schema="s"),
        "unique_deferred": lambda op: op.create_unique_constraint(
            "uq", "t", ["a"], deferrable=True, initially="DEFERRED"
        ),
        "unique_nulls": lambda op: op.create_unique_constraint(
            "uq", "t", ["a"], postgresql_nulls_not_distinct=True, postgresql_include=["b"]
        ),
        "foreign_key": lambda op: op.create_foreign_key("fk", "t", "u", ["a"], ["id"]),
        "foreign_key_unnamed": lambda op: op.create_foreign_key(None, "t", "u", ["a"], ["id"]),
        "foreign_key_many": lambda op: op.create_foreign_key("fk", "t", "u", *key_columns),
        "foreign_key_self": lambda op: op.create_foreign_key("fk", "t", "t", ["parent_id"], ["id"]),
        "foreign_key_options": lambda op: op.create_foreign_key(
            "fk", "t", "u", *key_columns, ondelete="SET NULL", onupdate="CASCADE", match="FULL"
        ),
        "foreign_key_deferred": lambda op: op.create_foreign_key(
            "fk", "t", "u", ["a"], ["id"], deferrable=True, initially="DEFERRED"
        ),
        "foreign_key_schemas": lambda op: op.create_foreign_key(
            "fk", "t", "u", ["a"], ["id"], source_schema="s", referent_schema="r"
        ),
        "foreign_key_not_valid": lambda op: op.create_foreign_key(
            "fk", "t", "u", ["a"], ["id"], postgresql_not_valid=True
        ),
        "check": lambda op: op.create_check_constraint("ck", "t", "a > 1"),
        "check_expression": lambda op: op.create_check_constraint(
            "ck", "t", sa.func.len(sa.column("a")) > 5, schema="s"
        ),
        "check_text": lambda op: op.create_check_constraint("ck", "t", sa.text("a IN ('x', 'y')")),
        "check_unnamed": lambda op: op.create_check_constraint(None, "t", "a > 1"),
        "check_not_valid": lambda op: op.create_check_constraint("ck", "t", "a > 1", postgresql_not_valid=True),
        "exclude": lambda op: op.create_exclude_constraint("ex", "t", (sa.column("period"), "&&"), ("group", "=")),
        "exclude_options": lambda op: op.create_exclude_constraint(
            "ex", "t", ("a", "="), where=sa.text("a != 5"), using="btree", schema="s", deferrable=True
        ),
        "drop_constraint": lambda op: op.drop_constraint("ck", "t"),
        "drop_constraint_type": lambda op: op.drop_constraint("ck", "t", type_="check", schema="s"),
        "drop_constraint_primary": lambda op: op.drop_constraint("pk", "t", type_="primary"),
        "drop_constraint_unique": lambda op: op.drop_constraint("uq", "t", "unique"),
        "drop_constraint_key": lambda op: op.drop_constraint("FK", "t", type_="foreignkey"),
        "drop_constraint_if_exists": lambda op: op.drop_constraint("ck", "t", if_exists=True),
        "drop_constraint_unnamed": lambda op: op.drop_constraint(None, "t"),
        "drop_constraint_bad_type": lambda op: op.drop_constraint("x", "t", type_="bogus"),
        "name_is_final": lambda op: op.create_check_constraint(op.f("ck_t_x"), "t", "a > 1"),
    }


def _indexes(sa: Any) -> dict[str, Case]:
    def creates(*columns: Any, **kw: Any) -> Case:
        return lambda op: op.create_index("ix", "t", list(columns), **kw)

    return {
        "index": creates("a"),
        "index_many": creates("a", "B"),
        "index_unique": creates("a", unique=True),
        "index_schema": creates("a", schema="s"),
        "index_unnamed": lambda op: op.create_index(None, "t", ["a"]),
        "index_if_not_exists": creates("a", if_not_exists=True),
        "index_text": creates(sa.text("lower(a)"), "b"),
        "index_function": creates(sa.func.lower(sa.column("a"))),
        "index_desc": creates(sa.column("a").desc()),
        "index_where": creates("a", postgresql_where=sa.text("a > 1"), sqlite_where=sa.text("a > 2")),
        "index_using": creates("a", postgresql_using="gin"),
        "index_include": creates("a", postgresql_include=["b", "c"]),
        "index_ops": creates("a", "b", postgresql_ops={"a": "text_pattern_ops"}),
        "index_with": creates("a", postgresql_with={"fillfactor": 50}),
        "index_tablespace": creates("a", postgresql_tablespace="space"),
        "index_concurrently": creates("a", postgresql_concurrently=True),
        "index_concurrently_all": creates(
            "a", unique=True, if_not_exists=True, schema="s", postgresql_concurrently=True
        ),
        "index_nulls": creates("a", unique=True, postgresql_nulls_not_distinct=True),
        "drop_index": lambda op: op.drop_index("ix"),
        "drop_index_table": lambda op: op.drop_index("ix", "t", schema="s"),
        "drop_index_if_exists": lambda op: op.drop_index("ix", table_name="t", if_exists=True),
        "drop_index_concurrently": lambda op: op.drop_index("ix", "t", postgresql_concurrently=True, if_exists=True),
    }


def _rows(sa: Any) -> dict[str, Case]:
    def table() -> Any:
        return sa.table("t", sa.column("a", sa.Integer), sa.column("b", sa.String), sa.column("c", sa.Date))

    def inserts(rows: Any, **kw: Any) -> Case:
        return lambda op: op.bulk_insert(table(), rows, **kw)

    return {
        "execute": lambda op: op.execute("UPDATE t SET a = 5"),
        "execute_options": lambda op: op.execute("UPDATE t SET a = 5", execution_options={"x": 1}),
        "execute_colon": lambda op: op.execute("SELECT 'a:b', '12\\:30', x::text"),
        "execute_bind": lambda op: op.execute("SELECT ':b'"),
        "execute_percent": lambda op: op.execute("SELECT 5 % 3, 'a%'"),
        "execute_text": lambda op: op.execute(sa.text("UPDATE t SET a = 5")),
        "execute_text_value": lambda op: op.execute(sa.text("UPDATE t SET a = :a").bindparams(a=5)),
        "execute_update": lambda op: op.execute(table().update().values(a=op.inline_literal(5))),
        "execute_update_value": lambda op: op.execute(table().update().values(a=5)),
        "execute_insert": lambda op: op.execute(
            table().insert().values({"a": op.inline_literal(5), "b": op.inline_literal("it's")})
        ),
        "execute_where": lambda op: op.execute(
            table().update().where(table().c.b == op.inline_literal("x")).values({"b": op.inline_literal("y")})
        ),
        "bulk_insert": inserts([{"a": 1, "b": "it's"}, {"a": 2, "b": None}]),
        "bulk_insert_one_by_one": inserts([{"a": 1}, {"a": 2}], multiinsert=False),
        "bulk_insert_nothing": inserts([]),
        "bulk_insert_no_list": inserts({"a": 1}),
        "bulk_insert_no_dictionary": inserts([(1,)]),
        "bulk_insert_created": lambda op: op.bulk_insert(
            op.create_table("t", sa.Column("a", sa.Integer), sa.Column("b", sa.String(5))), [{"a": 1, "b": "x"}]
        ),
    }

"""Tables of SQLite made anew: everything that was not changed is as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.operations import rebuild
from pyorm.migrations.operations.tabletext import parse
from pyorm.migrations.util.exc import CommandError
from tests.migrations.operations.lite import ask, contents, migrating, objects, script

BLOG = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title VARCHAR(20) COLLATE NOCASE NOT NULL DEFAULT 'it''s, (new)', -- what it is called
    author_id INTEGER CONSTRAINT fk_author REFERENCES users (id) ON DELETE CASCADE,
    score NUMERIC(5, 2) CHECK (score >= 0),
    twice AS (score * 2) STORED,
    CONSTRAINT uq_title UNIQUE (title, author_id) ON CONFLICT ROLLBACK,
    CHECK (title <> 'x'),
    CONSTRAINT ck_id CHECK (posts.id < 1000000)
);
CREATE TABLE comments (
    id INTEGER PRIMARY KEY,
    post_id INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    body TEXT
);
CREATE TABLE log (what TEXT);
CREATE INDEX ix_lower ON posts (lower(title));
CREATE UNIQUE INDEX ix_part ON posts (author_id, score DESC) WHERE score > 1;
CREATE TRIGGER tr_posts AFTER UPDATE ON posts BEGIN INSERT INTO log VALUES ('post ' || new.id); END;
CREATE TRIGGER tr_users AFTER DELETE ON users BEGIN DELETE FROM posts WHERE author_id = old.id; END;
CREATE VIEW v_posts AS SELECT p.id, p.title, u.name FROM posts p JOIN users u ON u.id = p.author_id;
CREATE VIEW v_all AS SELECT count(*) AS n FROM v_posts;
INSERT INTO users VALUES (1, 'ann'), (2, 'bob');
INSERT INTO posts (id, title, author_id, score) VALUES (1, 'one', 1, 2), (7, 'two', 2, 1), (100, 'gone', 1, 9);
DELETE FROM posts WHERE id = 100;
INSERT INTO comments VALUES (1, 1, 'a'), (2, 7, 'b');
"""
OTHERS = ("users", "comments", "log")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with keys in both directions, triggers, views, generated columns, partial indexes."""
    made = tmp_path / "blog.db"
    script(made, BLOG)
    return made


def test_a_rebuilt_table_keeps_all_that_was_not_changed(path: Path) -> None:
    before, rows = objects(path), {table: contents(path, table) for table in ("posts", *OTHERS)}

    with migrating(path) as op:
        op.alter_column("posts", "author_id", nullable=False)

    after = objects(path)
    assert {k: v for k, v in after.items() if k != ("table", "posts")} == {
        k: v for k, v in before.items() if k != ("table", "posts")
    }
    assert {table: contents(path, table) for table in rows} == rows
    old, new = parse(before["table", "posts"]), parse(after["table", "posts"])
    assert [c.write() for c in new.columns if c.name != "author_id"] == [
        c.write() for c in old.columns if c.name != "author_id"
    ]
    assert [c.text for c in new.constraints] == [c.text.replace("posts.id", "id") for c in old.constraints]
    changed = new.find("author_id")
    assert changed is not None
    assert changed.write() == (
        "author_id INTEGER CONSTRAINT fk_author REFERENCES users (id) ON DELETE CASCADE NOT NULL"
    )


def test_the_counter_of_autoincrement_goes_on_when_the_table_is_made_anew(path: Path) -> None:
    with migrating(path) as op:
        op.alter_column("posts", "score", nullable=False)
    script(path, "INSERT INTO posts (title, author_id, score) VALUES ('next', 1, 4)")

    assert ask(path, "SELECT max(id) FROM posts") == [(101,)]


def test_triggers_and_views_work_when_the_table_was_made_anew(path: Path) -> None:
    with migrating(path) as op:
        op.alter_column("posts", "title", type_=sa.String(99))
    script(path, "UPDATE posts SET score = 5 WHERE id = 7; DELETE FROM users WHERE id = 1")

    assert ask(path, "SELECT what FROM log") == [("post 7",)]
    assert ask(path, "SELECT n FROM v_all") == [(1,)]


CHANGES: dict[str, tuple[Any, str]] = {
    "not null": (lambda op: op.alter_column("posts", "score", nullable=False), "score NUMERIC(5, 2) CHECK"),
    "null": (lambda op: op.alter_column("posts", "title", nullable=True), "DEFAULT 'it''s, (new)'"),
    "default": (lambda op: op.alter_column("posts", "score", server_default="7"), "DEFAULT '7'"),
    "expression": (
        lambda op: op.alter_column("posts", "score", server_default=sa.text("1 + 1")),
        "DEFAULT (1 + 1)",
    ),
    "type": (lambda op: op.alter_column("posts", "author_id", type_=sa.BigInteger()), "author_id BIGINT"),
    "primary key": (lambda op: op.create_primary_key("pk", "posts", ["id"]), "CONSTRAINT pk PRIMARY KEY (id)"),
    "unique": (lambda op: op.create_unique_constraint("uq_new", "posts", ["score"]), "CONSTRAINT uq_new UNIQUE"),
    "foreign key": (
        lambda op: op.create_foreign_key("fk_new", "posts", "users", ["score"], ["id"], ondelete="CASCADE"),
        "CONSTRAINT fk_new FOREIGN KEY(score) REFERENCES users (id) ON DELETE CASCADE",
    ),
    "check": (lambda op: op.create_check_constraint("ck_new", "posts", "score < 99"), "ck_new CHECK (score < 99)"),
    "rename constraint": (lambda op: op.rename_constraint("uq_title", "uq_t", "posts"), 'CONSTRAINT "uq_t" UNIQUE'),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_that_alter_table_cannot_do_is_done_without_a_batch(name: str, path: Path) -> None:
    rows = {table: contents(path, table) for table in ("posts", *OTHERS)}
    change, text = CHANGES[name]

    with migrating(path) as op:
        change(op)

    assert text in objects(path)["table", "posts"]
    assert {table: contents(path, table) for table in rows} == rows


@pytest.mark.parametrize("name", ["fk_author", "uq_title", "ck_id"])
def test_a_constraint_of_any_kind_is_dropped_by_its_name(name: str, path: Path) -> None:
    with migrating(path) as op:
        op.drop_constraint(name, "posts")
        op.drop_constraint(name, "posts", if_exists=True)
        with pytest.raises(ValueError, match=f"No such constraint: '{name}'"):
            op.drop_constraint(name, "posts")

    assert name not in objects(path)["table", "posts"]


def test_statements_are_plain_alter_table_when_sqlite_can(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild.Rebuild, "run", None)

    with migrating(path) as op:
        op.add_column("posts", sa.Column("a", sa.Integer, sa.ForeignKey("users.id", name="fk_a")))
        op.add_column("posts", sa.Column("b", sa.String(3), server_default="x", nullable=False, index=True))
        op.alter_column("posts", "title", new_column_name="name")
        op.drop_index("ix_posts_b", "posts")
        op.drop_column("posts", "b")
        op.rename_index("ix_lower", "ix_name")
        op.rename_table("comments", "remarks")

    after = objects(path)
    assert "a INTEGER CONSTRAINT fk_a REFERENCES users (id)" in after["table", "posts"]
    assert "p.name" in after["view", "v_posts"] or 'p."name"' in after["view", "v_posts"]
    assert after["index", "ix_name"].startswith('CREATE INDEX "ix_name" ON posts (lower(')
    assert ("table", "remarks") in after and ("index", "ix_lower") not in after


def test_a_column_goes_with_its_keys_checks_and_indexes(path: Path) -> None:
    script(path, "DROP VIEW v_all; DROP VIEW v_posts; DROP TRIGGER tr_users")

    with migrating(path) as op:
        op.drop_column("posts", "author_id")

    text = objects(path)["table", "posts"]
    assert "author_id" not in text and "uq_title" not in text and "ck_id" in text
    assert ("index", "ix_part") not in objects(path) and ("index", "ix_lower") in objects(path)


def test_a_column_that_others_need_stays_and_the_error_names_them(path: Path) -> None:
    before, rows = objects(path), contents(path, "posts")

    for column, text in (("score", "'twice' is computed from it"), ("author_id", "error in"), ("id", "'comments'")):
        with pytest.raises(CommandError, match=text), migrating(path) as op:
            op.drop_column("posts", column)

    assert objects(path) == before and contents(path, "posts") == rows


def test_rows_that_a_new_type_cannot_hold_stop_it(path: Path) -> None:
    with pytest.raises(CommandError, match="2 rows whose value is no integer, such as 'one'"), migrating(path) as op:
        op.alter_column("posts", "title", type_=sa.Integer())

    assert "title VARCHAR(20)" in objects(path)["table", "posts"]




def test_a_full_disk_stops_it_before_anything_is_done(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(path, "INSERT INTO log SELECT hex(zeroblob(2000)) FROM pragma_function_list LIMIT 50")
    monkeypatch.setattr(rebuild, "SMALL", 1 << 16)
    monkeypatch.setattr("shutil.disk_usage", lambda directory: SimpleNamespace(free=1 << 17))
    before = objects(path)

    with (
        pytest.raises(CommandError, match=r"table 'log' anew needs 0 MiB in .*, where 0 MiB are free"),
        migrating(path) as op,
    ):
        op.alter_column("log", "what", nullable=False)

    assert objects(path) == before


def test_what_is_no_table_is_refused_by_name(path: Path) -> None:
    script(path, "CREATE VIRTUAL TABLE words USING fts5(body)")

    with migrating(path) as op:
        with pytest.raises(CommandError, match="'words' cannot be changed: it is a virtual table"):
            op.alter_column("words", "body", nullable=False)
        with pytest.raises(sa.exc.NoSuchTableError, match="nobody: there is no such table"):
            op.alter_column("nobody", "x", nullable=False)
        with pytest.raises(CommandError, match="No such column: 'nobody' of table 'posts', which has 'id', 'title'"):
            op.alter_column("posts", "nobody", nullable=False)
        with pytest.raises(CommandError, match="has no index 'nobody'"):
            op.rename_index("nobody", "x", "posts")
        with pytest.raises(CommandError, match="There is no index 'nobody'"):
            op.rename_index("nobody", "x")
        with pytest.raises(CommandError, match="has a column 'title' already"):
            op.add_column("posts", sa.Column("title", sa.Text))
        with pytest.raises(ValueError, match="Constraint must have a name"):
            op.drop_constraint(None, "posts")
        with pytest.raises(CommandError, match="no identity for column 'score'"):
            op.alter_column("posts", "score", server_default=sa.Identity())


def test_names_that_need_quotes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    script(
        path,
        """
        CREATE TABLE "My ""Table" ("or der" INT, [gro up] TEXT, `se``lect` REAL, 'str' BLOB, größe INT DEFAULT (1));
        INSERT INTO "My ""Table" VALUES (1, 'a', 2.5, x'00', 3);
        CREATE INDEX "ix ""1" ON "My ""Table" ("or der", [gro up]);
        CREATE TRIGGER "tr 1" AFTER INSERT ON "My ""Table" BEGIN SELECT 1; END;
        """,
    )

    with migrating(path) as op:
        op.alter_column('My "Table', "gro up", nullable=False)
        op.alter_column('my "table', "größe", type_=sa.BigInteger(), new_column_name="Größe 2")
        op.drop_column('My "Table', "se`lect")
        op.create_check_constraint("ck 1", 'My "Table', '"or der" > 0')
        op.rename_index('ix "1', "ix-2", 'My "Table')

    assert ask(path, 'SELECT * FROM "My ""Table"') == [(1, "a", b"\x00", 3)]
    assert [row[1] for row in ask(path, "SELECT * FROM pragma_table_info('My \"Table')")] == [
        "or der",
        "gro up",
        "str",
        "Größe 2",
    ]
    assert {name for kind, name in objects(path) if kind != "table"} == {"ix-2", "tr 1"}


def test_a_collation_comes_and_goes_with_the_type_that_has_it(path: Path) -> None:
    def title() -> str:
        return objects(path)["table", "posts"].split("title")[1].split("author_id")[0]

    nocase = sa.Text(collation="NOCASE")
    with migrating(path) as op:
        op.alter_column("posts", "title", type_=sa.String(50), existing_type=sa.String(20))
    assert "VARCHAR(50) COLLATE NOCASE" in title()

    with migrating(path) as op:
        op.alter_column("posts", "title", type_=sa.Text(), existing_type=nocase)
    assert "TEXT" in title() and "COLLATE" not in title()

    with migrating(path) as op:
        op.alter_column("posts", "title", type_=nocase, existing_type=sa.Text())
    assert "TEXT" in title() and 'COLLATE "NOCASE"' in title()
    assert ask(path, "SELECT count(*) FROM posts WHERE title = 'ONE'") == [(1,)]

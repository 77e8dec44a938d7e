"""Golden cases: operators, functions, CASE, casts, windows, binds and types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from .cases_select import Cases


def cases_operators(q: Any) -> Cases:
    """Return cases about comparison, arithmetic, string operators and precedence."""
    sa, a = q.sa, q.authors
    c = a.c
    one = lambda expression: sa.select(c.id).where(expression)  # noqa: E731
    col = lambda expression: sa.select(expression.label("r"))  # noqa: E731
    return {
        "op_compare": lambda: one(
            sa.and_(c.age < 1, c.age <= 2, c.age > 3, c.age >= 4, c.age != 5)
        ),
        "op_reverse": lambda: one(c.age > 5),
        "op_columns": lambda: one(c.name == c.email),
        "op_arithmetic": lambda: col((c.age + 1) * 2 - c.id),
        "op_precedence": lambda: col(c.age + c.id * 2 - (c.age - c.id)),
        "op_minus_right": lambda: col(c.age - (c.id - 1)),
        "op_div": lambda: col(c.age / c.id),
        "op_div_literal": lambda: col(c.age / 2),
        "op_div_numeric": lambda: col(c.rating / 2),
        "op_floordiv": lambda: col(c.age // 2),
        "op_floordiv_float": lambda: col(c.score // 2),
        "op_mod": lambda: col(c.age % 3),
        "op_neg": lambda: col(-c.age),
        "op_neg_group": lambda: col(-(c.age + 1)),
        "op_radd": lambda: col(10 - c.age),
        "op_pow": lambda: col(sa.func.pow(c.age, 2)),
        "op_concat": lambda: col(c.name + " " + c.email),
        "op_concat_method": lambda: col(c.name.concat("x")),
        "op_bitwise": lambda: col(c.age.bitwise_and(1).bitwise_or(2).bitwise_and(4)),
        "op_bitwise_xor": lambda: col(c.age.bitwise_xor(4)),
        "op_shift": lambda: col(c.age.bitwise_lshift(2).bitwise_rshift(1)),
        "op_bitwise_not": lambda: col(c.age.bitwise_not()),
        "op_custom": lambda: col(c.age.op("&&&")(3)),
        "op_custom_precedence": lambda: col(c.age.op("@@", precedence=5)(3) + 1),
        "op_bool_op": lambda: one(c.name.bool_op("~~>")("x")),
        "op_is": lambda: one(c.age.is_(None)),
        "op_is_not": lambda: one(c.age.is_not(None)),
        "op_is_distinct": lambda: one(c.age.is_distinct_from(5)),
        "op_is_not_distinct": lambda: one(c.age.is_not_distinct_from(c.id)),
        "op_like": lambda: one(c.name.like("a%")),
        "op_like_escape": lambda: one(c.name.like("a/%", escape="/")),
        "op_not_like": lambda: one(c.name.not_like("a%")),
        "op_ilike": lambda: one(c.name.ilike("a%")),
        "op_not_ilike": lambda: one(c.name.not_ilike("a%")),
        "op_startswith": lambda: one(c.name.startswith("a")),
        "op_endswith": lambda: one(c.name.endswith("a")),
        "op_contains": lambda: one(c.name.contains("a")),
        "op_contains_auto": lambda: one(c.name.contains("a%b", autoescape=True)),
        "op_not_contains": lambda: one(~c.name.contains("a")),
        "op_startswith_column": lambda: one(c.name.startswith(c.email)),
        "op_icontains": lambda: one(c.name.icontains("A")),
        "op_istartswith": lambda: one(c.name.istartswith("A")),
        "op_iendswith": lambda: one(c.name.iendswith("A")),
        "op_between": lambda: one(c.age.between(1, 9)),
        "op_between_symmetric": lambda: one(c.age.between(1, 9, symmetric=True)),
        "op_not_between": lambda: one(~c.age.between(1, 9)),
        "op_in": lambda: one(c.id.in_([1, 2, 3])),
        "op_in_one": lambda: one(c.id.in_([1])),
        "op_in_empty": lambda: one(c.id.in_([])),
        "op_not_in": lambda: one(c.id.not_in([1, 2])),
        "op_invert_in": lambda: one(~c.id.in_([1, 2])),
        "op_in_expressions": lambda: one(c.id.in_([c.age, 5])),
        "op_in_bind": lambda: one(c.id.in_(sa.bindparam("ids", expanding=True))),
        "op_tuple_in": lambda: one(sa.tuple_(c.id, c.name).in_([(1, "a"), (2, "b")])),
        "op_tuple_eq": lambda: one(sa.tuple_(c.id, c.age) == sa.tuple_(1, 2)),
        "op_tuple_gt": lambda: one(sa.tuple_(c.id, c.age) > (1, 2)),
        "op_collate": lambda: one(sa.collate(c.name, "C") == "x"),
        "op_collate_order": lambda: sa.select(c.id).order_by(c.name.collate("de_DE").desc()),
        "op_regexp": lambda: one(c.name.regexp_match("^a")),
        "op_regexp_flags": lambda: one(c.name.regexp_match("^a", flags="i")),
        "op_not_regexp": lambda: one(~c.name.regexp_match("^a")),
        "op_regexp_replace": lambda: col(c.name.regexp_replace("a", "b")),
        "op_match": lambda: one(c.name.match("word")),
        "op_interval_arithmetic": lambda: col(c.born + dt.timedelta(days=1)),
        "op_date_minus": lambda: col(c.born - dt.date(2020, 1, 1)),
        "op_string_number": lambda: one(c.rating > Decimal("1.5")),
        "op_float": lambda: one(c.score > 1.5),
        "op_big_integer": lambda: one(c.age > 2**40),
        "op_numeric_mul": lambda: col(c.rating * 2 + c.age),
    }


def cases_boolean(q: Any) -> Cases:
    """Return cases about AND, OR, NOT and where parentheses stand."""
    sa, c = q.sa, q.authors.c
    one = lambda expression: sa.select(c.id).where(expression)  # noqa: E731
    return {
        "bool_and": lambda: one((c.age > 1) & (c.age < 9)),
        "bool_or": lambda: one((c.age > 1) | (c.age < 9)),
        "bool_or_and": lambda: one((c.age > 1) | (c.age < 9) & (c.id == 1)),
        "bool_and_or": lambda: one(((c.age > 1) | (c.age < 9)) & (c.id == 1)),
        "bool_not_and": lambda: one(~((c.age > 1) & (c.age < 9))),
        "bool_not_or": lambda: one(sa.not_(sa.or_(c.age > 1, c.age < 9))),
        "bool_not_eq": lambda: one(~(c.age == 1)),
        "bool_not_gt": lambda: one(~(c.age > 1)),
        "bool_not_is": lambda: one(~c.age.is_(None)),
        "bool_not_like": lambda: one(~c.name.like("a")),
        "bool_not_not": lambda: one(~~(c.age > 1)),
        "bool_not_function": lambda: one(~sa.func.is_ok(c.id)),
        "bool_nested": lambda: one(
            sa.or_(sa.and_(c.age > 1, sa.or_(c.id == 1, c.id == 2)), c.name == "x")
        ),
        "bool_single": lambda: one(sa.and_(c.age > 1)),
        "bool_or_single": lambda: one(sa.or_(c.age > 1)),
        "bool_empty": lambda: one(sa.and_(sa.true())),
        "bool_compare_group": lambda: one((c.age > 1) == (c.id > 1)),
        "bool_in_columns": lambda: sa.select((c.age > 1).label("old"), c.age == 3),
        "bool_xor_shape": lambda: one(sa.and_(c.active, ~c.active)),
        "bool_many": lambda: one(sa.or_(*[c.id == i for i in range(6)])),
        "bool_column_eq_false": lambda: one(c.active.is_(False)),
    }


def cases_functions(q: Any) -> Cases:
    """Return cases about functions, aggregates, windows and their modifiers."""
    sa, a = q.sa, q.authors
    c, f = a.c, q.sa.func
    col = lambda expression: sa.select(expression)  # noqa: E731
    return {
        "func_count_star": lambda: col(f.count()).select_from(a),
        "func_count": lambda: col(f.count(c.id)),
        "func_sum_avg": lambda: sa.select(f.sum(c.age), f.avg(c.age), f.min(c.name)),
        "func_same_twice": lambda: sa.select(f.max(c.age), f.max(c.id)),
        "func_generic": lambda: col(f.my_function(c.id, 5, "x", None)),
        "func_package": lambda: col(f.pkg.sub.thing(c.id)),
        "func_mixed_case": lambda: col(f.MyFunction(1)),
        "func_coalesce": lambda: col(f.coalesce(c.name, "none")),
        "func_lower_eq": lambda: sa.select(c.id).where(f.lower(c.name) == "x"),
        "func_now": lambda: sa.select(f.now(), f.current_timestamp(), f.current_date()),
        "func_type": lambda: col(f.thing(c.id, type_=sa.Integer) + 5),
        "func_concat": lambda: col(f.concat(c.name, "-", c.email)),
        "func_char_length": lambda: col(f.char_length(c.name)),
        "func_random": lambda: sa.select(c.id).order_by(f.random()),
        "func_nested": lambda: col(f.round(f.avg(c.age), 2)),
        "func_array_agg": lambda: col(f.array_agg(c.name)),
        "func_string_agg": lambda: col(f.aggregate_strings(c.name, ",")),
        "func_filter": lambda: col(f.count(c.id).filter(c.age > 5)),
        "func_over": lambda: col(f.row_number().over(order_by=c.age)),
        "func_over_empty": lambda: col(f.count().over()).select_from(a),
        "func_over_partition": lambda: col(
            f.rank().over(partition_by=[c.name, c.email], order_by=[c.age.desc(), c.id])
        ),
        "func_over_rows": lambda: col(f.sum(c.age).over(order_by=c.id, rows=(-2, 0))),
        "func_over_range": lambda: col(f.sum(c.age).over(order_by=c.id, range_=(None, 5))),
        "func_over_groups": lambda: col(f.sum(c.age).over(order_by=c.id, groups=(0, None))),
        "func_filter_over": lambda: col(f.count(c.id).filter(c.age > 5).over(order_by=c.id)),
        "func_within_group": lambda: col(
            f.percentile_cont(0.5).within_group(c.age.desc())
        ),
        "func_rollup": lambda: sa.select(c.name, f.count(c.id)).group_by(f.rollup(c.name, c.age)),
        "func_grouping_sets": lambda: sa.select(c.name).group_by(
            f.grouping_sets(sa.tuple_(c.name), sa.tuple_(c.name, c.age))
        ),
        "func_cube": lambda: sa.select(c.name).group_by(f.cube(c.name, c.age)),
        "func_extract": lambda: col(sa.extract("year", c.born)),
        "func_extract_where": lambda: sa.select(c.id).where(sa.extract("month", c.born) == 5),
        "func_in_order": lambda: sa.select(c.id).order_by(f.lower(c.name).desc()),
        "func_label": lambda: col(f.upper(c.name).label("up")),
        "func_compare": lambda: sa.select(c.id).where(f.length(c.name) > f.length(c.email)),
        "func_select_from": lambda: sa.select(f.count()).select_from(q.posts),
        "func_distinct_args": lambda: col(f.sum(sa.distinct(c.age))),
    }


def cases_case_cast(q: Any) -> Cases:
    """Return cases about CASE, CAST, type_coerce, binds and literal values."""
    sa, c = q.sa, q.authors.c
    col = lambda expression: sa.select(expression)  # noqa: E731
    return {
        "case_searched": lambda: col(sa.case((c.age > 5, "old"), else_="young")),
        "case_two": lambda: col(sa.case((c.age > 5, 1), (c.age > 2, 2)).label("band")),
        "case_value": lambda: col(sa.case({"x": 1, "y": 2}, value=c.name, else_=0)),
        "case_else_column": lambda: col(sa.case((c.age == None, c.id), else_=c.age)),  # noqa: E711
        "case_in_order": lambda: sa.select(c.id).order_by(sa.case((c.age > 5, 0), else_=1)),
        "case_compare": lambda: sa.select(c.id).where(sa.case((c.age > 5, 1), else_=0) == 1),
        "cast_column": lambda: col(sa.cast(c.age, sa.String)),
        "cast_length": lambda: col(sa.cast(c.age, sa.String(10))),
        "cast_value": lambda: col(sa.cast("5", sa.Integer)),
        "cast_numeric": lambda: col(sa.cast(c.age, sa.Numeric(10, 2))),
        "cast_expression": lambda: col(sa.cast(c.age + 1, sa.Float)),
        "cast_method": lambda: col(c.age.cast(sa.BigInteger)),
        "cast_types": lambda: sa.select(
            sa.cast(c.name, sa.Date),
            sa.cast(c.email, sa.DateTime),
            sa.cast(c.age, sa.Boolean),
            sa.cast(c.id, sa.Text),
            sa.cast(c.score, sa.LargeBinary),
        ),
        "cast_compare": lambda: sa.select(c.id).where(sa.cast(c.name, sa.Integer) == 5),
        "cast_null": lambda: col(sa.cast(None, sa.Integer)),
        "type_coerce": lambda: col(sa.type_coerce(c.age, sa.String)),
        "type_coerce_value": lambda: sa.select(c.id).where(
            c.name == sa.type_coerce(5, sa.Integer)
        ),
        "try_cast": lambda: col(sa.try_cast(c.name, sa.Integer)),
        "bind_named": lambda: sa.select(c.id).where(c.name == sa.bindparam("who")),
        "bind_named_twice": lambda: sa.select(c.id).where(
            sa.or_(c.name == sa.bindparam("who"), c.email == sa.bindparam("who"))
        ),
        "bind_shared": lambda: _shared(q),
        "bind_value": lambda: sa.select(c.id).where(c.age == sa.bindparam("n", 5)),
        "bind_unique": lambda: sa.select(c.id).where(
            c.age == sa.bindparam("n", 5, unique=True), c.id == sa.bindparam("n", 6, unique=True)
        ),
        "bind_literal_execute": lambda: sa.select(c.id).where(
            c.age == sa.literal(5, literal_execute=True)
        ),
        "bind_type": lambda: col(sa.bindparam("x", type_=sa.Date)),
        "literal_types": lambda: sa.select(
            sa.literal(1.5),
            sa.literal(Decimal("1.5")),
            sa.literal(True),
            sa.literal(dt.date(2024, 1, 2)),
            sa.literal(dt.datetime(2024, 1, 2, 3, 4, 5)),
            sa.literal(b"x"),
        ),
        "text_select": lambda: sa.text("SELECT id FROM t WHERE x = :x AND y = ':no' AND z\\:z"),
        "text_bindparams": lambda: sa.text("SELECT :a, :b").bindparams(
            sa.bindparam("a", 5, type_=sa.Integer), b="x"
        ),
        "text_cast": lambda: sa.text("SELECT x::int, :y::text"),
        "text_columns": lambda: sa.text("SELECT id, name FROM authors WHERE id > :i").columns(
            c.id, c.name
        ),
        "text_subquery": lambda: sa.select(
            sa.text("SELECT id FROM authors").columns(sa.column("id", sa.Integer)).subquery("t")
        ),
        "text_in_and": lambda: sa.select(c.id).where(sa.and_(sa.text("a OR b"), c.id == 1)),
    }


def _shared(q: Any) -> Any:
    """Return a grouping by the very expression that is selected, with one bind."""
    expression = q.authors.c.age + 5
    return q.sa.select(expression).group_by(expression)


def cases_postgresql(q: Any) -> Cases:
    """Return cases over PostgreSQL's arrays, JSON and its own constructs."""
    sa, pg, c = q.sa, q.pg, q.documents.c
    one = lambda expression: sa.select(c.id).where(expression)  # noqa: E731
    col = lambda expression: sa.select(expression)  # noqa: E731
    return {
        "pg_array_any": lambda: one(c.labels.any("x")),
        "pg_array_all": lambda: one(c.numbers.all(5)),
        "pg_array_any_value": lambda: one(sa.any_(c.numbers) == 5),
        "pg_array_contains": lambda: one(c.labels.contains(["a", "b"])),
        "pg_array_contained": lambda: one(c.labels.contained_by(["a"])),
        "pg_array_overlap": lambda: one(c.labels.overlap(["a"])),
        "pg_array_index": lambda: col(c.labels[1]),
        "pg_array_slice": lambda: col(c.labels[1:3]),
        "pg_array_literal": lambda: col(pg.array([1, 2, 3])),
        "pg_array_concat": lambda: col(c.numbers + pg.array([4])),
        "pg_array_eq": lambda: one(c.numbers == [1, 2]),
        "pg_jsonb_key": lambda: col(c.data["k"]),
        "pg_jsonb_index": lambda: col(c.data["k"][3]),
        "pg_jsonb_text": lambda: one(c.data["k"].astext == "v"),
        "pg_jsonb_path": lambda: col(c.data[("a", "b")]),
        "pg_jsonb_path_text": lambda: col(c.data[("a", 1)].astext),
        "pg_jsonb_integer": lambda: one(c.data["k"].as_integer() == 5),
        "pg_jsonb_string": lambda: one(c.data["k"].as_string() == "x"),
        "pg_jsonb_boolean": lambda: one(c.data["k"].as_boolean() == True),  # noqa: E712
        "pg_jsonb_float": lambda: one(c.data["k"].as_float() > 1.5),
        "pg_jsonb_contains": lambda: one(c.data.contains({"a": 1})),
        "pg_jsonb_has_key": lambda: one(c.data.has_key("a")),
        "pg_jsonb_has_any": lambda: one(c.data.has_any(pg.array(["a", "b"]))),
        "pg_jsonb_path_exists": lambda: one(c.data.path_exists("$.a")),
        "pg_jsonb_delete": lambda: col(c.data - "k"),
        "pg_json_key": lambda: col(c.plain["k"]),
        "pg_json_eq": lambda: one(c.plain["k"].as_integer() > 1),
        "pg_json_generic": lambda: col(q.events.c.payload["k"]["l"]),
        "pg_json_generic_string": lambda: sa.select(q.events.c.id).where(
            q.events.c.payload["k"].as_string() == "x"
        ),
        "pg_json_generic_path": lambda: col(q.events.c.payload[("a", "b")].as_integer()),
        "pg_range_contains": lambda: one(c.span.contains(5)),
        "pg_uuid_eq": lambda: one(c.token == sa.bindparam("u", type_=sa.Uuid)),
        "pg_aggregate_order": lambda: col(
            sa.func.array_agg(pg.aggregate_order_by(c.id, c.id.desc()))
        ),
        "pg_to_tsvector": lambda: one(
            sa.func.to_tsvector("english", c.token).bool_op("@@")(sa.func.to_tsquery("x"))
        ),
        "pg_op_question": lambda: one(c.data.op("?")("a")),
        "pg_cast_array": lambda: col(sa.cast(c.labels, pg.ARRAY(sa.Text))),
        "pg_at_time_zone": lambda: col(q.events.c.at.op("AT TIME ZONE")("UTC")),
    }

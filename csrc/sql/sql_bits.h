/*
 * sql_bits.h - the bits of a node's aux word, by kind.
 *
 * Place: a part of sql_node.h, which includes it.
 */
#ifndef ORM_SQL_BITS_H
#define ORM_SQL_BITS_H

/* aux bits by kind. */
enum { ORM_BIND_UNIQUE = 1 /* anonymous: name is a body to be numbered */, ORM_BIND_REQUIRED = 2,
       ORM_BIND_CALLABLE = 4, ORM_BIND_EXPANDING = 8, ORM_BIND_LITERAL_EXECUTE = 16,
       ORM_BIND_NO_VALUE = 32 /* payload NULL: comes with the execution */,
       ORM_BIND_LIMIT = 64 /* LIMIT/OFFSET integer: rendered inline by literal_binds only */,
       ORM_BIND_OUT = 128, ORM_BIND_TUPLE_SHIFT = 16 /* IN of tuples: arity in the high half */ };
enum { ORM_FRAGMENT_COLUMN = 1 /* literal_column */, ORM_FRAGMENT_ANON = 2 };
/* BINARY with a JSON subscript: the text of what is there, whatever the type. */
enum { ORM_JSON_ASTEXT = 1 };
/* BINARY with op CUSTOM: payload is the text, the high half of aux the precedence (int16). */
enum { ORM_CUSTOMOP_COMPARISON = 1, ORM_CUSTOMOP_EAGER = 2 };
enum { ORM_LIST_GROUPED = 1 /* parentheses belong to it */, ORM_LIST_ROWS = 2 /* multi VALUES */,
       ORM_LIST_ORDERED = 4 /* ordered_values */, ORM_LIST_DEFAULTS = 8 /* from_select include_defaults */ };
enum { ORM_FUNC_NOPARENS = 1 /* CURRENT_TIMESTAMP */, ORM_FUNC_GENERIC = 2 /* a known function */,
       ORM_FUNC_AGGREGATE = 4, ORM_FUNC_ID_SHIFT = 16 /* orm_func_id in the high half */ };
enum { ORM_FRAME_ROWS = 1, ORM_FRAME_RANGE = 2, ORM_FRAME_GROUPS = 3, ORM_FRAME_UNIT = 3,
       /* bounds, 3 bits each at LO and HI: */ ORM_FRAME_LO = 2, ORM_FRAME_HI = 5,
       ORM_BOUND_UNBOUNDED = 0, ORM_BOUND_CURRENT = 1, ORM_BOUND_PRECEDING = 2, ORM_BOUND_FOLLOWING = 3,
       ORM_FRAME_EXCLUDE = 8 /* 2 bits: + CURRENT ROW, GROUP, TIES, NO OTHERS as 1..4 */ };
enum { ORM_CUSTOM_ELEMENT = 0, ORM_CUSTOM_COLUMN = 1, ORM_CUSTOM_FUNC = 2, ORM_CUSTOM_FROM = 3,
       ORM_CUSTOM_STMT = 4, ORM_CUSTOM_DDL = 5 };
enum { ORM_ENTITY_ALIASED = 1, ORM_ENTITY_TEMPLATE = 2 /* placeholder of a relationship's join */ };
enum { ORM_ALIAS_EXCLUDED = 1 /* ON CONFLICT's pseudo table: never a FROM */, ORM_ALIAS_SAMPLE = 2 };
/* A CTE's cells: statement, older form, nested ones, PREFIX lists, columns. */
enum { ORM_CTE_STMT, ORM_CTE_RESTATED, ORM_CTE_NESTED, ORM_CTE_PREFIX, ORM_CTE_SUFFIX, ORM_CTE_CACHE,
       ORM_CTE__COUNT };
enum { ORM_CTE_RECURSIVE = 1, ORM_CTE_NESTING = 2, ORM_CTE_MATERIALIZED = 4, ORM_CTE_NOT_MATERIALIZED = 8 };
enum { ORM_JOIN_OUTER = 1, ORM_JOIN_FULL = 2 };
enum { ORM_VALUES_LITERAL = 1, ORM_VALUES_LATERAL = 2, ORM_VALUES_CTE = 4, ORM_VALUES_SCALAR = 8 };
enum { ORM_FROMFUNC_DERIVED = 1, ORM_FROMFUNC_TYPES = 2, ORM_FROMFUNC_IMPLICIT = 4,
       ORM_FROMFUNC_LATERAL = 8, ORM_FROMFUNC_ORDINALITY = 16, ORM_FROMFUNC_SCALAR = 32 };
enum { ORM_LOCK_READ = 1, ORM_LOCK_NOWAIT = 2, ORM_LOCK_SKIP = 4, ORM_LOCK_KEY_SHARE = 8 };

#endif

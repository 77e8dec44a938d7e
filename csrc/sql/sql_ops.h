/*
 * sql_ops.h - the table of operators: one line each, read by everyone who asks anything
 *   about an operator.
 *
 * Place: included by sql_node.h. Constructors take result type and negation from here, the
 *   renderer text and precedence, `pyorm.sql.operators` the Python name.
 * Columns: NAME, Python name, SQL text (infix with its blanks; prefix or suffix for unary
 *   operators; "" where the renderer has its own form), precedence (higher binds tighter),
 *   flags ORM_OPF_*, the operator that NOT turns it into (NONE: NOT is written out).
 */
#ifndef ORM_SQL_OPS_H
#define ORM_SQL_OPS_H

enum {
    ORM_OPF_BOOL = 1,     /* result is Boolean */
    ORM_OPF_ARITH = 2,    /* result by the arithmetic table of the operand types */
    ORM_OPF_LEFT = 4,     /* result has the left operand's type */
    ORM_OPF_STRING = 8,   /* result is String when the left operand's type is none */
    ORM_OPF_ASSOC = 16,   /* a op (b op c) needs no parentheses; chains add no depth */
    ORM_OPF_EQUAL = 32,   /* operator class EQUALITY: == and != */
    ORM_OPF_COMPARE = 64, /* comparison: the operand's bind takes the other side's type */
    ORM_OPF_LIKE = 128,   /* may carry ESCAPE */
    ORM_OPF_PREFIX = 256, /* unary, before its operand */
    ORM_OPF_SUFFIX = 512, /* unary, after its operand */
    ORM_OPF_CALL = 1024,  /* the renderer writes a function or its own form */
    ORM_OPF_ORDER = 2048, /* operator class ORDERING: < <= > >= */
    ORM_OPF_LEFTONLY = 4096, /* not commutative: parentheses on an equal precedence right side */
};

#define ORM_OPF_CMP (ORM_OPF_BOOL | ORM_OPF_COMPARE)

#define ORM_OPS(X) \
    X(NONE, "", "", 20, 0, NONE) \
    /* lists */ \
    X(AND, "and_", " AND ", 3, ORM_OPF_BOOL | ORM_OPF_ASSOC, NONE) \
    X(OR, "or_", " OR ", 2, ORM_OPF_BOOL | ORM_OPF_ASSOC, NONE) \
    X(COMMA, "comma_op", ", ", -1, 0, NONE) \
    /* comparison */ \
    X(EQ, "eq", " = ", 5, ORM_OPF_CMP | ORM_OPF_EQUAL, NE) \
    X(NE, "ne", " != ", 5, ORM_OPF_CMP | ORM_OPF_EQUAL, EQ) \
    X(LT, "lt", " < ", 5, ORM_OPF_CMP | ORM_OPF_ORDER, GE) \
    X(LE, "le", " <= ", 5, ORM_OPF_CMP | ORM_OPF_ORDER, GT) \
    X(GT, "gt", " > ", 5, ORM_OPF_CMP | ORM_OPF_ORDER, LE) \
    X(GE, "ge", " >= ", 5, ORM_OPF_CMP | ORM_OPF_ORDER, LT) \
    X(IS, "is_", " IS ", 5, ORM_OPF_CMP, IS_NOT) \
    X(IS_NOT, "is_not", " IS NOT ", 5, ORM_OPF_CMP, IS) \
    X(DISTINCT_FROM, "is_distinct_from", " IS DISTINCT FROM ", 5, ORM_OPF_CMP, NOT_DISTINCT_FROM) \
    X(NOT_DISTINCT_FROM, "is_not_distinct_from", " IS NOT DISTINCT FROM ", 5, ORM_OPF_CMP, DISTINCT_FROM) \
    X(IN, "in_op", " IN ", 5, ORM_OPF_CMP, NOT_IN) \
    X(NOT_IN, "not_in_op", " NOT IN ", 5, ORM_OPF_CMP, IN) \
    X(BETWEEN, "between_op", " BETWEEN ", 5, ORM_OPF_CMP, NOT_BETWEEN) \
    X(NOT_BETWEEN, "not_between_op", " NOT BETWEEN ", 5, ORM_OPF_CMP, BETWEEN) \
    X(BETWEEN_SYM, "between_op", " BETWEEN SYMMETRIC ", 5, ORM_OPF_CMP, NOT_BETWEEN_SYM) \
    X(NOT_BETWEEN_SYM, "not_between_op", " NOT BETWEEN SYMMETRIC ", 5, ORM_OPF_CMP, BETWEEN_SYM) \
    /* strings; the CONTAINS family renders as `LIKE '%' || x || '%'` */ \
    X(LIKE, "like_op", " LIKE ", 5, ORM_OPF_CMP | ORM_OPF_LIKE, NOT_LIKE) \
    X(NOT_LIKE, "not_like_op", " NOT LIKE ", 5, ORM_OPF_CMP | ORM_OPF_LIKE, LIKE) \
    X(ILIKE, "ilike_op", " ILIKE ", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_ILIKE) \
    X(NOT_ILIKE, "not_ilike_op", " NOT ILIKE ", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, ILIKE) \
    X(STARTSWITH, "startswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_STARTSWITH) \
    X(NOT_STARTSWITH, "not_startswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, STARTSWITH) \
    X(ENDSWITH, "endswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_ENDSWITH) \
    X(NOT_ENDSWITH, "not_endswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, ENDSWITH) \
    X(CONTAINS, "contains_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_CONTAINS) \
    X(NOT_CONTAINS, "not_contains_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, CONTAINS) \
    X(ISTARTSWITH, "istartswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_ISTARTSWITH) \
    X(NOT_ISTARTSWITH, "not_istartswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, ISTARTSWITH) \
    X(IENDSWITH, "iendswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_IENDSWITH) \
    X(NOT_IENDSWITH, "not_iendswith_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, IENDSWITH) \
    X(ICONTAINS, "icontains_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, NOT_ICONTAINS) \
    X(NOT_ICONTAINS, "not_icontains_op", "", 5, ORM_OPF_CMP | ORM_OPF_LIKE | ORM_OPF_CALL, ICONTAINS) \
    X(MATCH, "match_op", "", 5, ORM_OPF_CMP | ORM_OPF_CALL, NOT_MATCH) \
    X(NOT_MATCH, "not_match_op", "", 5, ORM_OPF_CMP | ORM_OPF_CALL, MATCH) \
    X(REGEXP, "regexp_match_op", "", 5, ORM_OPF_CMP | ORM_OPF_CALL, NOT_REGEXP) \
    X(NOT_REGEXP, "not_regexp_match_op", "", 5, ORM_OPF_CMP | ORM_OPF_CALL, REGEXP) \
    X(REGEXP_REPLACE, "regexp_replace_op", "", 5, ORM_OPF_CALL | ORM_OPF_LEFT, NONE) \
    X(CONCAT, "concat_op", " || ", 6, ORM_OPF_ASSOC | ORM_OPF_LEFT | ORM_OPF_STRING, NONE) \
    /* arithmetic */ \
    X(ADD, "add", " + ", 7, ORM_OPF_ARITH | ORM_OPF_ASSOC, NONE) \
    X(SUB, "sub", " - ", 7, ORM_OPF_ARITH | ORM_OPF_LEFTONLY, NONE) \
    X(MUL, "mul", " * ", 8, ORM_OPF_ARITH | ORM_OPF_ASSOC, NONE) \
    X(TRUEDIV, "truediv", " / ", 8, ORM_OPF_ARITH | ORM_OPF_LEFTONLY | ORM_OPF_CALL, NONE) \
    X(FLOORDIV, "floordiv", " / ", 8, ORM_OPF_ARITH | ORM_OPF_LEFTONLY | ORM_OPF_CALL, NONE) \
    X(MOD, "mod", " % ", 8, ORM_OPF_ARITH | ORM_OPF_LEFTONLY, NONE) \
    X(POW, "pow", "", 9, ORM_OPF_ARITH | ORM_OPF_CALL, NONE) \
    X(MATMUL, "matmul", " @ ", 8, ORM_OPF_LEFT, NONE) \
    X(BIT_AND, "bitwise_and_op", " & ", 7, ORM_OPF_LEFT, NONE) \
    X(BIT_OR, "bitwise_or_op", " | ", 7, ORM_OPF_LEFT, NONE) \
    X(BIT_XOR, "bitwise_xor_op", " ^ ", 7, ORM_OPF_LEFT | ORM_OPF_CALL, NONE) \
    X(LSHIFT, "bitwise_lshift_op", " << ", 7, ORM_OPF_LEFT | ORM_OPF_LEFTONLY, NONE) \
    X(RSHIFT, "bitwise_rshift_op", " >> ", 7, ORM_OPF_LEFT | ORM_OPF_LEFTONLY, NONE) \
    /* unary */ \
    X(NEG, "neg", "-", 8, ORM_OPF_PREFIX | ORM_OPF_LEFT, NONE) \
    X(BIT_NOT, "bitwise_not_op", "~", 8, ORM_OPF_PREFIX | ORM_OPF_LEFT, NONE) \
    X(NOT, "inv", "NOT ", 4, ORM_OPF_PREFIX | ORM_OPF_BOOL, NONE) \
    X(ASC, "asc_op", " ASC", 3, ORM_OPF_SUFFIX | ORM_OPF_LEFT, NONE) \
    X(DESC, "desc_op", " DESC", 3, ORM_OPF_SUFFIX | ORM_OPF_LEFT, NONE) \
    X(NULLS_FIRST, "nulls_first_op", " NULLS FIRST", 3, ORM_OPF_SUFFIX | ORM_OPF_LEFT, NONE) \
    X(NULLS_LAST, "nulls_last_op", " NULLS LAST", 3, ORM_OPF_SUFFIX | ORM_OPF_LEFT, NONE) \
    X(DISTINCT, "distinct_op", "DISTINCT ", 5, ORM_OPF_PREFIX | ORM_OPF_LEFT, NONE) \
    X(ANY, "any_op", "ANY ", 15, ORM_OPF_CALL, NONE) \
    X(ALL, "all_op", "ALL ", 15, ORM_OPF_CALL, NONE) \
    X(IS_TRUE, "is_true", "", 5, ORM_OPF_BOOL | ORM_OPF_CALL, IS_FALSE) \
    X(IS_FALSE, "is_false", "", 5, ORM_OPF_BOOL | ORM_OPF_CALL, IS_TRUE) \
    X(EXISTS, "exists", "EXISTS ", 0, ORM_OPF_PREFIX | ORM_OPF_BOOL, NONE) \
    /* JSON and arrays; the result type is the type's word (index, JSON, text) */ \
    X(GETITEM, "getitem", "", 15, ORM_OPF_CALL, NONE) \
    X(JSON_GETITEM, "json_getitem_op", " -> ", 15, ORM_OPF_CALL, NONE) \
    X(JSON_PATH, "json_path_getitem_op", " #> ", 15, ORM_OPF_CALL, NONE) \
    /* statements and lists of them */ \
    X(UNION, "union", " UNION ", 0, 0, NONE) \
    X(UNION_ALL, "union_all", " UNION ALL ", 0, 0, NONE) \
    X(INTERSECT, "intersect", " INTERSECT ", 0, 0, NONE) \
    X(INTERSECT_ALL, "intersect_all", " INTERSECT ALL ", 0, 0, NONE) \
    X(EXCEPT, "except_", " EXCEPT ", 0, 0, NONE) \
    X(EXCEPT_ALL, "except_all", " EXCEPT ALL ", 0, 0, NONE) \
    X(CORRELATE, "correlate", "", 0, 0, NONE) \
    X(CORRELATE_EXCEPT, "correlate_except", "", 0, 0, NONE) \
    /* op("..."): text, precedence and flags stand in the operator record in payload */ \
    X(CUSTOM, "custom_op", "", 0, 0, NONE)

typedef enum {
#define X(NAME, py, sql, prec, flags, neg) ORM_OP_##NAME,
    ORM_OPS(X)
#undef X
    ORM_OP__COUNT
} orm_op;

typedef struct orm_op_info {
    const char *py;   /* name in pyorm.sql.operators */
    const char *sql;  /* text, with its blanks */
    short precedence; /* higher binds tighter */
    short flags;      /* ORM_OPF_* */
    orm_op negation;  /* ORM_OP_NONE: NOT (...) */
} orm_op_info;

extern const orm_op_info orm_op_table[ORM_OP__COUNT];

#endif

/*
 * types/types.h - kinds of values and how they travel: the public header of the room.
 *
 * Place: sql/ keeps `orm_type` pointers in nodes, slots and result columns; exec/ encodes
 *   parameters and decodes cells with the codecs chosen here; pyorm/types.py makes the
 *   Python classes over `_core.TypeEngine`.
 * Invariants: a record is immutable and interned: equal (class, constructor arguments) give
 *   the same pointer while one is alive, so pointer equality is type equality in a statement
 *   key. A record that must not be a part of a key carries ORM_TF_UNCACHEABLE.
 * Values arrive exactly or raise: every encoder checks the range of its kind and raises
 *   DataError with table, column and row before anything is sent.
 * Everything here needs the GIL. Wire formats: PostgreSQL's documentation "Message formats"
 *   and the send/recv functions' documented layouts; SQLite's storage classes.
 */
#ifndef ORM_TYPES_TYPES_H
#define ORM_TYPES_TYPES_H

#include "base/base.h"
#include "py/py.h"

/* Kinds. X(name): ORM_T_name, and the name that Python's record specs use. */
#define ORM_TYPE_KINDS(X)                                                                     \
    X(NULL)     /* no type known: by the value's Python type, by the wire's type */           \
    X(INT16)                                                                                  \
    X(INT32)                                                                                  \
    X(INT64)                                                                                  \
    X(FLOAT32)  /* REAL */                                                                    \
    X(FLOAT)    /* double */                                                                  \
    X(NUMERIC)                                                                                \
    X(BOOL)                                                                                   \
    X(STRING)   /* VARCHAR, CHAR and everything with length */                                \
    X(TEXT)                                                                                   \
    X(BYTES)                                                                                  \
    X(DATE)                                                                                   \
    X(TIME)                                                                                   \
    X(DATETIME)                                                                               \
    X(INTERVAL)                                                                               \
    X(UUID)                                                                                   \
    X(JSON)                                                                                   \
    X(JSONB)                                                                                  \
    X(ENUM)                                                                                   \
    X(ARRAY)                                                                                  \
    X(INET)     /* inet, cidr as text */                                                      \
    X(MACADDR)  /* macaddr, macaddr8 as text */                                               \
    X(BIT)                                                                                    \
    X(OID)                                                                                    \
    X(JSONPATH)                                                                               \
    X(RANGE)    /* the bounds' type is the item */                                            \
    X(MULTIRANGE) /* likewise */                                                              \
    X(HSTORE)                                                                                 \
    X(OPAQUE)   /* sent as text and read as one, the server casts: tsvector, tsquery, money */ \
    X(USER)     /* a class with its own bind/result processors over the driver's values */    \
    X(DECORATOR) /* TypeDecorator: hooks around impl */                                       \
    X(TUPLE)    /* row values in IN: item types are in extra */

typedef enum orm_type_kind {
#define ORM_T_DEFINE(name) ORM_T_##name,
    ORM_TYPE_KINDS(ORM_T_DEFINE)
#undef ORM_T_DEFINE
        ORM_T_COUNT
} orm_type_kind;

/* Flags of a record. */
#define ORM_TF_PY_BIND 0x0001u     /* encode calls Python: a hook of the class */
#define ORM_TF_PY_RESULT 0x0002u   /* decode calls Python */
#define ORM_TF_UNCACHEABLE 0x0004u /* statements with it are compiled each time */
#define ORM_TF_TZ 0x0008u          /* DateTime/Time(timezone=True) */
#define ORM_TF_ASDECIMAL 0x0010u   /* NUMERIC and FLOAT give Decimal */
#define ORM_TF_NULL_AWARE 0x0020u  /* None goes through encode, NULL through decode */
#define ORM_TF_AS_TUPLE 0x0040u    /* ARRAY gives tuples */
#define ORM_TF_STR_UUID 0x0080u    /* Uuid(as_uuid=False): str in and out */
#define ORM_TF_CHAR_UUID 0x0100u   /* Uuid(native_uuid=False): CHAR(32) also on PostgreSQL */
#define ORM_TF_NONE_AS_NULL 0x0200u /* JSON(none_as_null=True) */
#define ORM_TF_BIND_EXPR 0x0400u   /* has bind_expression(): sql/ wraps the placeholder */
#define ORM_TF_COLUMN_EXPR 0x0800u /* has column_expression(): sql/ wraps the column */
#define ORM_TF_VARIANT 0x1000u     /* impl differs by dialect */
#define ORM_TF_COMPARATOR 0x2000u  /* the class has its own comparator_factory */
#define ORM_TF_BIND_CAST 0x4000u   /* PostgreSQL shows `$1::type`: render_bind_cast */

typedef struct orm_type orm_type;
typedef struct orm_codec orm_codec;

/* A kind of value with its parameters; `_core.TypeRecord`. */
struct orm_type {
    PyObject_HEAD
    uint8_t kind;       /* orm_type_kind */
    uint8_t interned;   /* 1: it is in st->type_records under `key` */
    uint16_t _pad;      /* 0 */
    uint32_t flags;     /* ORM_TF_* */
    int32_t length;     /* characters or bytes; NUMERIC, FLOAT: decimals of a Decimal that is
                         * made from a float; -1 none */
    int32_t precision;  /* digits or bits; -1 none */
    int32_t scale;      /* digits after the point; ARRAY: dimensions; -1 none */
    uint32_t oid;       /* PostgreSQL's type, 0: the server infers */
    uint32_t array_oid; /* PostgreSQL's array of it, 0 likewise */
    uint32_t _pad2;     /* 0 */
    uint64_t hash;      /* of the interned identity: stable while the record lives */
    orm_type *item;     /* ARRAY: the elements', RANGE: the bounds', DECORATOR: NULL; owned */
    orm_type *impl[ORM_NDIALECTS];         /* what a dialect uses instead; owned, NULL: itself */
    const orm_codec *codec[ORM_NDIALECTS]; /* never NULL after creation; static */
    PyObject *engine;   /* the first TypeEngine instance of this record; owned */
    PyObject *key;      /* what it is interned by; owned, NULL if not interned */
    PyObject *extra;    /* ENUM: (labels, values); TUPLE: types; else NULL; owned */
    PyObject *py_bind[ORM_NDIALECTS];   /* hook called with a value, made at first use */
    PyObject *py_result[ORM_NDIALECTS]; /* likewise */
    PyObject *hook_dialect[ORM_NDIALECTS]; /* the dialect object the hooks were made for */
    void *table;        /* ENUM: label -> member (enum.c); owned, NULL else */
    PyObject *home;     /* the dict it is interned in; owned. Not through the state, which at
                         * the interpreter's end may go before the last record */
};

/* Everything an encoder may need besides type and value. Made per execution by exec/. */
typedef struct orm_bindctx {
    orm_state *st;
    orm_arena *arena;         /* what out->u.p points into, or into memory of the value */
    uint8_t dialect;          /* ORM_PG, ORM_LITE */
    uint8_t stored;           /* 1: goes into a column of this type: checked by the column's
                               * range; 0: is compared with one, or an operand: ints of
                               * 32-bit types go as int4, or as int8 where they need it */
    uint8_t lenient;          /* profile "sqlalchemy": its ways with aware datetimes, Numeric */
    uint8_t wide;             /* 1: ints that are not stored all go as int8: set while an array
                               * with one that needs it is written */
    PyObject *dialect_obj;    /* the Python dialect for hooks; borrowed, NULL: None is given */
    PyObject *json_dumps;     /* engine's json_serializer; borrowed, NULL: json.dumps */
    PyObject *owners;         /* list that keeps objects alive whose memory is bound; or NULL:
                               * everything is copied into the arena */
    const char *table;        /* for messages, NULL: unknown */
    PyObject *column;         /* name for messages (str); borrowed, NULL: unknown */
    int64_t row;              /* row of a batch for messages, -1: only one */
} orm_bindctx;

/* Everything a decoder may need besides type and cell. Made per result by exec/. */
typedef struct orm_decctx {
    orm_state *st;
    uint8_t dialect;          /* ORM_PG, ORM_LITE */
    uint8_t lenient;          /* as in orm_bindctx */
    uint16_t _pad;
    PyObject *dialect_obj;    /* borrowed, or NULL */
    PyObject *json_loads;     /* engine's json_deserializer; borrowed, NULL: json's scanner */
    const char *column;       /* name for messages, or NULL */
    int64_t row;              /* of the result, from 1, for messages; 0: unknown */
} orm_decctx;

/* Turn v (never NULL) into *out. 0, or -1 with an exception. */
typedef int (*orm_encode_fn)(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out);

/* Turn a cell into a new object, NULL with an exception. */
typedef PyObject *(*orm_decode_fn)(orm_decctx *c, orm_type *t, const orm_cell *cell);

struct orm_codec {
    const char *name;     /* for messages and tests */
    orm_encode_fn encode; /* never NULL */
    orm_decode_fn decode; /* never NULL */
};

/* How one result column is decoded: chosen once per result plan and wire type. */
typedef struct orm_decoder {
    orm_decode_fn fn;   /* never NULL */
    orm_type *type;     /* handed to fn; borrowed from the declared type or the state */
    uint8_t null_aware; /* 1: fn wants NULL cells too; 0: NULL is None without a call */
} orm_decoder;

/* The record of a TypeEngine instance or class. New reference, NULL with an exception. */
ORM_OWNED orm_type *orm_type_of(orm_state *st, PyObject *type_or_class);

/* The record a bare Python value has in an expression: bool, int by size, float, str, bytes,
 * Decimal, date, datetime, time, timedelta, UUID, list (ARRAY of the first element's type
 * is not guessed: NULL type); None and anything else: the NULL type. New reference. */
ORM_OWNED orm_type *orm_type_for_value(orm_state *st, PyObject *v);

/* The plain record of a kind (Integer for INT32, ...). Borrowed from the state, or NULL. */
ORM_BORROWED orm_type *orm_type_builtin(orm_state *st, orm_type_kind kind);

/* What the dialect really uses: t itself or its variant. Borrowed from t. */
static inline orm_type *
orm_type_impl(orm_type *t, uint8_t dialect)
{
    return t->impl[dialect] != NULL ? t->impl[dialect] : t;
}

/* Encode v for type t: None is NULL unless the type wants to see it. 0/-1. */
ORM_RAISES int orm_type_encode(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out);

/* Encode a list, tuple or other sequence as PostgreSQL's array of `item`, for `= ANY($1)` and
 * unnest. c->stored 0: whole numbers are int4, or all int8 where one needs it. 0/-1. */
ORM_RAISES int orm_type_encode_array(orm_bindctx *c, orm_type *item, PyObject *values,
                                     orm_param *out);

/* Choose the decoder of a result column: by its declared type (NULL or the NULL type: none)
 * and what the wire says (PostgreSQL: oid; SQLite: 0, then by each cell's storage class).
 * 0/-1. The pair may differ: sum() of an Integer arrives as int8. */
ORM_RAISES int orm_decoder_pick(orm_state *st, orm_type *t, uint8_t dialect, uint32_t oid,
                                orm_decoder *out);

/* The record for a PostgreSQL type without a declared one; text for what is unknown.
 * Borrowed from the state, NULL with an exception. */
ORM_BORROWED orm_type *orm_type_for_oid(orm_state *st, uint32_t oid);

/* The OID of `t`'s parameters on PostgreSQL: what out->oid will be for stored values. */
static inline uint32_t
orm_type_oid(orm_type *t)
{
    return orm_type_impl(t, ORM_PG)->oid;
}

/* Raise pyorm.exc.DataError "<what>: column t.c, row n" for a value that cannot be kept.
 * Always -1. */
ORM_RAISES int orm_bind_error(orm_bindctx *c, PyObject *v, const char *format, ...);

ORM_RAISES int orm_types_setup(PyObject *module, orm_state *st);

#endif /* ORM_TYPES_TYPES_H */

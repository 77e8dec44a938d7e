/*
 * types/types_int.h - between the files of types/: the room's own state, codecs by kind.
 */
#ifndef ORM_TYPES_INT_H
#define ORM_TYPES_INT_H

#include "types/types.h"

#include <datetime.h>

/* PostgreSQL's type numbers, as in its catalog pg_type. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_REGPROC = 24,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_XID = 28,
    OID_CID = 29,
    OID_JSON = 114,
    OID_XML = 142,
    OID_CIDR = 650,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_MACADDR8 = 774,
    OID_MACADDR = 829,
    OID_INET = 869,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_TIMETZ = 1266,
    OID_BIT = 1560,
    OID_VARBIT = 1562,
    OID_NUMERIC = 1700,
    OID_MONEY = 790,
    OID_REFCURSOR = 1790,
    OID_REGCLASS = 2205,
    OID_REGTYPE = 2206,
    OID_VOID = 2278,
    OID_UUID = 2950,
    OID_TSVECTOR = 3614,
    OID_TSQUERY = 3615,
    OID_REGCONFIG = 3734,
    OID_JSONB = 3802,
    OID_JSONPATH = 4072,
    OID_RANGES_FIRST = 3904, /* int4range; with their arrays, as in pyorm/_types/ranges.py */
    OID_RANGES_LAST = 3927,
    OID_MULTIRANGES_FIRST = 4451,
    OID_MULTIRANGES_LAST = 4536,
    OID_XID8 = 5069,
    OID_FIRST_USER = 16384 /* from here on: types of extensions and users */
};

/* Which object a bare value or an undeclared column has, beside one per kind. */
enum {
    ORM_B_DATETIME_TZ = ORM_T_COUNT,
    ORM_B_TIME_TZ,
    ORM_B_COUNT
};

/* What the room keeps: st->rooms[ORM_ROOM_TYPES].data. */
typedef struct orm_types_room {
    orm_type *builtin[ORM_B_COUNT]; /* owned; NULL until first asked for, or no such type */
    PyDateTime_CAPI *dt;            /* of the datetime module, imported at setup */
    PyTypeObject *decimal;          /* decimal.Decimal, NULL until the first one is seen; owned */
    PyObject *decimal_args;         /* 1-tuple reused for Decimal(str); NULL: make one; owned */
    PyTypeObject *uuid;             /* uuid.UUID, likewise */
    Py_ssize_t uuid_int;            /* offset of UUID.int in an instance; -1: call the class */
    Py_ssize_t uuid_safe;           /* offset of UUID.is_safe */
    PyObject *uuid_unknown;         /* SafeUUID.unknown; owned */
    PyObject *json_scan;            /* json.JSONDecoder().scan_once; owned */
    PyObject *json_error;           /* json.JSONDecodeError; owned */
    PyObject *json_dumps;           /* json.dumps; owned */
    PyObject *json_null;            /* pyorm.types.JSON.NULL; owned */
    PyObject *make_range;           /* pyorm._types.ranges.make_range; owned */
    PyObject *multirange;           /* MultiRange of the same module; owned */
    PyObject *range_types;          /* BY_OID of the same module; owned */
} orm_types_room;

static inline orm_types_room *
types_room(orm_state *st)
{
    return st->rooms[ORM_ROOM_TYPES].data;
}

/* decimal.Decimal and uuid.UUID, imported at the first need. Borrowed, NULL: exception. */
PyTypeObject *orm_types_decimal(orm_state *st);
PyTypeObject *orm_types_uuid(orm_state *st);
/* 1 if v is a Decimal (UUID); never imports. */
int orm_types_is_decimal(orm_state *st, PyObject *v);
int orm_types_is_uuid(orm_state *st, PyObject *v);

/* The codec of a kind, static. */
const orm_codec *orm_codec_of(uint8_t kind, uint8_t dialect);
/* The OIDs that a kind has by itself; flags decide between with and without time zone. */
void orm_type_default_oids(orm_type *t);

/* --- parameters ------------------------------------------------------------------------ */

static inline int
param_null(orm_param *out, uint32_t oid)
{
    out->kind = ORM_V_NULL;
    out->format = 1;
    out->pad = 0;
    out->oid = oid;
    out->len = 0;
    out->u.p = NULL;
    return 0;
}

/* Bytes that live in the arena or in memory that an owner keeps. */
static inline int
param_bytes(orm_param *out, uint8_t kind, uint8_t format, uint32_t oid, const char *p, size_t len)
{
    out->kind = kind;
    out->format = format;
    out->pad = 0;
    out->oid = oid;
    out->len = (int32_t)len;
    out->u.p = p;
    return 0;
}

static inline int
param_int(orm_param *out, int64_t v)
{
    *out = (orm_param){.kind = ORM_V_INT, .u.i = v};
    return 0;
}

static inline int
param_real(orm_param *out, double v)
{
    *out = (orm_param){.kind = ORM_V_REAL, .u.d = v};
    return 0;
}

/* Room of the statement's arena; NULL with MemoryError. */
char *orm_bind_room(orm_bindctx *c, size_t size);
/* A copy of what a buffer holds, in the arena, as *out; frees the buffer. 0/-1. */
int orm_bind_buf(orm_bindctx *c, orm_buf *buf, uint8_t kind, uint8_t format, uint32_t oid,
                 orm_param *out);

/* "a str", "an int" ... was expected: DataError naming the column. Always -1. */
int orm_bind_type_error(orm_bindctx *c, orm_type *t, PyObject *v, const char *wanted);
/* A stored value that cannot become a Python object: DataError naming the column. NULL. */
PyObject *orm_decode_error(orm_decctx *c, const char *format, ...);
/* Wrong length or form of a wire value. NULL. */
PyObject *orm_decode_malformed(orm_decctx *c, const orm_type *t, const orm_cell *cell);

/* --- codecs, by file ------------------------------------------------------------------- */

#define ORM_CODEC_PAIR(name)                                                                  \
    int orm_##name##_encode_pg(orm_bindctx *, orm_type *, PyObject *, orm_param *);           \
    int orm_##name##_encode_lite(orm_bindctx *, orm_type *, PyObject *, orm_param *);         \
    PyObject *orm_##name##_decode_pg(orm_decctx *, orm_type *, const orm_cell *);             \
    PyObject *orm_##name##_decode_lite(orm_decctx *, orm_type *, const orm_cell *);

ORM_CODEC_PAIR(int)      /* number.c */
ORM_CODEC_PAIR(float)    /* number.c */
ORM_CODEC_PAIR(bool)     /* number.c */
ORM_CODEC_PAIR(numeric)  /* numeric.c */
ORM_CODEC_PAIR(str)      /* text.c */
ORM_CODEC_PAIR(bytes)    /* text.c */
ORM_CODEC_PAIR(date)     /* datetime_pg.c, datetime_lite.c */
ORM_CODEC_PAIR(time)     /* likewise */
ORM_CODEC_PAIR(datetime) /* likewise */
ORM_CODEC_PAIR(interval) /* likewise */
ORM_CODEC_PAIR(uuid)     /* uuid.c */
ORM_CODEC_PAIR(json)     /* json.c */
ORM_CODEC_PAIR(enum)     /* enum.c */
ORM_CODEC_PAIR(array)    /* array.c */
ORM_CODEC_PAIR(range)    /* range.c */
ORM_CODEC_PAIR(multirange) /* range.c */
ORM_CODEC_PAIR(hstore)   /* hstore.c */
PyObject *orm_tsquery_decode_pg(orm_decctx *, orm_type *, const orm_cell *); /* tsquery.c */
PyObject *orm_money_decode_pg(orm_decctx *, orm_type *, const orm_cell *);   /* tsquery.c */
ORM_CODEC_PAIR(value)    /* value.c: kind NULL and USER */
ORM_CODEC_PAIR(hook)     /* hook.c: DECORATOR and kinds with hooks of the class */
ORM_CODEC_PAIR(variant)  /* hook.c: the dialect's own type */
ORM_CODEC_PAIR(opaque)   /* opaque.c: text that the server casts */
ORM_CODEC_PAIR(inet)     /* opaque.c */
ORM_CODEC_PAIR(macaddr)  /* opaque.c */
ORM_CODEC_PAIR(bit)      /* opaque.c */
ORM_CODEC_PAIR(oid)      /* number.c */
ORM_CODEC_PAIR(tuple)    /* value.c: never sent whole */

/* tsvector in PostgreSQL's words, for columns that declare no type (opaque.c). */
PyObject *orm_tsvector_decode_pg(orm_decctx *, orm_type *, const orm_cell *);

/* The str of UTF-8 bytes, NULL with DataError for bytes that are none. */
PyObject *orm_text_from_utf8(orm_decctx *c, const char *p, Py_ssize_t len);
/* The UTF-8 of v in the arena; refuses NUL and lone surrogates. 0/-1. */
int orm_text_to_utf8(orm_bindctx *c, PyObject *v, const char **p, size_t *len);
/* Send v as text of type `oid`. 0/-1. */
int orm_text_encode(orm_bindctx *c, PyObject *v, uint32_t oid, orm_param *out);
/* Decimal of a decimal text. New reference. */
PyObject *orm_decimal_from_ascii(orm_state *st, const char *p, size_t len);

/* ENUM: label -> member (enum.c). 0/-1. */
int orm_enum_table_make(orm_type *t);
void orm_enum_table_free(orm_type *t);
int orm_enum_table_traverse(orm_type *t, visitproc visit, void *arg);
/* The label of a member, as bytes that live with the type. 1/0/-1. */
int orm_enum_label(orm_type *t, PyObject *v, PyObject **label);

/* The record of the elements of an array type; NULL: no array we know, or an exception. */
orm_type *orm_type_for_array_oid(orm_state *st, uint32_t oid);

int orm_record_setup(PyObject *module, orm_state *st);
int orm_engine_type_setup(PyObject *module, orm_state *st);

/* `_core.TypeEngine`: the base of every Python type class. */
typedef struct orm_type_engine {
    PyObject_HEAD
    orm_type *record; /* owned; NULL until first asked for */
} orm_type_engine;

/* A new (or the living equal) record from obj._record_spec(). New reference. */
orm_type *orm_record_make(orm_state *st, PyObject *engine);

#endif /* ORM_TYPES_INT_H */

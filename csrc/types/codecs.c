/*
 * types/codecs.c - the codec of each kind, and the choice of a result column's decoder.
 *
 * A column that declares a type and a wire that sends another one of the same family go
 * together by length (int2/int4/int8, float4/float8). Where the families differ - sum() of an
 * Integer sends numeric - the wire decides and the declared type only shapes the result
 * (Float gives float, Numeric gives Decimal). Types with hooks decode what their impl reads.
 */
#include "types/types_int.h"

#define CODEC(name) {{#name, orm_##name##_encode_pg, orm_##name##_decode_pg}, \
                     {#name, orm_##name##_encode_lite, orm_##name##_decode_lite}}

/* By kind; the last one is the codec of a type with variants. */
static const orm_codec codecs[ORM_T_COUNT + 1][ORM_NDIALECTS] = {
    [ORM_T_NULL] = CODEC(value),      [ORM_T_INT16] = CODEC(int),
    [ORM_T_INT32] = CODEC(int),       [ORM_T_INT64] = CODEC(int),
    [ORM_T_FLOAT32] = CODEC(float),   [ORM_T_FLOAT] = CODEC(float),
    [ORM_T_NUMERIC] = CODEC(numeric), [ORM_T_BOOL] = CODEC(bool),
    [ORM_T_STRING] = CODEC(str),      [ORM_T_TEXT] = CODEC(str),
    [ORM_T_BYTES] = CODEC(bytes),     [ORM_T_DATE] = CODEC(date),
    [ORM_T_TIME] = CODEC(time),       [ORM_T_DATETIME] = CODEC(datetime),
    [ORM_T_INTERVAL] = CODEC(interval), [ORM_T_UUID] = CODEC(uuid),
    [ORM_T_JSON] = CODEC(json),       [ORM_T_JSONB] = CODEC(json),
    [ORM_T_ENUM] = CODEC(enum),       [ORM_T_ARRAY] = CODEC(array),
    [ORM_T_INET] = CODEC(inet),       [ORM_T_MACADDR] = CODEC(macaddr),
    [ORM_T_BIT] = CODEC(bit),         [ORM_T_OID] = CODEC(oid),
    [ORM_T_JSONPATH] = CODEC(opaque), [ORM_T_RANGE] = CODEC(range),
    [ORM_T_MULTIRANGE] = CODEC(multirange), [ORM_T_HSTORE] = CODEC(hstore),
    [ORM_T_OPAQUE] = CODEC(opaque),   [ORM_T_USER] = CODEC(value),
    [ORM_T_DECORATOR] = CODEC(hook),  [ORM_T_TUPLE] = CODEC(tuple),
    [ORM_T_COUNT] = CODEC(variant),
};

const orm_codec *
orm_codec_of(uint8_t kind, uint8_t dialect)
{
    assert(kind <= ORM_T_COUNT && dialect < ORM_NDIALECTS);
    return &codecs[kind][dialect];
}

int
orm_type_encode(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    if (v == Py_None && !(t->flags & ORM_TF_NULL_AWARE)) {
        if (!(t->flags & ORM_TF_VARIANT)) {
            return param_null(out, c->dialect == ORM_PG ? t->oid : 0);
        }
    }
    return t->codec[c->dialect]->encode(c, t, v, out);
}

/* The decoders of PostgreSQL types that have no record of their own among the builtin. */
static orm_decode_fn
decode_by_oid(uint32_t oid)
{
    switch (oid) {
    case OID_INET:
    case OID_CIDR:
        return orm_inet_decode_pg;
    case OID_MACADDR:
    case OID_MACADDR8:
        return orm_macaddr_decode_pg;
    case OID_BIT:
    case OID_VARBIT:
        return orm_bit_decode_pg;
    case OID_OID:
    case OID_XID:
    case OID_CID:
    case OID_REGPROC:
    case OID_REGCLASS:
    case OID_REGTYPE:
    case OID_REGCONFIG:
        return orm_oid_decode_pg;
    case OID_XID8:
        return orm_int_decode_pg;
    case OID_TSVECTOR:
        return orm_tsvector_decode_pg;
    case OID_TSQUERY:
        return orm_tsquery_decode_pg;
    case OID_MONEY:
        return orm_money_decode_pg;
    case OID_JSONPATH:
        return orm_opaque_decode_pg;
    default:
        return NULL;
    }
}

/* Which wire types the decoder of a kind reads; 0: it does not care. */
static int
kind_reads_oid(const orm_type *t, uint32_t oid)
{
    switch (t->kind) {
    case ORM_T_INT16:
    case ORM_T_INT32:
    case ORM_T_INT64:
        return oid == OID_INT2 || oid == OID_INT4 || oid == OID_INT8;
    case ORM_T_FLOAT32:
    case ORM_T_FLOAT:
        return oid == OID_FLOAT4 || oid == OID_FLOAT8;
    case ORM_T_NUMERIC:
        return oid == OID_NUMERIC;
    case ORM_T_BOOL:
        return oid == OID_BOOL;
    case ORM_T_BYTES:
        return oid == OID_BYTEA;
    case ORM_T_DATE:
        return oid == OID_DATE;
    case ORM_T_TIME:
        return oid == (t->flags & ORM_TF_TZ ? OID_TIMETZ : OID_TIME);
    case ORM_T_DATETIME: /* a zone where the value has one: AT TIME ZONE turns one into the other */
        return oid == (t->flags & ORM_TF_TZ ? OID_TIMESTAMPTZ : OID_TIMESTAMP);
    case ORM_T_INTERVAL:
        return oid == OID_INTERVAL || oid == OID_TIMESTAMP;
    case ORM_T_UUID:
        return oid == OID_UUID || oid == OID_BPCHAR || oid == OID_VARCHAR || oid == OID_TEXT;
    case ORM_T_JSON:
    case ORM_T_JSONB:
        return oid == OID_JSON || oid == OID_JSONB || oid == OID_TEXT || oid == OID_VARCHAR;
    case ORM_T_STRING:
    case ORM_T_TEXT:
        /* Types of extensions that are read as text (citext, enums) as well. */
        return oid == OID_VARCHAR || oid == OID_TEXT || oid == OID_BPCHAR || oid == OID_NAME
               || oid == OID_CHAR || oid == OID_UNKNOWN || oid == OID_XML || oid >= OID_FIRST_USER;
    default:
        return 1;
    }
}

/* The record of a range type by its number, from Python's table: borrowed from there, so that it
 * lives as long as the interpreter. NULL without error: no range. */
static orm_type *
range_by_oid(orm_state *st, uint32_t oid)
{
    PyObject *table, *number, *engine = NULL;
    orm_type *t = NULL;

    if (!((oid >= OID_RANGES_FIRST && oid <= OID_RANGES_LAST)
          || (oid >= OID_MULTIRANGES_FIRST && oid <= OID_MULTIRANGES_LAST))) {
        return NULL;
    }
    table = orm_import_once(&types_room(st)->range_types, "pyorm._types.ranges", "BY_OID");
    number = table == NULL ? NULL : PyLong_FromUnsignedLong(oid);
    if (number != NULL && PyDict_GetItemRef(table, number, &engine) > 0) {
        t = orm_type_of(st, engine);
        Py_XDECREF(t); /* borrow-ok: the engine in the table owns its record */
        Py_DECREF(engine);
    }
    Py_XDECREF(number);
    return t;
}

/* The decoder of a column by the wire alone. 0/-1. */
static int
pick_by_oid(orm_state *st, uint32_t oid, orm_decoder *out)
{
    orm_type *t = range_by_oid(st, oid);
    orm_decode_fn fn = decode_by_oid(oid);

    if (t != NULL || PyErr_Occurred()) {
        *out = (orm_decoder){0};
        out->type = t;
        out->fn = t == NULL ? NULL : t->codec[ORM_PG]->decode;
        return t == NULL ? -1 : 0;
    }
    if (fn == NULL && orm_type_for_array_oid(st, oid) != NULL) {
        fn = orm_array_decode_pg;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    t = fn == NULL ? orm_type_for_oid(st, oid) : orm_type_builtin(st, ORM_T_NULL);
    if (t == NULL) {
        return -1;
    }
    out->fn = fn == NULL ? t->codec[ORM_PG]->decode : fn;
    out->type = t;
    out->null_aware = 0;
    return 0;
}

int
orm_decoder_pick(orm_state *st, orm_type *t, uint8_t dialect, uint32_t oid, orm_decoder *out)
{
    orm_type *impl = t;

    while (impl != NULL && (impl->flags & ORM_TF_VARIANT)) {
        impl = impl->impl[dialect];
    }
    if (impl == NULL || (impl->kind == ORM_T_NULL && !(impl->flags & ORM_TF_PY_RESULT))) {
        if (dialect == ORM_PG) {
            return pick_by_oid(st, oid, out);
        }
        impl = orm_type_builtin(st, ORM_T_NULL);
        if (impl == NULL) {
            return -1;
        }
    }
    out->type = impl;
    out->null_aware = (impl->flags & ORM_TF_NULL_AWARE) != 0;
    if (dialect == ORM_LITE || oid == 0 || (impl->flags & ORM_TF_PY_RESULT)
        || impl->kind == ORM_T_DECORATOR || kind_reads_oid(impl, oid)) {
        out->fn = impl->codec[dialect]->decode;
        return 0;
    }
    if ((impl->kind == ORM_T_FLOAT || impl->kind == ORM_T_FLOAT32) && oid == OID_NUMERIC) {
        out->fn = orm_numeric_decode_pg; /* float, or Decimal where that was asked for */
        return 0;
    }
    if (impl->kind == ORM_T_NUMERIC && (oid == OID_FLOAT8 || oid == OID_FLOAT4)) {
        out->fn = orm_float_decode_pg;
        return 0;
    }
    return pick_by_oid(st, oid, out);
}

/*
 * dialect_types.c - types as text: in CAST, and behind `$1::` in the text for people.
 *
 * Place: CAST asks the type's Python side for its DDL name (a compile miss only). The names
 *   behind `::` are those of the reference's asyncpg dialect, which are not the DDL names:
 *   a VARCHAR has no length there, TEXT is VARCHAR, DOUBLE PRECISION is FLOAT.
 */
#include "compile.h"

PyObject *
orm_dialect_object(orm_cctx *cc)
{
    const char *module = cc->d->id == ORM_PG     ? "pyorm.dialects.postgresql"
                         : cc->d->id == ORM_LITE ? "pyorm.dialects.sqlite"
                                                 : "pyorm.dialects";
    PyObject *mod, *made;

    if (cc->dialect_obj != NULL) {
        return cc->dialect_obj;
    }
    if (cc->d->id == ORM_DEFAULT) {
        return cc->dialect_obj = Py_NewRef(Py_None);
    }
    mod = PyImport_ImportModule(module);
    made = mod == NULL ? NULL : PyObject_CallMethod(mod, "dialect", NULL);
    Py_XDECREF(mod);
    return cc->dialect_obj = made;
}

int
orm_put_type(orm_cctx *cc, orm_type *type)
{
    PyObject *dialect = orm_dialect_object(cc), *text;
    orm_str s;
    int rc;

    if (dialect == NULL) {
        return -1;
    }
    text = PyObject_CallMethod(type->engine, "compile", "O", dialect);
    if (text == NULL) {
        return -1;
    }
    rc = orm_str_of(text, &s);
    if (rc == 0 && memchr(s.p, ORM_MARK, s.n) != NULL) {
        rc = orm_compile_error(cc, "The name of a type may not hold the character 1.");
    } else if (rc == 0) {
        orm_put_str(cc, s);
    }
    Py_DECREF(text);
    return rc;
}

/* Names that depend on the kind alone. */
static const char *
cast_name(const orm_type *type)
{
    switch (type->kind) {
    case ORM_T_INT16:
        return "SMALLINT";
    case ORM_T_INT32:
        return "INTEGER";
    case ORM_T_INT64:
        return "BIGINT";
    case ORM_T_BOOL:
        return "BOOLEAN";
    case ORM_T_STRING:
    case ORM_T_TEXT:
        return "VARCHAR";
    case ORM_T_BYTES:
        return "BYTEA";
    case ORM_T_DATE:
        return "DATE";
    case ORM_T_TIME:
        return type->flags & ORM_TF_TZ ? "TIME WITH TIME ZONE" : "TIME WITHOUT TIME ZONE";
    case ORM_T_DATETIME:
        return type->flags & ORM_TF_TZ ? "TIMESTAMP WITH TIME ZONE"
                                       : "TIMESTAMP WITHOUT TIME ZONE";
    case ORM_T_INTERVAL:
        return "INTERVAL";
    case ORM_T_UUID:
        return type->flags & ORM_TF_CHAR_UUID ? "VARCHAR" : "UUID";
    case ORM_T_JSON:
        return "JSON";
    case ORM_T_JSONB:
        return "JSONB";
    default:
        return NULL;
    }
}

/* FLOAT(53), NUMERIC(10, 2). */
static int
put_sized(orm_buf *out, const orm_type *type, const char *name)
{
    orm_buf_puts(out, name);
    if (type->precision >= 0) {
        orm_buf_printf(out, "(%d", (int)type->precision);
        if (type->kind == ORM_T_NUMERIC && type->scale >= 0) {
            orm_buf_printf(out, ", %d", (int)type->scale);
        }
        orm_buf_putc(out, ')');
    }
    return 0;
}

int
orm_put_bind_cast(orm_cctx *cc, orm_buf *out, orm_type *type)
{
    orm_buf *before = cc->out;
    const char *name;
    int rc;

    type = orm_type_impl(type, ORM_PG);
    while (type->kind == ORM_T_DECORATOR && orm_type_impl(type, ORM_PG) != type) {
        type = orm_type_impl(type, ORM_PG);
    }
    name = cast_name(type);
    switch (type->kind) {
    case ORM_T_FLOAT:
    case ORM_T_FLOAT32:
        orm_buf_puts(out, "::");
        return put_sized(out, type, "FLOAT");
    case ORM_T_NUMERIC:
        orm_buf_puts(out, "::");
        return put_sized(out, type, "NUMERIC");
    case ORM_T_ENUM:
    case ORM_T_ARRAY:
    case ORM_T_BIT:
    case ORM_T_OID:
        break;
    default:
        if (name == NULL && !(type->flags & ORM_TF_BIND_CAST)) {
            return 1;
        }
    }
    orm_buf_puts(out, "::");
    if (name != NULL) {
        orm_buf_puts(out, name);
        return 0;
    }
    cc->out = out;
    rc = orm_put_type(cc, type);
    cc->out = before;
    return rc;
}

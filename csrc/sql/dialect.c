/*
 * dialect.c - the table of databases, and the one function that quotes identifiers.
 *
 * Place: read by every renderer through cc->d. What a database writes differently is a
 *   field of its row or a function of dialect_<name>.c; no renderer compares names.
 * Sources: PostgreSQL "SQL Key Words", SQLite "SQLite Keywords".
 */
#include "compile.h"

static const char *const RESERVED_PG[] = {
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "authorization", "between", "binary", "both", "case", "cast", "check", "collate", "column",
    "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "default",
    "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
    "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in",
    "initially", "inner", "intersect", "into", "is", "isnull", "join", "leading", "left",
    "like", "limit", "localtime", "localtimestamp", "natural", "new", "not", "notnull", "null",
    "of", "off", "offset", "old", "on", "only", "or", "order", "outer", "over", "overlaps",
    "placing", "primary", "references", "returning", "right", "select", "session_user",
    "similar", "some", "symmetric", "table", "then", "to", "trailing", "true", "union",
    "unique", "user", "using", "variadic", "verbose", "when", "where", "window", "with", NULL,
};

static const char *const RESERVED_LITE[] = {
    "add", "after", "all", "alter", "analyze", "and", "as", "asc", "attach", "autoincrement",
    "before", "begin", "between", "by", "cascade", "case", "cast", "check", "collate",
    "column", "commit", "conflict", "constraint", "create", "cross", "current_date",
    "current_time", "current_timestamp", "database", "default", "deferrable", "deferred",
    "delete", "desc", "detach", "distinct", "drop", "each", "else", "end", "escape", "except",
    "exclusive", "exists", "explain", "fail", "false", "for", "foreign", "from", "full",
    "glob", "group", "having", "if", "ignore", "immediate", "in", "index", "indexed",
    "initially", "inner", "insert", "instead", "intersect", "into", "is", "isnull", "join",
    "key", "left", "like", "limit", "match", "natural", "not", "notnull", "null", "of",
    "offset", "on", "or", "order", "outer", "plan", "pragma", "primary", "query", "raise",
    "references", "reindex", "rename", "replace", "restrict", "right", "rollback", "row",
    "select", "set", "table", "temp", "temporary", "then", "to", "transaction", "trigger",
    "true", "union", "unique", "update", "using", "vacuum", "values", "view", "virtual",
    "when", "where", NULL,
};

static const char *const RESERVED_DEFAULT[] = {
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "authorization", "between", "binary", "both", "case", "cast", "check", "collate", "column",
    "constraint", "create", "cross", "current_date", "current_role", "current_time",
    "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do",
    "else", "end", "except", "false", "for", "foreign", "freeze", "from", "full", "grant",
    "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is",
    "isnull", "join", "leading", "left", "like", "limit", "localtime", "localtimestamp",
    "natural", "new", "not", "notnull", "null", "off", "offset", "old", "on", "only", "or",
    "order", "outer", "overlaps", "placing", "primary", "references", "right", "select",
    "session_user", "set", "similar", "some", "symmetric", "table", "then", "to", "trailing",
    "true", "union", "unique", "user", "using", "verbose", "when", "where", NULL,
};

static const orm_dialect DIALECTS[] = {
    [ORM_PG] = {.name = "postgresql", .id = ORM_PG, .style = ORM_STYLE_DOLLAR,
                .native_boolean = true, .implicit_returning = true, .default_values = true,
                .name_length = 63, .reserved = RESERVED_PG, .limit = orm_limit_pg,
                .lock = orm_lock_pg},
    [ORM_LITE] = {.name = "sqlite", .id = ORM_LITE, .style = ORM_STYLE_QMARK,
                  .returning_bare = true, .default_values = true, .name_length = 9999,
                  .reserved = RESERVED_LITE, .limit = orm_limit_lite},
    [ORM_DEFAULT] = {.name = "default", .id = ORM_DEFAULT, .style = ORM_STYLE_NAMED,
                     .native_boolean = true, .name_length = 9999,
                     .reserved = RESERVED_DEFAULT, .limit = orm_limit_default,
                     .lock = orm_lock_default},
};

const orm_dialect *
orm_dialect_of(uint8_t id)
{
    return &DIALECTS[id <= ORM_DEFAULT ? id : ORM_DEFAULT];
}

int
orm_dialect_id(const char *name)
{
    for (size_t i = 0; i < sizeof(DIALECTS) / sizeof(DIALECTS[0]); i++) {
        if (strcmp(DIALECTS[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* --- quoting ---------------------------------------------------------------------------- */

static bool
is_reserved(const orm_dialect *d, orm_str name)
{
    char lower[32];

    if (name.n >= sizeof(lower)) {
        return false;
    }
    memcpy(lower, name.p, name.n);
    lower[name.n] = '\0';
    for (const char *const *w = d->reserved; *w != NULL; w++) {
        if (strcmp(*w, lower) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_plain(orm_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool first_ok = (c >= 'a' && c <= 'z') || c == '_';

        if (!first_ok && (i == 0 || !((c >= '0' && c <= '9') || c == '$'))) {
            return false;
        }
    }
    return name.n > 0;
}

void
orm_quote_into(orm_buf *out, const orm_dialect *d, orm_str name, int quote)
{
    if (quote == 2 || (quote == 0 && is_plain(name) && !is_reserved(d, name))) {
        orm_buf_put(out, name.p, name.n);
        return;
    }
    orm_buf_putc(out, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"') {
            orm_buf_putc(out, '"');
        }
        orm_buf_putc(out, name.p[i]);
    }
    orm_buf_putc(out, '"');
}

int
orm_put_name(orm_cctx *cc, orm_str name, int quote)
{
    if (memchr(name.p, ORM_MARK, name.n) != NULL || memchr(name.p, '\0', name.n) != NULL) {
        return orm_compile_error(cc, "An identifier may not hold the characters 0 and 1.");
    }
    orm_quote_into(cc->out, cc->d, name, quote);
    return 0;
}

int
orm_put_ident(orm_cctx *cc, PyObject *name, int quote)
{
    orm_str s;

    return orm_str_of(name, &s) < 0 ? -1 : orm_put_name(cc, s, quote);
}

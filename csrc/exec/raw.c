/*
 * raw.c - raw SQL of users: find its placeholders and write them as the database wants them.
 *
 * Place: exec_driver_sql, raw_connection().cursor() and pyorm.dbapi come through here; the
 *   parts of SQL in which a `?`, `%` or `:` is no placeholder are known to one scanner.
 * Styles: PostgreSQL takes `$1`; `%s` and `%(name)s` (FORMAT) are rewritten, `%%` is then a
 *   percent sign, but only where parameters are given. SQLite takes `?`, `?1`, `:name`,
 *   `@name` and `$name` itself; the text stays as it is and only the order is found.
 * Source: PostgreSQL "Lexical Structure" (quotes, E'' strings, dollar quotes, nested
 *   comments); SQLite "SQL As Understood By SQLite" (expr, tokens).
 */
#include "exec_int.h"

#include <ctype.h>

typedef struct scan {
    const char *p;     /* next character */
    const char *end;
    bool pg;           /* dollar quotes, E'' and nested comments exist */
} scan;

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static void
skip_quoted(scan *s, char quote, bool backslash)
{
    s->p++;
    while (s->p < s->end) {
        if (backslash && *s->p == '\\' && s->p + 1 < s->end) {
            s->p += 2;
        }
        else if (*s->p == quote) {
            s->p++;
            if (s->p >= s->end || *s->p != quote) {
                return;
            }
            s->p++; /* a doubled quote is inside */
        }
        else {
            s->p++;
        }
    }
}

static void
skip_comment(scan *s)
{
    int depth = 1;

    s->p += 2;
    while (s->p + 1 < s->end && depth > 0) {
        if (s->p[0] == '*' && s->p[1] == '/') {
            depth--;
            s->p += 2;
        }
        else if (s->pg && s->p[0] == '/' && s->p[1] == '*') {
            depth++;
            s->p += 2;
        }
        else {
            s->p++;
        }
    }
    if (depth > 0) {
        s->p = s->end;
    }
}

/* $tag$ ... $tag$; false when this dollar sign begins something else. */
static bool
skip_dollar(scan *s)
{
    const char *tag = s->p + 1;
    const char *close = tag;
    size_t len;

    if (close < s->end && isdigit((unsigned char)*close)) {
        return false;
    }
    while (close < s->end && is_word(*close)) {
        close++;
    }
    if (close >= s->end || *close != '$') {
        return false;
    }
    close++;
    len = (size_t)(close - s->p);
    for (const char *at = close; at + len <= s->end; at++) {
        if (*at == '$' && memcmp(at, s->p, len) == 0) {
            s->p = at + len;
            return true;
        }
    }
    s->p = s->end;
    return true;
}

/* Step over one thing that cannot hold a placeholder. False: s->p is an ordinary character. */
static bool
skip_opaque(scan *s, const char *begin)
{
    char c = *s->p;
    char next = s->p + 1 < s->end ? s->p[1] : '\0';

    if (c == '\'') {
        char before = s->p > begin ? s->p[-1] : ' ';
        bool escape = s->pg && (before == 'E' || before == 'e')
                      && (s->p - 1 == begin || !is_word(s->p[-2]));

        skip_quoted(s, '\'', escape);
        return true;
    }
    if (c == '"' || (!s->pg && c == '`')) {
        skip_quoted(s, c, false);
        return true;
    }
    if (!s->pg && c == '[') {
        while (s->p < s->end && *s->p != ']') {
            s->p++;
        }
        return true;
    }
    if (c == '-' && next == '-') {
        while (s->p < s->end && *s->p != '\n') {
            s->p++;
        }
        return true;
    }
    if (c == '/' && next == '*') {
        skip_comment(s);
        return true;
    }
    if (s->pg && c == '$' && (s->p == begin || !is_word(s->p[-1]))) {
        return skip_dollar(s);
    }
    return false;
}

/* What the scanner writes: text, and an int or a str per placeholder. */
typedef struct sink {
    orm_buf out;
    PyObject *order; /* list: what each wire placeholder takes; owned */
    PyObject *named; /* dict: name -> number of its wire placeholder; owned */
} sink;

static int
note(sink *k, PyObject *what)
{
    int rc = what == NULL ? -1 : PyList_Append(k->order, what);

    Py_XDECREF(what);
    return rc;
}

/* PostgreSQL: `$n` for a name, the same number for the same name. */
static int
put_named(sink *k, const char *name, size_t len)
{
    PyObject *key = PyUnicode_FromStringAndSize(name, (Py_ssize_t)len);
    PyObject *number = NULL;
    int rc = -1;

    if (key == NULL) {
        return -1;
    }
    number = Py_XNewRef(PyDict_GetItemWithError(k->named, key)); /* borrow-ok: owned at once */
    if (number == NULL && !PyErr_Occurred()) {
        number = PyLong_FromSsize_t(PyList_GET_SIZE(k->order) + 1);
        if (number != NULL
            && (PyDict_SetItem(k->named, key, number) < 0 || note(k, Py_NewRef(key)) < 0)) {
            Py_CLEAR(number);
        }
    }
    if (number != NULL) {
        orm_buf_printf(&k->out, "$%ld", PyLong_AsLong(number));
        Py_DECREF(number);
        rc = 0;
    }
    Py_DECREF(key);
    return rc;
}

/* A percent sign in FORMAT style. 0 / -1. */
static int
format_placeholder(orm_state *st, scan *s, sink *k, bool lenient)
{
    const char *p = s->p + 1;

    if (p < s->end && *p == '%') {
        orm_buf_putc(&k->out, '%');
        s->p += 2;
        return 0;
    }
    if (p < s->end && (*p == 's' || *p == 'b' || *p == 't')) {
        Py_ssize_t n = PyList_GET_SIZE(k->order);

        orm_buf_printf(&k->out, "$%zd", n + 1);
        s->p += 2;
        return note(k, PyLong_FromSsize_t(n));
    }
    if (p < s->end && *p == '(') {
        const char *close = memchr(p, ')', (size_t)(s->end - p));

        if (close != NULL && close + 1 < s->end
            && (close[1] == 's' || close[1] == 'b' || close[1] == 't')) {
            s->p = close + 2;
            return put_named(k, p + 1, (size_t)(close - p - 1));
        }
    }
    if (lenient) {
        orm_buf_putc(&k->out, *s->p++);
        return 0;
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError,
                         "a '%%' in a statement with parameters is written '%%%%'; placeholders "
                         "are %%s and %%(name)s");
}

/* `$n`: the text stays, the order is by number. */
static int
dollar_number(scan *s, sink *k)
{
    Py_ssize_t n = 0;

    orm_buf_putc(&k->out, *s->p++);
    while (s->p < s->end && isdigit((unsigned char)*s->p)) {
        n = n < 70000 ? n * 10 + (*s->p - '0') : n;
        orm_buf_putc(&k->out, *s->p++);
    }
    while (n <= 65535 && PyList_GET_SIZE(k->order) < n) {
        if (note(k, PyLong_FromSsize_t(PyList_GET_SIZE(k->order))) < 0) {
            return -1;
        }
    }
    return 0;
}

/* SQLite's `?`, `?n` and `:name`, `@name`, `$name`. SQLite numbers them; we only follow. */
static int
lite_placeholder(scan *s, sink *k)
{
    const char *start = s->p;

    s->p++;
    if (*start == '?') {
        Py_ssize_t n = 0;

        while (s->p < s->end && isdigit((unsigned char)*s->p)) {
            n = n < 70000 ? n * 10 + (*s->p - '0') : n;
            s->p++;
        }
        n = n == 0 ? PyList_GET_SIZE(k->order) + 1 : n;
        while (n <= 65535 && PyList_GET_SIZE(k->order) < n) {
            if (note(k, PyLong_FromSsize_t(PyList_GET_SIZE(k->order))) < 0) {
                return -1;
            }
        }
    }
    else {
        while (s->p < s->end && is_word(*s->p)) {
            s->p++;
        }
        if (s->p > start + 1) {
            /* One number per name with its prefix, as SQLite gives them. */
            PyObject *key = PyUnicode_FromStringAndSize(start, s->p - start);
            int known = key == NULL ? -1 : PyDict_Contains(k->named, key);

            if (known == 0) {
                known = PyDict_SetItem(k->named, key, Py_None);
                if (known == 0) {
                    known = note(k, PyUnicode_Substring(key, 1, PyUnicode_GET_LENGTH(key)));
                }
            }
            Py_XDECREF(key);
            if (known < 0) {
                return -1;
            }
        }
    }
    orm_buf_put(&k->out, start, (size_t)(s->p - start));
    return 0;
}

static bool
is_placeholder(const scan *s, const char *begin, uint8_t style)
{
    char c = *s->p;
    char next = s->p + 1 < s->end ? s->p[1] : '\0';
    char before = s->p > begin ? s->p[-1] : ' ';

    if (s->pg) {
        return (style == ORM_STYLE_FORMAT && c == '%')
               || (c == '$' && isdigit((unsigned char)next) && !is_word(before));
    }
    return c == '?' || ((c == ':' || c == '@' || c == '$') && is_word(next) && before != ':');
}

static int
scan_text(orm_state *st, scan *s, sink *k, uint8_t style, bool lenient)
{
    const char *begin = s->p;
    int rc = 0;

    while (rc == 0 && s->p < s->end) {
        const char *start = s->p;

        if (skip_opaque(s, begin)) {
            /* `%%` is one percent sign inside quotes too: that is how drivers count. */
            for (const char *p = start; p < s->p; p++) {
                orm_buf_putc(&k->out, *p);
                if (style == ORM_STYLE_FORMAT && *p == '%' && p + 1 < s->p && p[1] == '%') {
                    p++;
                }
            }
        }
        else if (!is_placeholder(s, begin, style)) {
            orm_buf_putc(&k->out, *s->p++);
        }
        else if (!s->pg) {
            rc = lite_placeholder(s, k);
        }
        else {
            rc = *s->p == '%' ? format_placeholder(st, s, k, lenient) : dollar_number(s, k);
        }
    }
    return rc;
}

int
orm_raw_prepare(orm_state *st, PyObject *sql, uint8_t dialect, uint8_t style, int params,
                PyObject **text, PyObject **order)
{
    PyObject *bytes = PyUnicode_AsUTF8String(sql);
    sink k = {.order = PyList_New(0), .named = PyDict_New()};
    scan s = {.pg = dialect == ORM_PG};
    int rc = -1;

    *text = *order = NULL;
    orm_buf_init(&k.out);
    if (bytes == NULL || k.order == NULL || k.named == NULL) {
        goto done;
    }
    s.p = PyBytes_AS_STRING(bytes);
    s.end = s.p + PyBytes_GET_SIZE(bytes);
    if (memchr(s.p, '\0', (size_t)PyBytes_GET_SIZE(bytes)) != NULL) {
        PyErr_SetString(PyExc_ValueError, "embedded null character in a SQL statement");
        goto done;
    }
    if (params != ORM_PARAMS_NONE) {
        if (scan_text(st, &s, &k, style, params == ORM_PARAMS_EMPTY) < 0) {
            goto done;
        }
        *text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)k.out.len);
        if (*text != NULL && k.out.len > 0) {
            memcpy(PyBytes_AS_STRING(*text), k.out.p, k.out.len);
        }
        if (k.out.failed) {
            Py_CLEAR(*text);
            PyErr_NoMemory();
        }
    }
    else {
        *text = Py_NewRef(bytes);
    }
    *order = *text == NULL ? NULL : PyList_AsTuple(k.order);
    rc = *order == NULL ? -1 : 0;

done:
    if (rc < 0) {
        Py_CLEAR(*text);
    }
    orm_buf_fini(&k.out);
    Py_XDECREF(bytes);
    Py_XDECREF(k.order);
    Py_XDECREF(k.named);
    return rc;
}

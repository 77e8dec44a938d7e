/*
 * render_text.c - text(): its :names become binds, the rest stays as it is.
 *
 * Place: from render_expr.c, as a whole statement or inside one.
 * Grammar: `:name` not behind a word character, a colon or a backslash, and not before a
 *   colon; `\:` is a colon. Quotes mean nothing here, as in the reference library.
 */
#include "compile.h"

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || (unsigned char)c >= 0x80;
}

/* The BIND of a name; NULL: the text has none, the value comes with the execution. */
static const orm_node *
bind_of(const orm_node *n, orm_str name)
{
    for (Py_ssize_t i = 1; i < nargs(n); i++) {
        orm_str s;

        if (n->args[i] == NULL || orm_str_of(orm_bind_name(n->args[i]), &s) < 0) {
            continue;
        }
        if (orm_str_eq(s, name)) {
            return n->args[i];
        }
    }
    return NULL;
}

static int
put_bind(orm_cctx *cc, const orm_node *n, orm_str name)
{
    const orm_node *bind = bind_of(n, name);
    orm_bindrec *rec;

    if (PyErr_Occurred()) {
        return -1;
    }
    if (bind != NULL && (bind->aux & ORM_BIND_EXPANDING)) {
        return orm_render_list_bind(cc, bind);
    }
    if (bind != NULL) {
        return orm_render_bind(cc, bind, ORM_CAST_TYPE, false);
    }
    rec = orm_bind_by_name(cc, name, orm_type_builtin(cc->st, ORM_T_NULL));
    return rec == NULL ? -1 : orm_put_marker(cc, rec, ORM_CAST_NONE, false);
}

int
orm_render_textstmt(orm_cctx *cc, const orm_node *n)
{
    orm_str s;
    size_t i = 0;

    if (orm_str_of((PyObject *)n->args[0], &s) < 0) {
        return -1;
    }
    if (memchr(s.p, ORM_MARK, s.n) != NULL) {
        return orm_compile_error(cc, "SQL text may not hold the character 1.");
    }
    while (i < s.n) {
        size_t end = i + 1;

        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == ':') {
            orm_buf_putc(cc->out, ':');
            i += 2;
            continue;
        }
        while (s.p[i] == ':' && end < s.n && is_word(s.p[end])) {
            end++;
        }
        if (end == i + 1 || (i > 0 && (is_word(s.p[i - 1]) || s.p[i - 1] == ':'))
            || (end < s.n && s.p[end] == ':')) {
            orm_buf_putc(cc->out, s.p[i++]);
            continue;
        }
        if (put_bind(cc, n, (orm_str){s.p + i + 1, end - i - 1}) < 0) {
            return -1;
        }
        i = end;
    }
    return 0;
}

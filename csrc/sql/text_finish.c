/*
 * text_finish.c - the last pass: private markers become placeholders.
 *
 * Place: after everything is rendered, CTEs are in their place and Python hooks have
 *   returned; before plan.c.
 * Invariants: only markers that are in the text count; a hook may have dropped or moved
 *   some. Numbers ($n) follow the order in which binds were first rendered, not the order
 *   in the text: a CTE's text stands first but may be rendered last. SQLite's `?` follow
 *   the text. A list whose length is not known yet leaves a hole.
 */
#include "compile.h"

typedef struct pass {
    orm_cctx *cc;
    orm_buf *out;
    orm_finished *f;
    uint8_t *used; /* arena: noccs, 1 where the marker is in the text */
} pass;

/* The occurrence that a marker at p (behind its \x01) names; moves p behind it. */
static size_t
read_marker(const char **p)
{
    size_t n = 0;

    while (**p != ORM_MARK) {
        n = n * 10 + (size_t)(**p - '0');
        (*p)++;
    }
    (*p)++;
    return n;
}

static void
mark_used(pass *s)
{
    const char *p = s->cc->main.p, *end = p + s->cc->main.len;

    while (p < end && (p = memchr(p, ORM_MARK, (size_t)(end - p))) != NULL) {
        p++;
        s->used[read_marker(&p)] = 1;
    }
}

static void
give_numbers(pass *s)
{
    orm_cctx *cc = s->cc;
    uint32_t n = 0;

    for (size_t i = 0; i < cc->noccs; i++) {
        orm_occ *occ = &cc->occs[i];
        orm_bindrec *rec = cc->recs[occ->rec];

        if (!s->used[i]) {
            continue;
        }
        if (!rec->seen) {
            rec->seen = true;
            s->f->names[s->f->nnames++] = occ->rec;
        }
        if (rec->number == 0 && occ->in != ORM_IN_LIST && occ->in != ORM_IN_TOKEN) {
            rec->number = ++n;
            if (cc->d->style == ORM_STYLE_DOLLAR) {
                s->f->order[s->f->norder++] = (uint32_t)i;
            }
        }
    }
}

/* --- placeholders ----------------------------------------------------------------------- */

/* A name inside `:name`: what the placeholder syntax cannot hold is replaced. */
void
orm_escape_bind_name(orm_buf *out, orm_str name)
{
    static const char from[] = "%():.[] ", to[] = "PAZC____";

    for (size_t i = 0; i < name.n; i++) {
        const char *at = name.p[i] == '\0' ? NULL : strchr(from, name.p[i]);

        orm_buf_putc(out, at == NULL ? name.p[i] : to[at - from]);
    }
}

/* What stands behind `$n` in the text for people. */
static int
put_cast(pass *s, const orm_occ *occ, const orm_bindrec *rec)
{
    switch (occ->cast) {
    case ORM_CAST_TYPE:
        return rec->type == NULL ? 0 : orm_put_bind_cast(s->cc, s->out, rec->type) < 0 ? -1 : 0;
    case ORM_CAST_TEXT:
        orm_buf_puts(s->out, "::TEXT");
        return 0;
    case ORM_CAST_INT:
        orm_buf_puts(s->out, "::INT");
        return 0;
    case ORM_CAST_REGCONFIG:
        orm_buf_puts(s->out, "::REGCONFIG");
        return 0;
    default:
        return 0;
    }
}

/* On the wire only where the server has nothing else to go by. */
static void
put_wire_cast(pass *s, const orm_occ *occ, const orm_bindrec *rec)
{
    int kind = rec->type == NULL ? ORM_T_NULL : orm_type_impl(rec->type, ORM_PG)->kind;

    if (!occ->force || s->cc->d->id != ORM_PG) {
        return;
    }
    switch (occ->cast) {
    case ORM_CAST_TEXT:
        orm_buf_puts(s->out, "::text");
        break;
    case ORM_CAST_INT:
        orm_buf_puts(s->out, "::int");
        break;
    case ORM_CAST_REGCONFIG:
        orm_buf_puts(s->out, "::regconfig");
        break;
    default:
        if (kind == ORM_T_STRING || kind == ORM_T_TEXT) {
            orm_buf_puts(s->out, "::text");
        }
    }
}

static void
put_dollar(pass *s, const orm_bindrec *rec)
{
    orm_buf_printf(s->out, "$%u", rec->number);
}

static int
put_for_people(pass *s, const orm_occ *occ, const orm_bindrec *rec)
{
    if (occ->in == ORM_IN_TOKEN) {
        orm_buf_puts(s->out, "__[POSTCOMPILE_");
        orm_buf_put(s->out, rec->name.p, rec->name.n);
        orm_buf_putc(s->out, ']');
        return 0;
    }
    switch (s->cc->d->style) {
    case ORM_STYLE_DOLLAR:
        put_dollar(s, rec);
        return put_cast(s, occ, rec);
    case ORM_STYLE_QMARK:
        orm_buf_putc(s->out, '?');
        return 0;
    default:
        orm_buf_putc(s->out, ':');
        orm_escape_bind_name(s->out, rec->name);
        return 0;
    }
}

static void
put_for_wire(pass *s, size_t i, const orm_occ *occ, const orm_bindrec *rec)
{
    if (occ->in == ORM_IN_LIST) {
        s->f->holes[s->f->nholes++] = (orm_hole){.at = s->out->len, .occ = (uint32_t)i,
                                                 .slot = s->f->norder};
        return;
    }
    if (s->cc->d->style == ORM_STYLE_DOLLAR) {
        put_dollar(s, rec);
        put_wire_cast(s, occ, rec);
        return;
    }
    orm_buf_putc(s->out, '?');
}

static int
write_text(pass *s)
{
    const char *p = s->cc->main.p, *end = p + s->cc->main.len;
    bool wire = s->cc->flags & ORM_R_WIRE;

    while (p < end) {
        const char *mark = memchr(p, ORM_MARK, (size_t)(end - p));
        const orm_occ *occ;
        size_t i;

        if (mark == NULL) {
            break;
        }
        orm_buf_put(s->out, p, (size_t)(mark - p));
        p = mark + 1;
        i = read_marker(&p);
        occ = &s->cc->occs[i];
        if (wire) {
            put_for_wire(s, i, occ, s->cc->recs[occ->rec]);
        } else if (put_for_people(s, occ, s->cc->recs[occ->rec]) < 0) {
            return -1;
        }
        if (s->cc->d->style != ORM_STYLE_DOLLAR && occ->in != ORM_IN_LIST) {
            s->f->order[s->f->norder++] = (uint32_t)i;
        }
    }
    orm_buf_put(s->out, p, (size_t)(end - p));
    return s->out->failed ? orm_no_memory() : 0;
}

int
orm_text_finish(orm_cctx *cc, orm_buf *out, orm_finished *f)
{
    pass s = {.cc = cc, .out = out, .f = f};

    *f = (orm_finished){0};
    s.used = orm_arena_alloc(&cc->arena, cc->noccs + 1);
    f->order = orm_arena_array(&cc->arena, cc->noccs + 1, sizeof(*f->order));
    f->names = orm_arena_array(&cc->arena, cc->nrecs + 1, sizeof(*f->names));
    f->holes = orm_arena_array(&cc->arena, cc->noccs + 1, sizeof(*f->holes));
    if (s.used == NULL || f->order == NULL || f->names == NULL || f->holes == NULL) {
        return orm_no_memory();
    }
    memset(s.used, 0, cc->noccs + 1);
    mark_used(&s);
    give_numbers(&s);
    return write_text(&s);
}

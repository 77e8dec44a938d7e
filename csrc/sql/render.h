/*
 * render.h - who renders what: the functions the renderer's files call of each other.
 *
 * Place: included by compile.h, never by itself. Each function writes to cc->out.
 * Errors: 0, or -1 with a Python exception. Locking: the GIL.
 */
#ifndef ORM_SQL_RENDER_H
#define ORM_SQL_RENDER_H

#include "compile.h"

/* --- writing ------------------------------------------------------------------------ */

#define PUTS(text) orm_buf_put(cc->out, "" text, sizeof(text) - 1)
static inline void orm_put_str(orm_cctx *cc, orm_str s) { orm_buf_put(cc->out, s.p, s.n); }
static inline orm_str orm_lit(const char *s) { return (orm_str){s, strlen(s)}; }
/* A Python str as UTF-8 (kept by the str: only for names, never for values). -1: exception. */
int orm_str_of(PyObject *s, orm_str *out);
bool orm_str_eq(orm_str a, orm_str b);
int orm_no_memory(void); /* -1 with MemoryError */
int orm_keep(orm_cctx *cc, PyObject *steal); /* 0; -1 also when steal is NULL */
int orm_compile_error(orm_cctx *cc, const char *format, ...);
/* The same about a name: for each of at most two %U. */
int orm_name_error(orm_cctx *cc, const char *format, orm_str name);

static inline Py_ssize_t nargs(const orm_node *n) { return Py_SIZE(n); }
static inline const orm_node *
arg(const orm_node *n, Py_ssize_t i)
{
    return i < Py_SIZE(n) ? n->args[i] : NULL;
}

/* --- binds (render_bind.c, render_literal.c) -------------------------------------------- */

/* Write a BIND. `force`: see orm_occ. */
int orm_render_bind(orm_cctx *cc, const orm_node *bind, int cast, bool force);
/* Write a BIND that people see as a constant of the text. */
int orm_render_constant_bind(orm_cctx *cc, const orm_node *bind);
/* Write the right side of IN over an expanding bind, operator included. */
int orm_render_in_bind(orm_cctx *cc, const orm_node *bind, bool negate);
/* A list in parentheses, behind an IN that is the user's text. */
int orm_render_list_bind(orm_cctx *cc, const orm_node *bind);
/* The record of a BIND, of a value that comes by name. */
orm_bindrec *orm_bind_record(orm_cctx *cc, const orm_node *bind);
orm_bindrec *orm_bind_as(orm_cctx *cc, const orm_node *bind, orm_str name);
orm_bindrec *orm_bind_by_name(orm_cctx *cc, orm_str name, orm_type *type);
int orm_put_marker(orm_cctx *cc, orm_bindrec *rec, int cast, bool force);
/* The gathered value of a bind, borrowed; NULL: none. */
PyObject *orm_bind_value(orm_cctx *cc, const orm_node *bind);
/* A value as SQL text. */
int orm_put_literal(orm_cctx *cc, orm_type *type, PyObject *value);

/* --- expressions, FROM elements, statements --------------------------------------------- */

/* Render an expression where nothing needs parentheses. */
int orm_render(orm_cctx *cc, const orm_node *n);
/* Render under an operator: parentheses if precedence asks. ORM_AG_SELF: around any operator. */
enum { ORM_AG_NONE = -1, ORM_AG_SELF = -2, ORM_AG_COLLATE = -3 };
#define ORM_PREC_COLLATE 4
int orm_render_under(orm_cctx *cc, const orm_node *n, int against, int precedence);
int orm_render_criterion_under(orm_cctx *cc, const orm_node *n, int against);
int orm_custom_precedence(const orm_node *n);
/* 1: the operator writes parentheses around itself in any place (NOT IN, LIKE '%' || x). */
bool orm_writes_own_parens(const orm_node *n);
int orm_render_against(orm_cctx *cc, const orm_node *n, int against);
/* Render as a criterion: a boolean column becomes `= 1` where booleans do not exist. */
int orm_render_criterion(orm_cctx *cc, const orm_node *n);
/* Items of a LIST with a separator; each against COMMA. */
int orm_render_list(orm_cctx *cc, const orm_node *list, const char *sep);
int orm_render_items(orm_cctx *cc, orm_node *const *v, Py_ssize_t n, const char *sep);

/* Kinds with files of their own. */
int orm_render_operator(orm_cctx *cc, const orm_node *n);  /* UNARY, BINARY, LIST */
int orm_render_func(orm_cctx *cc, const orm_node *n);
int orm_render_over(orm_cctx *cc, const orm_node *n);
int orm_render_window(orm_cctx *cc, const orm_node *n);    /* FILTER, WITHIN, AGGORDER */
int orm_render_column(orm_cctx *cc, const orm_node *n);    /* COLUMN, COLREF, ATTR */
int orm_render_from(orm_cctx *cc, const orm_node *from);   /* as an item of a FROM list */
int orm_render_fromref(orm_cctx *cc, const orm_node *from); /* its name before a column */
int orm_render_statement(orm_cctx *cc, const orm_node *stmt, unsigned rf);
int orm_render_select(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_compound(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_tail(orm_cctx *cc, const orm_node *n);      /* ORDER BY, LIMIT, FOR UPDATE */
int orm_render_order(orm_cctx *cc, const orm_node *list, bool group);
int orm_render_insert(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_update(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_delete(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_conflict(orm_cctx *cc, const orm_node *n);
int orm_render_returning(orm_cctx *cc, const orm_node *n, unsigned rf);
int orm_render_selcol(orm_cctx *cc, const orm_collist *list, const orm_selcol *col, unsigned rf);
int orm_render_from_list(orm_cctx *cc, const orm_fromset *froms);
int orm_render_added_ctes(orm_cctx *cc, const orm_node *list);
/* A selected expression; a type with column_expression() wraps it. */
int orm_render_column_expression(orm_cctx *cc, const orm_node *expr);
/* A stored value; a type with bind_expression() wraps it. */
int orm_put_typed_marker(orm_cctx *cc, orm_bindrec *rec);
int orm_render_prefixes(orm_cctx *cc, const orm_node *list, bool behind);
int orm_render_textstmt(orm_cctx *cc, const orm_node *n);
int orm_render_values(orm_cctx *cc, const orm_node *n);
int orm_render_cte_ref(orm_cctx *cc, const orm_node *cte, orm_str *name);
/* Insert WITH ... at byte `at` of the text for every CTE that is not written yet. */
int orm_splice_ctes(orm_cctx *cc, size_t at);
int orm_unsupported(orm_cctx *cc, const orm_node *n);
int orm_render_custom(orm_cctx *cc, const orm_node *n);
int orm_render_json(orm_cctx *cc, const orm_node *n, bool nested);
/* b['a'][1] as SET takes it: brackets behind the bare column. */
int orm_render_json_target(orm_cctx *cc, const orm_node *n);
bool orm_is_json_arrow(const orm_cctx *cc, const orm_node *n);
int orm_render_like(orm_cctx *cc, const orm_node *n);
int orm_render_subscript(orm_cctx *cc, const orm_node *n);
int orm_operator_precedence(const orm_node *n, int *op);
/* @compiles hooks: 1 rendered by Python, 0 no hook for the node's class, -1. */
int orm_hook_render(orm_cctx *cc, const orm_node *n);

/* Columns and defaults of INSERT and UPDATE. */
typedef struct orm_setcol {
    PyObject *column;      /* borrowed Column; NULL: only the name is known */
    orm_str name;          /* in SQL */
    const orm_node *value; /* expression, or NULL: a bind by name */
    orm_str bind;          /* its name then */
    PyObject *dflt;        /* Column whose Python default gives the value, or NULL */
    bool expr_default;     /* value is a SQL default of the schema */
    const orm_node *part;  /* UPDATE: the subscript of the column that is set; NULL: all of it */
} orm_setcol;
int orm_put_setcol_name(orm_cctx *cc, const orm_setcol *col);
bool orm_is_plain_value(const orm_node *bind, orm_str key);
int orm_render_set_value(orm_cctx *cc, const orm_setcol *col);
bool orm_assign_is_for(const orm_node *assign, PyObject *column);
int orm_dml_columns(orm_cctx *cc, const orm_node *n, const orm_node *assigns, orm_setcol **out,
                    size_t *nout);

/* Result plan. */
int orm_add_rescol(orm_cctx *cc, orm_str name, orm_type *type, const orm_node *expr);

/* text.c: the complete text. */
typedef struct orm_hole {
    size_t at;     /* byte of the text where the list goes */
    uint32_t occ;  /* its occurrence */
    uint32_t slot; /* how many placeholders stand before it in the order of the slots */
} orm_hole;
typedef struct orm_finished {    /* arrays in the run's arena */
    uint32_t *order; uint32_t norder;  /* occurrence of each placeholder */
    uint32_t *names; uint32_t nnames;  /* records by first use */
    orm_hole *holes; uint32_t nholes;  /* lists, in the order of the text */
} orm_finished;
int orm_text_finish(orm_cctx *cc, orm_buf *out, orm_finished *f);
void orm_escape_bind_name(orm_buf *out, orm_str name);

#endif

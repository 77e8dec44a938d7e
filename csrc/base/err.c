/*
 * err.c - the error carrier of the Python-free folders; see err.h.
 *
 * Invariant: code == ORM_OK exactly when no text is owned and nothing failed. The first
 * error wins: what fails while cleaning up after it never replaces it.
 */
#include "base/err.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void
orm_err_init(orm_err *err)
{
    *err = (orm_err){.code = ORM_OK, .row = -1};
}

void
orm_err_fini(orm_err *err)
{
    if (err->code == ORM_OK) { /* owns no text */
        err->row = -1;
        err->lost = false;
        return;
    }
    for (int i = 0; i < ORM_ERR_NTEXT; i++) {
        orm_free(err->text[i]);
    }
    orm_err_init(err);
}

void
orm_err_clear(orm_err *err)
{
    orm_err_fini(err);
}

int
orm_err_vset(orm_err *err, orm_code code, const char *format, va_list args)
{
    assert(code != ORM_OK);
    if (err->code != ORM_OK) {
        return -1;
    }
    char small[256];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof(small), format, args);
    err->code = code;
    if (len >= 0 && (size_t)len < sizeof(small)) {
        err->text[ORM_TEXT_MESSAGE] = orm_strndup(small, (size_t)len);
    }
    else if (len >= 0) {
        char *text = orm_malloc((size_t)len + 1);
        if (text != NULL) {
            vsnprintf(text, (size_t)len + 1, format, again);
        }
        err->text[ORM_TEXT_MESSAGE] = text;
    }
    va_end(again);
    if (err->text[ORM_TEXT_MESSAGE] == NULL) {
        err->code = ORM_E_NOMEM;
    }
    return -1;
}

int
orm_err_set(orm_err *err, orm_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    orm_err_vset(err, code, format, args);
    va_end(args);
    return -1;
}

int
orm_err_nomem(orm_err *err)
{
    if (err->code == ORM_OK) {
        err->code = ORM_E_NOMEM;
    }
    return -1;
}

void
orm_err_set_text(orm_err *err, int which, const char *text, size_t len)
{
    assert(which >= 0 && which < ORM_ERR_NTEXT);
    orm_free(err->text[which]);
    err->text[which] = text == NULL ? NULL : orm_strndup(text, len);
}

const char *
orm_err_text(const orm_err *err, int which)
{
    assert(which >= 0 && which < ORM_ERR_NTEXT);
    return err->text[which] == NULL ? "" : err->text[which];
}

const char *
orm_err_message(const orm_err *err)
{
    if (err->text[ORM_TEXT_MESSAGE] != NULL) {
        return err->text[ORM_TEXT_MESSAGE];
    }
    return err->code == ORM_E_NOMEM ? "out of memory" : "";
}

void
orm_err_move(orm_err *to, orm_err *from)
{
    assert(to->code == ORM_OK);
    *to = *from;
    orm_err_init(from);
}

const char *
orm_code_name(orm_code code)
{
    switch (code) {
    case ORM_OK: return "ORM_OK";
    case ORM_E_NOMEM: return "ORM_E_NOMEM";
    case ORM_E_INTERFACE: return "ORM_E_INTERFACE";
    case ORM_E_PROGRAMMING: return "ORM_E_PROGRAMMING";
    case ORM_E_DATA: return "ORM_E_DATA";
    case ORM_E_DB: return "ORM_E_DB";
    case ORM_E_UNAVAILABLE: return "ORM_E_UNAVAILABLE";
    case ORM_E_LOST: return "ORM_E_LOST";
    case ORM_E_TIMEOUT: return "ORM_E_TIMEOUT";
    case ORM_E_SIGNAL: return "ORM_E_SIGNAL";
    case ORM_E_CANCELLED: return "ORM_E_CANCELLED";
    case ORM_E_FORKED: return "ORM_E_FORKED";
    case ORM_E_COMMIT_UNKNOWN: return "ORM_E_COMMIT_UNKNOWN";
    case ORM_E_POOL_TIMEOUT: return "ORM_E_POOL_TIMEOUT";
    case ORM_E_POOL_CLOSED: return "ORM_E_POOL_CLOSED";
    case ORM_E_REENTRY: return "ORM_E_REENTRY";
    case ORM_E_OPEN_TX: return "ORM_E_OPEN_TX";
    }
    return "ORM_E_?";
}

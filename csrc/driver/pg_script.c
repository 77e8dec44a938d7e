/*
 * pg_script.c - does a text hold more than one statement?
 *
 * Place: asked by pg_exec.c for texts without parameters, because the extended protocol
 *   takes one statement only.
 * Lexical rules: PostgreSQL documentation, 4.1 "Lexical Structure": quoted strings with
 *   doubled quotes, E'' with backslashes, quoted identifiers, dollar quotes with tags,
 *   nested block comments. A semicolon inside parentheses (CREATE RULE) does not count.
 * A wrong "yes" (a function body in SQL style) is harmless: the simple protocol runs a
 *   single statement as well.
 */
#include <string.h>

#include "driver/pg_calls.h"

static bool
is_word(char ch)
{
    unsigned char u = (unsigned char)ch;
    return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
           u == '_' || u == '$' || u >= 0x80;
}

/* Behind the closing quote of the string or identifier that begins at p. */
static const char *
skip_quoted(const char *p, const char *end, bool backslashes)
{
    char quote = *p++;
    while (p < end) {
        if (backslashes && *p == '\\' && p + 1 < end) {
            p += 2;
        }
        else if (*p == quote) {
            if (p + 1 < end && p[1] == quote) {
                p += 2;
                continue;
            }
            return p + 1;
        }
        else {
            p++;
        }
    }
    return end;
}

/* Behind the block comment that begins at p; they nest. */
static const char *
skip_comment(const char *p, const char *end)
{
    int depth = 0;
    while (p + 1 < end) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;
        }
        else if (p[0] == '*' && p[1] == '/') {
            p += 2;
            if (--depth == 0) {
                return p;
            }
        }
        else {
            p++;
        }
    }
    return end;
}

/* Behind the dollar-quoted string that begins at p; p + 1 where none begins. */
static const char *
skip_dollar(const char *p, const char *end)
{
    const char *tag_end = p + 1;
    while (tag_end < end && *tag_end != '$' && is_word(*tag_end)) {
        tag_end++;
    }
    if (tag_end >= end || *tag_end != '$' || (p[1] >= '0' && p[1] <= '9')) {
        return p + 1; /* $1, or a lone dollar */
    }
    size_t tag = (size_t)(tag_end - p) + 1;
    const char *body = tag_end + 1;
    const char *close = memmem(body, (size_t)(end - body), p, tag);
    return close == NULL ? end : close + tag;
}

/* Behind whatever token begins at p. `before` is the character before it, 0 none. */
static const char *
skip_token(const char *p, const char *end, char before)
{
    switch (*p) {
    case '\'': {
        bool escape = before == 'e' || before == 'E';
        return skip_quoted(p, end, escape);
    }
    case '"':
        return skip_quoted(p, end, false);
    case '$':
        return is_word(before) ? p + 1 : skip_dollar(p, end);
    default:
        return p + 1;
    }
}

bool
orm_pg_is_script(const char *sql, size_t len)
{
    const char *p = sql;
    const char *end = sql + len;
    bool ended = false; /* a semicolon closed the first statement */
    int depth = 0;      /* open parentheses */

    if (memchr(sql, ';', len) == NULL) {
        return false;
    }
    while (p < end) {
        char ch = *p;
        if (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f' || ch == '\v') {
            p++;
        }
        else if (ch == '-' && p + 1 < end && p[1] == '-') {
            const char *line = memchr(p, '\n', (size_t)(end - p));
            p = line == NULL ? end : line + 1;
        }
        else if (ch == '/' && p + 1 < end && p[1] == '*') {
            p = skip_comment(p, end);
        }
        else if (ch == ';' && depth == 0) {
            ended = true;
            p++;
        }
        else if (ended) {
            return true;
        }
        else {
            depth += ch == '(' ? 1 : ch == ')' ? -1 : 0;
            p = skip_token(p, end, p > sql ? p[-1] : '\0');
        }
    }
    return false;
}

/*
 * verb.c - small readers of what comes into a driver: option pairs and first words of SQL.
 *
 * Shared by both databases. The verb decides only what must be known before a statement
 * runs (does it need a transaction, does it end one); the database has the last word.
 */
#include "driver/statement.h"

#include <strings.h>

#include "driver/verb.h"

const char *
orm_dsn_get(const orm_dsn *dsn, const char *key)
{
    for (uint32_t i = 0; i < dsn->n; i++) {
        if (strcmp(dsn->keys[i], key) == 0) {
            return dsn->values[i];
        }
    }
    return NULL;
}

/* The end of a block comment that begins at `at`. PostgreSQL nests them, SQLite does not:
 * a text for which that makes a difference is an error in one of the two anyway. */
static const char *
skip_block_comment(const char *at, const char *end)
{
    for (at += 2; at < end; at++) {
        if (at + 1 < end && at[0] == '*' && at[1] == '/') {
            return at + 2;
        }
    }
    return end;
}

const char *
orm_sql_skip_blank(const char *at, const char *end, int semicolons)
{
    while (at < end) {
        if (*at == ' ' || (*at >= '\t' && *at <= '\r') || (semicolons && *at == ';')) {
            at++;
        }
        else if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            at = line_end == NULL ? end : line_end + 1;
        }
        else if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
            at = skip_block_comment(at, end);
        }
        else {
            break;
        }
    }
    return at;
}

static size_t
word_length(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_')) {
        at++;
    }
    return (size_t)(at - start);
}

static int
is_word(const char *at, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(at, word, len) == 0;
}

static const struct {
    const char *word; /* first word of a statement, any case */
    uint8_t verb;     /* ORM_VERB_ */
} verbs[] = {
    {"select", ORM_VERB_SELECT},     {"values", ORM_VERB_SELECT},
    {"explain", ORM_VERB_SELECT},    {"show", ORM_VERB_SELECT},
    {"table", ORM_VERB_SELECT},      {"insert", ORM_VERB_INSERT},
    {"replace", ORM_VERB_INSERT},    {"update", ORM_VERB_UPDATE},
    {"delete", ORM_VERB_DELETE},     {"merge", ORM_VERB_DML},
    {"create", ORM_VERB_DDL},        {"alter", ORM_VERB_DDL},
    {"drop", ORM_VERB_DDL},          {"truncate", ORM_VERB_DDL},
    {"comment", ORM_VERB_DDL},       {"grant", ORM_VERB_DDL},
    {"revoke", ORM_VERB_DDL},        {"reindex", ORM_VERB_DDL},
    {"begin", ORM_VERB_BEGIN},       {"start", ORM_VERB_BEGIN},
    {"commit", ORM_VERB_COMMIT},     {"end", ORM_VERB_COMMIT},
    {"rollback", ORM_VERB_ROLLBACK}, {"abort", ORM_VERB_ROLLBACK},
    {"savepoint", ORM_VERB_SAVEPOINT}, {"release", ORM_VERB_SAVEPOINT},
    {"with", ORM_VERB_UNKNOWN},
};

/* ROLLBACK [WORK | TRANSACTION] [AND ... | TO ...] */
static int
verb_of_rollback(const char *at, const char *end)
{
    for (int words = 0; words < 2; words++) {
        at = orm_sql_skip_blank(at, end, 0);
        size_t len = word_length(at, end);
        if (is_word(at, len, "to")) {
            return ORM_VERB_SAVEPOINT;
        }
        at += len;
    }
    return ORM_VERB_ROLLBACK;
}

int
orm_sql_verb(const char *sql, size_t len)
{
    const char *end = sql + len;
    const char *at = orm_sql_skip_blank(sql, end, 1);
    while (at < end && *at == '(') { /* "(SELECT ...) UNION ..." */
        at = orm_sql_skip_blank(at + 1, end, 0);
    }
    size_t word = word_length(at, end);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (is_word(at, word, verbs[i].word)) {
            return verbs[i].verb == ORM_VERB_ROLLBACK ? verb_of_rollback(at + word, end)
                                                      : verbs[i].verb;
        }
    }
    return word == 0 ? ORM_VERB_UNKNOWN : ORM_VERB_OTHER;
}

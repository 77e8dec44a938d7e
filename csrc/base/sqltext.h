/*
 * sqltext.h - the text of one statement as it goes over the wire.
 *
 * Written by sql/ (compiled statements) and exec/ (raw SQL), read by the drivers: here,
 * because neither of sql/ and driver/ knows the other. No Python here.
 */
#ifndef ORM_BASE_SQLTEXT_H
#define ORM_BASE_SQLTEXT_H

#include <stddef.h>
#include <stdint.h>

/* The first word of a statement, comments skipped. UNKNOWN: the driver finds out. */
enum {
    ORM_VERB_UNKNOWN,
    ORM_VERB_SELECT,   /* also VALUES, EXPLAIN, WITH that reads */
    ORM_VERB_INSERT,   /* also REPLACE */
    ORM_VERB_UPDATE,
    ORM_VERB_DELETE,
    ORM_VERB_DML,      /* other changes of rows: MERGE, WITH before a DML */
    ORM_VERB_DDL,      /* CREATE, ALTER, DROP, ... */
    ORM_VERB_OTHER,    /* PRAGMA, SET, VACUUM, ATTACH, CALL, ... */
    ORM_VERB_BEGIN,    /* BEGIN, START TRANSACTION */
    ORM_VERB_COMMIT,   /* COMMIT, END */
    ORM_VERB_ROLLBACK, /* ROLLBACK, ABORT; not ROLLBACK TO */
    ORM_VERB_SAVEPOINT /* SAVEPOINT, RELEASE, ROLLBACK TO */
};

enum {
    ORM_TEXT_OWN_SHAPE = 1,  /* the ORM's own statement: PostgreSQL names it at first use */
    ORM_TEXT_NO_PREPARE = 2, /* PostgreSQL: always unnamed, a custom plan each time */
    ORM_TEXT_BOUNDED = 4,    /* few rows: libpq buffers them */
    ORM_TEXT_UNIQUE_GET = 8  /* at most one row, found by key */
};

/* The text that goes over the wire; frozen, usually part of a compiled statement. */
typedef struct orm_sqltext {
    const char *sql; /* NUL-terminated */
    size_t len;      /* bytes without the NUL */
    uint64_t id;     /* unique in the process: key of the statement caches. 0: keyed by the
                      * text's bytes in SQLite, not cached in PostgreSQL. Who makes a text numbers
                      * it in a range of its own: compiled statements from 1 on, and below */
    uint8_t verb;    /* ORM_VERB_ */
    uint8_t flags;   /* ORM_TEXT_ */
} orm_sqltext;

/* First ids of the texts that unit/ writes, and of those that a driver keeps for itself. */
#define ORM_TEXT_ID_UNIT (UINT64_C(1) << 62)
#define ORM_TEXT_ID_DRIVER (UINT64_C(1) << 63)

#endif /* ORM_BASE_SQLTEXT_H */

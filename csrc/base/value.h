/*
 * value.h - one value on its way to a database or from it.
 *
 * Written by types/ (parameters) and the drivers (cells), read by the drivers and types/:
 * the folders between which nothing else is shared. No Python here.
 */
#ifndef ORM_BASE_VALUE_H
#define ORM_BASE_VALUE_H

#include <stdint.h>

enum { ORM_PG = 0, ORM_LITE = 1, ORM_NDIALECTS = 2 };

enum { ORM_V_NULL, ORM_V_INT, ORM_V_REAL, ORM_V_TEXT, ORM_V_BLOB };

/* One parameter. PostgreSQL: always u.p and len, but for kind NULL. SQLite: kind decides.
 * Memory of u.p lives until the cursor is closed, or exec_many has returned. */
typedef struct orm_param {
    uint8_t kind;   /* ORM_V_ */
    uint8_t format; /* PostgreSQL: 0 text, 1 binary */
    uint16_t pad;   /* unused */
    uint32_t oid;   /* PostgreSQL: type, 0 = the server infers it */
    int32_t len;    /* bytes at u.p; SQLite INT, REAL, NULL: unused */
    union {
        int64_t i;     /* SQLite ORM_V_INT */
        double d;      /* SQLite ORM_V_REAL; never NaN, SQLite would store NULL */
        const char *p; /* not NUL-terminated (PostgreSQL text format: NUL-terminated) */
    } u;
} orm_param;

/* One value of a row. Valid as long as the batch it came with. */
typedef struct orm_cell {
    const char *p; /* TEXT, BLOB: the bytes, never NULL also when len is 0; else NULL */
    union {
        int64_t i; /* SQLite ORM_V_INT */
        double d;  /* SQLite ORM_V_REAL */
    } u;
    int32_t len;  /* bytes at p */
    uint8_t kind; /* ORM_V_; PostgreSQL: NULL, BLOB (binary format) or TEXT (text format) */
} orm_cell;

#endif /* ORM_BASE_VALUE_H */

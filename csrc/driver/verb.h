/*
 * verb.h - walking over what is no SQL; inside driver/ only. Verbs and options that other
 * folders use are declared in statement.h.
 */
#ifndef ORM_DRIVER_VERB_H
#define ORM_DRIVER_VERB_H

/* Behind white space and comments, and semicolons if asked. */
const char *orm_sql_skip_blank(const char *at, const char *end, int semicolons);

#endif /* ORM_DRIVER_VERB_H */

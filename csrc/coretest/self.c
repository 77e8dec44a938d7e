/*
 * coretest/self.c - tests of the test runner.
 */
#include "coretest/coretest.h"

#include <string.h>

static void
first_failure_is_kept_when_several_fail(orm_check *c)
{
    orm_check inner = {0};

    ORM_CHECK(&inner, 1 + 1 == 2);
    ORM_CHECK(&inner, 1 + 1 == 3);
    ORM_CHECK(&inner, 1 + 1 == 4);

    ORM_CHECK(c, inner.held == 1);
    ORM_CHECK(c, inner.file != NULL && strcmp(inner.text, "1 + 1 == 3") == 0);
}

static const orm_coretest_case checks[] = {
    {"first_failure_is_kept_when_several_fail", first_failure_is_kept_when_several_fail},
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_self = {.checks = checks};

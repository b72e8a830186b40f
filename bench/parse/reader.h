/* reader.h - what parse_bench asks of everything that can read a SIP message: the same fields of each, and how long it takes.
 *
 * A full reader finds all of `struct fields`, so that nobody is fast by leaving something out; parse_bench compares what they
 * found before it measures. Libraries of others are modules (bench/parse/NAME.c, `reader` in each), loaded at run time: where
 * one is not installed its column is missing, and their names cannot meet ours or each other's. */
#ifndef BENCH_PARSE_READER_H
#define BENCH_PARSE_READER_H

#include <stdint.h>

#include "base/slice.h"

enum field {
    FIELD_METHOD, /* of the request, as written; a response has none */
    FIELD_URI_USER,
    FIELD_URI_HOST,
    FIELD_VIA_HOST, /* of the top one */
    FIELD_VIA_BRANCH,
    FIELD_FROM_USER,
    FIELD_FROM_HOST,
    FIELD_FROM_TAG,
    FIELD_TO_USER,
    FIELD_TO_HOST,
    FIELD_TO_TAG,
    FIELD_CALL_ID,
    FIELD_CSEQ_METHOD,
    FIELD_CONTACT_USER, /* of the first one */
    FIELD_CONTACT_HOST,
    FIELD_ROUTE_USER, /* of the first one */
    FIELD_ROUTE_HOST,
    FIELD_N
};

#define FIELD_Z SIZE_MAX /* n of a text that the library ends with a NUL: nobody is charged for counting */

struct fields {
    struct slice text[FIELD_N]; /* p == NULL: absent. They last until close() */
    uint32_t     status;        /* responses  */
    uint32_t     cseq;
    uint32_t     max_forwards;  /* 0: absent  */
    uint32_t     body_octets;
};

struct reader {
    const char *name;
    bool        full; /* fills all of `fields` */
    /* Read a message; what is absent stays as it is (zero). NULL: it was refused, or there was no memory. */
    void *(*open)(struct slice octets, struct fields *out);
    void (*close)(void *opened);
};

extern const struct reader reader; /* of a module */

static inline struct slice field_z(const char *z)
{
    return (struct slice){z, FIELD_Z};
}

#endif

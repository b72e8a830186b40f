/* own.h - our own readers: stages of one another, and the whole. */
#ifndef BENCH_PARSE_OWN_H
#define BENCH_PARSE_OWN_H

#include "reader.h"

enum { OWN_SCAN, OWN_PARSE, OWN_ROUTE, OWN_CHECK, OWN_FULL, OWN_CHECKED, OWN_N };

/* scan      memchr for each line end: what a plain look at the octets costs
 * parse     msg_parse(): rows found and named
 * route     parse, and all that routing needs: Request-URI, top Via, CSeq, both tags, Call-ID, first Route
 * check     route, and msg_check()
 * strowger  parse, and all of `struct fields`: what the others' readers give
 * checked   strowger behind msg_check(), as a message that is worked on goes */
extern const struct reader own_readers[OWN_N];

#endif

/* corpus.h - the messages that are read: of our own making, after the examples' manner; and whatever a folder holds. */
#ifndef BENCH_PARSE_CORPUS_H
#define BENCH_PARSE_CORPUS_H

#include <stddef.h>

#include "base/slice.h"

enum { CORPUS_MESSAGES = 256 };

struct corpus {
    const char  *name;
    size_t       n;
    struct slice message[CORPUS_MESSAGES];
};

enum { CORPUS_N = 4 };
extern const struct corpus corpora[CORPUS_N]; /* all sound: every full reader finds the same in them */

/* Every *.sip of `folder`; corpus_close() gives the octets back. */
void corpus_load(struct corpus *c, const char *name, const char *folder);
void corpus_close(struct corpus *c);

#endif

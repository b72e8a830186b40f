/* log.h - one event, one line, key=value (STYLE §11).
 *
 *     t=1730.412 lvl=info ev=tsx.state call=a84b4c76e66710 branch=z9hG4bK776asdhds code=200
 *
 * Event names are an API, listed in doc/events.md. Never a password, nonce or key. Wire text is escaped: a value with a
 * space, a quote or nothing in it stands in quotes, every other octet than printable ASCII becomes \xHH.
 * A line leaves in one write, so that lines of several threads never mix. A struct log may be used by all threads.
 *
 *     struct log_line l;
 *
 *     log_begin(&l, log, LOG_INFO, LOG_EVENT("tsx.state"), call_id);
 *     log_text(&l, "branch", branch);
 *     log_number(&l, "code", 200);
 *     log_end(&l);
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define LOG_MAX_LINE 2048 /* a line, its end included; what does not fit any more is left out, and the line ends in cut=1 */
#define LOG_MAX_VALUE 512 /* octets of one value that are looked at; the rest is "..." */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    enum log_level level; /* lines above it are not made */
    /* One whole line, with its '\n'. Safe for all threads that log. */
    void (*write)(void *ctx, struct slice line);
    void *ctx;
    /* The time that t= shows, in microseconds. */
    uint64_t (*now_us)(void *ctx);
    void *clock_ctx;
};

/* To a file descriptor, with the wall clock. What the descriptor does not take at once is lost. */
void log_to_fd(struct log *out, int fd, enum log_level level);
/* To a function, with the wall clock (set now_us for virtual time). */
void log_to(struct log *out, void (*write)(void *ctx, struct slice line), void *ctx, enum log_level level);

enum err log_level_find(struct slice name, enum log_level *out); /* "error", "warn", "info", "debug"; ERR_NOTFOUND */

/* How an event's name is written, wherever it stands: tools/check-events compares these with doc/events.md. */
#define LOG_EVENT(name) ("" name)

struct log_line {
    struct log *log; /* NULL: this line is not wanted */
    struct buf  b;
    bool        cut;
    char        text[LOG_MAX_LINE];
};

/* log NULL: nothing is logged. call_id empty: the event belongs to no call. Keys and events are our own literals. */
void log_begin(struct log_line *l, struct log *log, enum log_level level, const char *event, struct slice call_id);
void log_text(struct log_line *l, const char *key, struct slice value);
void log_number(struct log_line *l, const char *key, uint64_t value);
void log_addr(struct log_line *l, const char *key, const struct addr *value);
void log_err(struct log_line *l, const char *key, enum err value);
void log_end(struct log_line *l);

/* While others log. */
static inline void log_set_level(struct log *log, enum log_level level)
{
    __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
}

static inline bool log_wants(const struct log *log, enum log_level level)
{
    return log && level <= __atomic_load_n(&log->level, __ATOMIC_RELAXED);
}

#endif

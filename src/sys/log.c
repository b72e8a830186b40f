/* log.c - lines of key=value.
 *
 * Room      sys.
 * Touches   the line; at its end one write. */
#include "sys/log.h"

#include <unistd.h>

#include "sys/clock.h"

/* Room kept back for " cut=1\n". */
#define TAIL_OCTETS 7

static const struct slice level_names[] = {S("error"), S("warn"), S("info"), S("debug")};

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return clock_wall_us();
}

static void write_fd(void *ctx, struct slice line)
{
    ssize_t written = write((int)(intptr_t)ctx, line.p, line.n);

    (void)written; /* there is nobody to tell */
}

void log_to(struct log *out, void (*write)(void *ctx, struct slice line), void *ctx, enum log_level level)
{
    *out = (struct log){level, write, ctx, wall, NULL};
}

void log_to_fd(struct log *out, int fd, enum log_level level)
{
    log_to(out, write_fd, (void *)(intptr_t)fd, level);
}

enum err log_level_find(struct slice name, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (slice_ieq(name, level_names[i])) {
            *out = (enum log_level)i;
            return ERR_OK;
        }
    return ERR_NOTFOUND;
}

/* Takes back what was written since `mark` when it did not fit. */
static void settle(struct log_line *l, size_t mark)
{
    if (buf_err(&l->b) == ERR_OK)
        return;
    l->b.overflow = false;
    l->b.n = mark;
    l->cut = true;
}

static void put_key(struct log_line *l, const char *key)
{
    buf_putc(&l->b, ' ');
    buf_put(&l->b, slice_z(key));
    buf_putc(&l->b, '=');
}

void log_begin(struct log_line *l, struct log *log, enum log_level level, const char *event, struct slice call_id)
{
    uint64_t now;

    l->log = log_wants(log, level) ? log : NULL;
    if (!l->log)
        return;
    l->cut = false;
    buf_init(&l->b, l->text, sizeof l->text - TAIL_OCTETS);
    now = log->now_us(log->clock_ctx);
    buf_put(&l->b, S("t="));
    buf_putu(&l->b, now / 1000000);
    buf_putc(&l->b, '.');
    buf_putu_wide(&l->b, now / 1000 % 1000, 3);
    buf_puts(&l->b, S(" lvl="), level_names[level], S(" ev="), slice_z(event));
    settle(l, 0);
    if (call_id.n)
        log_text(l, "call", call_id);
}

static bool needs_quotes(struct slice s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || s.p[i] == '=' || s.p[i] == '"')
            return true;
    return false;
}

void log_text(struct log_line *l, const char *key, struct slice value)
{
    struct slice shown = slice_to(value, LOG_MAX_VALUE);
    bool         quoted = needs_quotes(shown);
    size_t       mark;

    if (!l->log)
        return;
    mark = l->b.n;
    put_key(l, key);
    if (quoted)
        buf_putc(&l->b, '"');
    buf_put_escaped(&l->b, shown);
    if (shown.n < value.n)
        buf_put(&l->b, S("..."));
    if (quoted)
        buf_putc(&l->b, '"');
    settle(l, mark);
}

void log_number(struct log_line *l, const char *key, uint64_t value)
{
    size_t mark;

    if (!l->log)
        return;
    mark = l->b.n;
    put_key(l, key);
    buf_putu(&l->b, value);
    settle(l, mark);
}

void log_addr(struct log_line *l, const char *key, const struct addr *value)
{
    size_t mark;

    if (!l->log)
        return;
    mark = l->b.n;
    put_key(l, key);
    addr_put(&l->b, value);
    settle(l, mark);
}

void log_err(struct log_line *l, const char *key, enum err value)
{
    log_text(l, key, slice_z(err_text(value)));
}

void log_end(struct log_line *l)
{
    if (!l->log)
        return;
    l->b.cap = sizeof l->text;
    if (l->cut)
        buf_put(&l->b, S(" cut=1"));
    buf_putc(&l->b, '\n');
    l->log->write(l->log->ctx, buf_slice(&l->b));
    l->log = NULL;
}

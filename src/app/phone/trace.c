/* trace.c - every SIP message of the phone to a file, as it went over the wire.
 *
 * Room      app/phone.
 * In        the record that the stack copies messages to; looked at each TRACE_MS.
 * Out       the file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/phone/app.h"
#include "sys/oserr.h"
#include "trace/trace.h"

enum { TRACE_MS = 50, TRACE_OCTETS = 1 << 20 };

struct tracer {
    struct net      *net;
    struct mem      *mem;
    struct record   *record;
    FILE            *file;
    struct net_timer timer;
};

/* The message, its secrets covered: such files are shown around. Without memory nothing of it. */
static void write_octets(struct tracer *t, struct slice octets)
{
    char *copy = mem_alloc(t->mem, octets.n ? octets.n : 1);

    if (!copy)
        return;
    if (octets.n)
        memcpy(copy, octets.p, octets.n);
    trace_mask(copy, octets.n);
    fwrite(copy, 1, octets.n, t->file);
    mem_free(t->mem, copy, octets.n ? octets.n : 1);
}

static void write_entry(struct tracer *t, const struct record_entry *e)
{
    char text[2 * ADDR_MAX_TEXT + 16], stamp[32];
    struct buf b = BUF_ON(text);
    time_t s = (time_t)(e->wall_us / 1000000);
    struct tm tm;

    addr_put(&b, &e->local);
    buf_put(&b, e->out ? S(" -> ") : S(" <- "));
    addr_put(&b, &e->remote);
    if (!gmtime_r(&s, &tm) || !strftime(stamp, sizeof stamp, "%H:%M:%S", &tm))
        stamp[0] = 0;
    fprintf(t->file, "%s.%06u %.*s %.*s\n", stamp, (unsigned)(e->wall_us % 1000000), SARG(e->transport), SARG(buf_slice(&b)));
    write_octets(t, e->octets);
    fputc('\n', t->file);
}

static void drain(struct tracer *t)
{
    struct record_entry e;

    while (!record_peek(t->record, &e)) {
        if (e.missed)
            fprintf(t->file, "(%llu messages are missing here)\n", (unsigned long long)e.missed);
        if (e.kind == RECORD_MESSAGE)
            write_entry(t, &e);
        record_next(t->record);
    }
    (void)fflush(t->file);
}

static void on_timer(void *arg)
{
    struct tracer *t = arg;

    drain(t);
    net_timer_set(t->net, &t->timer, net_now_us(t->net) + TRACE_MS * 1000u);
}

enum err tracer_open(struct net *n, struct mem *mem, const char *path, struct tracer **out)
{
    struct tracer *t = mem_zalloc(mem, sizeof *t);
    enum err e = ERR_NOMEM;

    if (!t)
        goto fail;
    t->net = n;
    t->mem = mem;
    t->timer = (struct net_timer){.fire = on_timer, .arg = t};
    if (!(t->file = fopen(path, "w"))) {
        e = oserr(errno);
        goto fail;
    }
    if ((e = record_open(&(struct record_config){.mem = mem, .octets = TRACE_OCTETS}, &t->record)))
        goto fail;
    net_timer_set(n, &t->timer, net_now_us(n) + TRACE_MS * 1000u);
    *out = t;
    return ERR_OK;
fail:
    tracer_close(t);
    return e;
}

struct record *tracer_record(struct tracer *t)
{
    return t->record;
}

void tracer_close(struct tracer *t)
{
    if (!t)
        return;
    net_timer_cancel(t->net, &t->timer);
    if (t->record)
        drain(t);
    record_close(t->record);
    if (t->file)
        (void)fclose(t->file);
    mem_free(t->mem, t, sizeof *t);
}

/* record.c - a ring of entries of different sizes, one writer and one reader.
 *
 * Room      record.
 * In        record_message(), record_sent(), record_reason(): the worker. record_peek(), record_next(): the recorder.
 * Touches   the ring. `head` is the writer's alone, `tail` the reader's alone; each reads the other's with acquire and
 *           publishes its own with release, and nothing else is shared but the counts.
 *
 * Both run upwards for ever; the place in the ring is their lower bits. An entry lies in one piece: when the end of the ring
 * is too near, the rest of it is a PAD entry. All sizes are multiples of 8, so a head always fits before the end. */
#include "record/record.h"

#include <stdatomic.h>
#include <string.h>

#include "sys/clock.h"

enum head_kind { HEAD_MESSAGE, HEAD_REASON, HEAD_PAD };

/* The least that every entry has, a PAD too: so that it fits into the last 8 octets of the ring. */
struct head {
    uint32_t octets; /* of the whole entry */
    uint8_t  kind;   /* enum head_kind */
    uint8_t  out;
    uint16_t unused;
};

struct body {
    struct head head;
    uint64_t    number, missed, mono_us, wall_us;
    struct addr local, remote;
    uint32_t    n[3]; /* octets of the pieces behind, in their order */
    uint32_t    unused;
};

#define CACHE_LINE 64

struct record {
    struct record_config config;
    unsigned char       *ring;
    uint64_t             cap;
    char apart[CACHE_LINE]; /* so that writer and reader do not take each other's cache lines */
    /* the writer's */
    _Atomic uint64_t head;
    uint64_t         tail_seen; /* how far the reader was when last asked */
    uint64_t         number;    /* of the last entry, dropped ones too */
    uint64_t         missed;    /* dropped since the last that fitted */
    _Atomic uint64_t written, dropped;
    char             apart_too[CACHE_LINE];
    /* the reader's */
    _Atomic uint64_t tail;
    uint64_t         head_seen;
};

static void machine_now(void *ctx, uint64_t *mono_us, uint64_t *wall_us)
{
    (void)ctx;
    *mono_us = clock_mono_us();
    *wall_us = clock_wall_us();
}

enum err record_open(const struct record_config *config, struct record **out)
{
    struct record *r;
    uint64_t       cap = RECORD_MIN_OCTETS;

    if (config->octets > RECORD_MAX_OCTETS)
        return ERR_LIMIT;
    while (cap < config->octets)
        cap *= 2;
    if (!(r = mem_zalloc(config->mem, sizeof *r)))
        return ERR_NOMEM;
    r->config = *config;
    r->cap = cap;
    if (!r->config.now)
        r->config.now = machine_now;
    if (!(r->ring = mem_alloc(config->mem, cap))) {
        record_close(r);
        return ERR_NOMEM;
    }
    *out = r;
    return ERR_OK;
}

void record_close(struct record *r)
{
    if (!r)
        return;
    mem_free(r->config.mem, r->ring, r->cap);
    mem_free(r->config.mem, r, sizeof *r);
}

static void *at(const struct record *r, uint64_t position)
{
    return r->ring + (position & (r->cap - 1));
}

/* Octets to jump over so that n octets lie in one piece. */
static uint64_t padding(const struct record *r, uint64_t head, uint64_t n)
{
    uint64_t to_end = r->cap - (head & (r->cap - 1));

    return to_end < n ? to_end : 0;
}

static bool has_room(struct record *r, uint64_t head, uint64_t n)
{
    if (head + n - r->tail_seen <= r->cap)
        return true;
    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head + n - r->tail_seen <= r->cap;
}

/* A count that only one thread changes needs no locked instruction. */
static void count(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void drop(struct record *r)
{
    r->missed++;
    count(&r->dropped);
}

/* *b has its kind, direction, addresses and time; the rest is filled in here. */
static void put(struct record *r, struct body *b, const struct slice pieces[3])
{
    uint64_t       head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t       n = sizeof *b, pad;
    unsigned char *to;

    r->number++;
    for (int i = 0; i < 3; i++) {
        if (pieces[i].n > RECORD_MAX_ENTRY || (n += pieces[i].n) > RECORD_MAX_ENTRY) {
            drop(r);
            return;
        }
        b->n[i] = (uint32_t)pieces[i].n;
    }
    n = (n + 7) & ~(uint64_t)7;
    pad = padding(r, head, n);
    if (!has_room(r, head, pad + n)) {
        drop(r);
        return;
    }
    if (pad)
        *(struct head *)at(r, head) = (struct head){(uint32_t)pad, HEAD_PAD, 0, 0};
    b->head.octets = (uint32_t)n;
    b->number = r->number;
    b->missed = r->missed;
    to = at(r, head + pad);
    memcpy(to, b, sizeof *b);
    to += sizeof *b;
    for (int i = 0; i < 3; i++) {
        if (pieces[i].n)
            memcpy(to, pieces[i].p, pieces[i].n);
        to += pieces[i].n;
    }
    r->missed = 0;
    count(&r->written);
    atomic_store_explicit(&r->head, head + pad + n, memory_order_release);
}

void record_skip(struct record *r)
{
    r->number++;
    drop(r);
}

void record_now(const struct record *r, struct record_time *out)
{
    r->config.now(r->config.ctx, &out->mono_us, &out->wall_us);
}

void record_message(struct record *r, bool out, const struct record_flow *flow, struct slice octets)
{
    struct body b = {.head = {.kind = HEAD_MESSAGE, .out = out}, .local = flow->local, .remote = flow->remote};

    r->config.now(r->config.ctx, &b.mono_us, &b.wall_us);
    put(r, &b, (const struct slice[3]){flow->transport, octets, SLICE_NONE});
}

void record_sent(struct record *r, const struct record_time *before, const struct record_flow *flow, struct slice octets)
{
    struct body b = {.head = {.kind = HEAD_MESSAGE, .out = true}, .local = flow->local, .remote = flow->remote,
                     .mono_us = before->mono_us, .wall_us = before->wall_us};

    put(r, &b, (const struct slice[3]){flow->transport, octets, SLICE_NONE});
}

void record_reason(struct record *r, struct slice code, struct slice call_id, struct slice text)
{
    struct body b = {.head = {.kind = HEAD_REASON}};

    r->config.now(r->config.ctx, &b.mono_us, &b.wall_us);
    put(r, &b, (const struct slice[3]){code, text, call_id});
}

/* The head at the reader's place, PADs passed over; NULL when there is nothing. */
static const struct body *oldest(struct record *r)
{
    for (;;) {
        uint64_t           tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
        const struct head *h = at(r, tail);

        if (tail == r->head_seen)
            r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail == r->head_seen)
            return NULL;
        if (h->kind != HEAD_PAD)
            return (const struct body *)h;
        atomic_store_explicit(&r->tail, tail + h->octets, memory_order_release);
    }
}

enum err record_peek(struct record *r, struct record_entry *out)
{
    const struct body *b = oldest(r);
    const char        *p;
    struct slice       piece[3];

    if (!b)
        return ERR_AGAIN;
    p = (const char *)(b + 1);
    for (int i = 0; i < 3; i++) {
        piece[i] = (struct slice){p, b->n[i]};
        p += b->n[i];
    }
    *out = (struct record_entry){
        .kind = b->head.kind == HEAD_MESSAGE ? RECORD_MESSAGE : RECORD_REASON,
        .worker = r->config.worker,
        .out = b->head.out,
        .number = b->number,
        .missed = b->missed,
        .mono_us = b->mono_us,
        .wall_us = b->wall_us,
        .local = b->local,
        .remote = b->remote,
        .octets = piece[1],
    };
    if (out->kind == RECORD_MESSAGE)
        out->transport = piece[0];
    else
        out->code = piece[0], out->call_id = piece[2];
    return ERR_OK;
}

void record_next(struct record *r)
{
    const struct body *b = oldest(r);

    if (b)
        atomic_store_explicit(&r->tail, atomic_load_explicit(&r->tail, memory_order_relaxed) + b->head.octets,
                              memory_order_release);
}

void record_counts(const struct record *r, struct record_counts *out)
{
    out->written = atomic_load_explicit(&r->written, memory_order_relaxed);
    out->dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
}

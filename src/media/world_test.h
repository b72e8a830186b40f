/* world_test.h - for this room's tests: a fake world with two ends of a call, A and B, and what they were told.
 *
 * net/fake/fake.h comes before it: only a test may include that, and this is a header. */
#ifndef MEDIA_WORLD_TEST_H
#define MEDIA_WORLD_TEST_H

#include "media/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "sys/heap.h"

enum { PT_A = 8, PT_U = 0, PT_EVENT = 101, MAX_LOG = 64 };

struct end {
    struct fake_node   *node;
    struct net         *net;
    struct addr         host;
    struct media       *media;
    struct addr         rtp, rtcp; /* its own */
    struct media_params params;    /* what it was told last */
    struct media_event  log[MAX_LOG];
    size_t              n_log;
    char                digits[32];
    bool                close_at_digit;
};

struct world {
    struct heap_counted heap;
    struct fake        *fake;
    struct end          a, b;
    uint64_t            sum; /* of all that left, with its time */
    unsigned            sent;
};

static inline void on_event(void *arg, struct media *m, const struct media_event *e)
{
    struct end *end = arg;

    assert_ptr_equal(m, end->media);
    if (end->n_log < MAX_LOG)
        end->log[end->n_log++] = *e;
    if (e->kind == MEDIA_EVENT_DIGIT && strlen(end->digits) + 1 < sizeof end->digits)
        end->digits[strlen(end->digits)] = e->digit;
    if (e->kind == MEDIA_EVENT_DIGIT && end->close_at_digit) {
        media_close(m);
        end->media = NULL;
    }
}

static inline unsigned told(const struct end *e, enum media_event_kind kind)
{
    unsigned n = 0;

    for (size_t i = 0; i < e->n_log; i++)
        n += e->log[i].kind == kind;
    return n;
}

static inline void seen(void *ctx, const struct fake_seen *s)
{
    struct world        *w = ctx;
    const struct hash_key key = {s->at_us, s->fate};

    w->sum = w->sum * 31 + hash_octets(&key, s->octets);
    w->sent += s->fate == FAKE_SENT;
}

static inline struct media_config config(struct world *w, struct end *e, uint64_t seed)
{
    return (struct media_config){
        .net = e->net, .mem = &w->heap.mem, .local = e->host, .seed = seed, .on_event = on_event, .arg = e};
}

static inline void end_open(struct world *w, struct end *e, const char *host, uint64_t seed)
{
    struct media_config c;

    assert_int_equal(fake_add_node(w->fake, host, 1, &e->node), ERR_OK);
    e->net = fake_net(e->node, 0);
    assert_int_equal(addr_parse_ip(slice_z(host), &e->host), ERR_OK);
    c = config(w, e, seed);
    assert_int_equal(media_open(&e->media, &c), ERR_OK);
    media_local(e->media, &e->rtp, &e->rtcp);
}

static inline struct world *world_open(void)
{
    struct world      *w = calloc(1, sizeof *w);
    struct fake_config c = {.seed = 7};

    assert_non_null(w);
    heap_counted_init(&w->heap, NULL, 0);
    c.mem = &w->heap.below;
    assert_int_equal(fake_open(&c, &w->fake), ERR_OK);
    fake_observe(w->fake, seen, w);
    end_open(w, &w->a, "192.0.2.1", 1);
    end_open(w, &w->b, "192.0.2.2", 2);
    return w;
}

static inline void end_close(struct end *e)
{
    struct fake_counts counts;

    media_close(e->media);
    fake_node_counts(e->node, &counts);
    assert_int_equal(counts.udp + counts.timers + counts.posts, 0);
}

static inline void world_close(struct world *w)
{
    end_close(&w->a);
    end_close(&w->b);
    fake_close(w->fake);
    assert_int_equal(w->heap.octets, 0);
    free(w);
}

static inline void run_ms(struct world *w, uint64_t ms)
{
    fake_run_until(w->fake, fake_now_us(w->fake) + ms * 1000);
}

/* What `e` is told of the other end: both ways, A-law, digits. */
static inline struct media_params towards(const struct end *other)
{
    return (struct media_params){
        .rtp = other->rtp, .rtcp = other->rtcp, .formats = {{.codec = MEDIA_PCMA, .send_pt = PT_A, .recv_pt = PT_A}, {.codec = MEDIA_PCMU, .send_pt = PT_U, .recv_pt = PT_U}},
        .n_formats = 2, .events = true, .event_send_pt = PT_EVENT, .event_recv_pt = PT_EVENT, .send = true, .receive = true};
}

static inline void set(struct end *e, const struct media_params *p)
{
    e->params = *p;
    assert_int_equal(media_set(e->media, p), ERR_OK);
}

static inline void talk(struct world *w)
{
    struct media_params a = towards(&w->b), b = towards(&w->a);

    set(&w->a, &a);
    set(&w->b, &b);
}

static inline void tone(struct end *e, uint16_t hz)
{
    struct media_tone t = {.hz = hz, .level_dbm0 = -10};

    assert_int_equal(media_play_tone(e->media, &t), ERR_OK);
}

static inline void tones_and_meters(struct world *w)
{
    tone(&w->a, 440);
    tone(&w->b, 660);
    assert_int_equal(media_listen(w->a.media, NULL, 0), ERR_OK);
    assert_int_equal(media_listen(w->b.media, NULL, 0), ERR_OK);
}

static inline struct media_stats stats(const struct end *e)
{
    struct media_stats s;

    media_stats(e->media, &s);
    return s;
}

#endif

/* phones.h - for flows between whole phones: several in one process, on a fake net in virtual time, with sound.
 *
 *     struct band *w = band_open(NULL);
 *     struct ring *a = ring_add(w, "a", NULL), *b = ring_add(w, "b", NULL);
 *     ring_do(a, "call sip:b@10.1.0.2");
 *     ring_expect(b, "incoming");   ring_do(b, "answer");
 *     ring_expect(a, "answered");
 *     band_close(w);
 *
 * ring_expect lets time pass until an event of that name (and, behind a space, with that value in one of its fields) has
 * come; events before it are passed over. Calls and events are those of doc/phone.md. */
#ifndef FLOWS_PHONES_H
#define FLOWS_PHONES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/phone/phone.h"
#include "net/fake/fake.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { BAND_PHONES = 32, RING_DIARY = 1 << 16, RING_EXPECT_MS = 64 * 500 };

struct band;

struct ring { /* one phone */
    struct band      *band;
    struct fake_node *node;
    struct phone     *phone;
    char              name[16], ip[32];
    char              diary[RING_DIARY]; /* lines of JSON */
    struct buf        log;
    size_t            seen;              /* of the diary: what has been expected */
    bool              bye;
};

struct band {
    struct mem          plain;
    struct heap_failing failing; /* below the heap: for tests that let allocations fail */
    struct heap_counted heap;
    struct random       random;
    struct digester     digester;
    struct fake        *world;
    bool                own_world;
    struct ring         ring[BAND_PHONES];
    size_t              n;
};

/* In a world of its own, or in another's (the kit's). */
static inline struct band *band_open(struct fake *world)
{
    struct mem mem;
    struct band *w;

    heap_mem(&mem);
    w = mem_zalloc(&mem, sizeof *w);
    assert_non_null(w);
    w->plain = mem;
    heap_failing_init(&w->failing, &w->plain, 0);
    heap_counted_init(&w->heap, &w->failing.mem, 0);
    random_seed(&w->random, 11);
    digest_open(&w->digester);
    w->world = world;
    if (!world) {
        assert_int_equal(fake_open(&(struct fake_config){.mem = &w->plain, .seed = 11}, &w->world), ERR_OK);
        w->own_world = true;
    }
    return w;
}

static inline void ring_on_event(void *ctx, const struct phone_event *e)
{
    struct ring *r = ctx;

    phone_put_json(&r->log, e, fake_now_us(r->band->world));
    buf_putc(&r->log, '\n');
    assert_false(r->log.overflow);
    if (!strcmp(e->name, "bye"))
        r->bye = true;
}

static inline void ring_config(struct ring *r, struct phone_config *config)
{
    config->mem = &r->band->heap.mem;
    config->net = fake_net(r->node, 0);
    config->rng = &r->band->random.rng;
    config->digester = &r->band->digester;
    config->user = slice_z(r->name);
    config->event = ring_on_event;
    config->ctx = r;
    assert_int_equal(addr_parse_ip(slice_z(r->ip), &config->bind), ERR_OK);
    config->bind.port = 5060;
}

/* The i-th phone has 10.1.0.i; `c` may bring server, password, tone and the like. phone_open's answer. */
static inline enum err ring_try(struct band *w, const char *user, const struct phone_config *c)
{
    struct ring *r = &w->ring[w->n++];
    struct phone_config config = c ? *c : (struct phone_config){0};

    assert_true(w->n <= BAND_PHONES);
    r->band = w;
    (void)snprintf(r->name, sizeof r->name, "%s", user);
    (void)snprintf(r->ip, sizeof r->ip, "10.1.0.%zu", w->n);
    buf_init(&r->log, r->diary, sizeof r->diary);
    assert_int_equal(fake_add_node(w->world, r->ip, 1, &r->node), ERR_OK);
    ring_config(r, &config);
    return phone_open(&config, &r->phone);
}

static inline struct ring *ring_add(struct band *w, const char *user, const struct phone_config *c)
{
    assert_int_equal(ring_try(w, user, c), ERR_OK);
    return &w->ring[w->n - 1];
}

static inline void band_run_ms(struct band *w, uint64_t ms)
{
    fake_run_until(w->world, fake_now_us(w->world) + ms * 1000);
}

/* Power off, and on again after down_ms: the same phone at the same address, with no memory of what was. */
static inline void ring_restart(struct ring *r, const struct phone_config *c, uint64_t down_ms)
{
    struct phone_config config = *c;

    fake_down(r->node);
    phone_close(r->phone);
    band_run_ms(r->band, down_ms);
    fake_up(r->node);
    ring_config(r, &config);
    assert_int_equal(phone_open(&config, &r->phone), ERR_OK);
}

static inline void band_print(const struct band *w)
{
    for (size_t i = 0; i < w->n; i++)
        print_error("--- %s\n%.*s", w->ring[i].name, SARG(buf_slice(&w->ring[i].log)));
}

/* The next line that is such an event, or none. */
static inline struct slice ring_find(struct ring *r, struct slice what)
{
    struct slice rest = slice_from(buf_slice(&r->log), r->seen), line, value = what, name;
    char room[256];
    struct buf b = BUF_ON(room);
    bool has_value = slice_cut(&value, ' ', &name);

    buf_puts(&b, S("{\"event\":\""), name, S("\","));
    while (slice_line(&rest, &line))
        if (slice_starts(line, buf_slice(&b)) && (!has_value || slice_find_slice(line, value) != SIZE_MAX)) {
            r->seen = r->log.n - rest.n;
            return line;
        }
    return SLICE_NONE;
}

static inline struct slice ring_expect(struct ring *r, const char *what)
{
    uint64_t until = fake_now_us(r->band->world) + RING_EXPECT_MS * 1000u;
    struct slice line;

    while (!(line = ring_find(r, slice_z(what))).n) {
        if (fake_next_us(r->band->world) > until || !fake_step(r->band->world)) {
            band_print(r->band);
            fail_msg("%s: no event %s", r->name, what);
        }
    }
    return line;
}

/* Nothing of that name has come since what was expected last. */
static inline void ring_expect_none(struct ring *r, const char *what)
{
    size_t seen = r->seen;

    assert_int_equal(ring_find(r, slice_z(what)).n, 0);
    r->seen = seen;
}

static inline void ring_do(struct ring *r, const char *command)
{
    enum err e = phone_command(r->phone, slice_z(command));

    if (e) {
        band_print(r->band);
        fail_msg("%s: %s: %s", r->name, command, err_text(e));
    }
}

/* A field of a line of JSON, as text; for tests on our own lines. */
static inline struct slice line_field(struct slice line, const char *key)
{
    char room[64];
    struct buf b = BUF_ON(room);
    size_t at;
    struct slice rest, value;

    buf_puts(&b, S("\""), slice_z(key), S("\":"));
    at = slice_find_slice(line, buf_slice(&b));
    if (at == SIZE_MAX)
        return SLICE_NONE;
    rest = slice_from(line, at + b.n);
    if (rest.n && rest.p[0] == '"') {
        rest = slice_from(rest, 1);
        slice_cut(&rest, '"', &value);
        return value;
    }
    return slice_to(rest, slice_find_any(rest, S(",}")));
}

/* All phones leave; nothing of them is left. */
static inline void band_leave(struct band *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->ring[i].phone)
            phone_quit(w->ring[i].phone);
    band_run_ms(w, PHONE_QUIT_MS + 100);
    for (size_t i = 0; i < w->n; i++)
        if (w->ring[i].phone)
            assert_true(w->ring[i].bye);
    band_run_ms(w, 200000);
    for (size_t i = 0; i < w->n; i++) {
        if (!w->ring[i].phone)
            continue;
        assert_int_equal(phone_legs(w->ring[i].phone), 0);
        phone_close(w->ring[i].phone);
    }
    assert_int_equal(atomic_load(&w->heap.octets), 0);
}

static inline void band_close(struct band *w)
{
    band_leave(w);
    if (w->own_world)
        fake_close(w->world);
    mem_free(&w->plain, w, sizeof *w);
}

#endif

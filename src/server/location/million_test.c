/* million_test.c - a REGISTER among a million bindings takes no more than one among a thousand: elements passed on the way to
 * what is looked for, allocations and rows of the store are counted, nothing is timed.
 *
 * The store is one that keeps nothing: it is not what is counted here, and a million rows on a disk take too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/location/location_priv.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

#define NOW INT64_C(1700000000000)
#define FIRST 1000000
#define FEW 1000
#define MANY 1000000
#define ROUNDS 1000 /* REGISTERs of each kind */
#define OCTETS 200  /* of a binding, with the 50 of text that there are here; a phone says some 60 more */

/* ---- a store without a disk ---- */
struct store_write {
    enum store_when when;
};

static struct store_write the_write;
static uint32_t           n_rows;    /* that it says it has */
static uint64_t           n_written;

static struct slice text_of(char *room, size_t octets, const char *format, unsigned number)
{
    return (struct slice){room, (size_t)snprintf(room, octets, format, number)};
}

enum err store_each_binding(struct store *s, bool (*each)(void *arg, const struct store_binding *b), void *arg)
{
    (void)s;
    for (unsigned i = 0; i < n_rows; i++) {
        char                 aor[16], contact[48], call_id[48];
        struct store_binding b = {.slot = i + 1, .agent = S("phone/1"), .received = S("127.0.0.2:5060"), .flow = S("f"), .registered_ms = NOW,
                                  .expires_ms = NOW + 3600000, .interval_ms = 3600000, .cseq = 1, .q = 1000};

        b.aor = text_of(aor, sizeof aor, "%u", FIRST + i);
        b.contact = text_of(contact, sizeof contact, "sip:%u@127.0.0.2:5060", FIRST + i);
        b.call_id = text_of(call_id, sizeof call_id, "call-%u", FIRST + i);
        if (!each(arg, &b))
            break;
    }
    return ERR_OK;
}

uint32_t store_last_slot(struct store *s)
{
    (void)s;
    return n_rows;
}

bool store_was_closed(const struct store *s)
{
    (void)s;
    return true;
}

enum err store_path(const struct store *s, struct slice name, char *out, size_t n)
{
    (void)s, (void)name;
    if (n)
        *out = '\0';
    return ERR_LIMIT; /* no file either: refreshes are rows then */
}

struct store_write *store_begin(struct store *s, enum store_when when)
{
    (void)s;
    the_write.when = when;
    return &the_write;
}

void store_drop(struct store_write *w)
{
    (void)w;
}

void store_put_binding(struct store_write *w, const struct store_binding *b)
{
    (void)w, (void)b;
    n_written++;
}

void store_delete_binding(struct store_write *w, uint32_t slot)
{
    (void)w, (void)slot;
    n_written++;
}

void store_submit(struct store_write *w, void (*done)(void *arg, enum err e), void *arg)
{
    (void)w;
    if (done)
        done(arg, ERR_OK);
}

/* ---- counting ---- */
struct counting {
    struct mem mem, below;
    uint64_t   allocations;
};

static void *count_alloc(void *ctx, size_t n)
{
    struct counting *c = ctx;

    c->allocations++;
    return mem_alloc(&c->below, n);
}

static void count_free(void *ctx, void *p, size_t n)
{
    mem_free(&((struct counting *)ctx)->below, p, n);
}

/* AORs looked at when each one is looked for once. */
static uint64_t passed_to_aors(const struct location *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < STRIPES; i++) {
        const struct aor_table *t = l->stripes[i].table;

        for (uint32_t at = 0; at < t->head.n; at++)
            if (t->at[at])
                n += ((at - t->at[at]->hash) & (t->head.n - 1)) + 1;
    }
    return n;
}

/* The same for each contact. */
static uint64_t passed_to_contacts(struct location *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < STRIPES; i++) {
        const struct contact_heads *heads = l->contacts[i].heads;

        for (uint32_t h = 0; h < heads->head.n; h++) {
            uint64_t depth = 0;

            for (uint32_t slot = heads->at[h]; slot; slot = slots_at(l, slot)->next[heads->way])
                n += ++depth;
        }
    }
    return n;
}

/* Hundredths of one for each REGISTER, or for each binding. */
struct cost {
    uint64_t aor_steps, contact_steps, octets;
    uint64_t refresh_allocations, refresh_rows, new_allocations, new_rows, removal_allocations, removal_rows;
};

struct world {
    struct counting  counting;
    struct random    random;
    struct digester  digester;
    struct location *l;
};

static void open_world(struct world *w, uint32_t n)
{
    struct location_conf conf = {.mem = &w->counting.mem, .random = &w->random, .digester = &w->digester, .now_ms = NOW};

    w->counting.mem = (struct mem){count_alloc, count_free, &w->counting};
    heap_mem(&w->counting.below);
    random_seed(&w->random, 7);
    digest_open(&w->digester);
    n_rows = n;
    assert_int_equal(location_open(&w->l, &conf), ERR_OK);
}

static void on_done(void *arg, enum err e, const struct location_binding *b, size_t n)
{
    (void)b, (void)n;
    *(enum err *)arg = e;
}

struct kind {
    unsigned first;     /* number of the first phone */
    uint32_t expires_s;
    uint32_t cseq;
};

/* ROUNDS phones, spread over `among`. */
static void register_all(struct world *w, const struct kind *k, unsigned among, uint64_t *allocations, uint64_t *rows)
{
    uint64_t allocations_before = w->counting.allocations, rows_before = n_written;

    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned                number = k->first + i * (among / ROUNDS);
        char                    aor[16], contact[48], call_id[48];
        struct location_contact c = {.q = 1000, .expires_s = k->expires_s, .uri = text_of(contact, sizeof contact, "sip:%u@127.0.0.2:5060", number)};
        struct location_change  ch = {.cseq = k->cseq, .contacts = &c, .n_contacts = 1, .agent = S("phone/1"),
                                      .received = S("127.0.0.2:5060"), .flow = S("f"), .now_ms = NOW + 1000};
        enum err                e = ERR_N;

        ch.aor = text_of(aor, sizeof aor, "%u", number);
        ch.call_id = text_of(call_id, sizeof call_id, "call-%u", number);
        location_update(w->l, &ch, on_done, &e);
        assert_int_equal(e, ERR_OK);
    }
    *allocations = (w->counting.allocations - allocations_before) * 100 / ROUNDS;
    *rows = (n_written - rows_before) * 100 / ROUNDS;
}

static void measure(uint32_t n, struct cost *out)
{
    static struct world      w;
    struct location_counters c;

    open_world(&w, n);
    location_counters(w.l, &c);
    assert_int_equal(c.bindings, n);
    out->octets = c.octets > sizeof(struct location) ? (c.octets - sizeof(struct location)) / n : 0;
    register_all(&w, &(struct kind){FIRST, 3600, 2}, n, &out->refresh_allocations, &out->refresh_rows);
    register_all(&w, &(struct kind){2 * FIRST, 3600, 1}, n, &out->new_allocations, &out->new_rows);
    register_all(&w, &(struct kind){2 * FIRST, 0, 2}, n, &out->removal_allocations, &out->removal_rows);
    location_counters(w.l, &c);
    assert_true(c.refreshes == ROUNDS && c.promises == 2 * ROUNDS && c.bindings == n);
    out->aor_steps = passed_to_aors(w.l) * 100 / c.aors;
    out->contact_steps = passed_to_contacts(w.l) * 100 / n;
    location_close(w.l);
}

static void assert_alike(uint64_t few, uint64_t many, const char *what)
{
    if (many * 2 >= few * 3 && many > few + 5) /* less than 1.5 times, or a twentieth of one more */
        fail_msg("%s: %llu hundredths among %d, %llu among %d", what, (unsigned long long)few, FEW, (unsigned long long)many, MANY);
}

static void a_register_among_a_million_costs_what_it_does_among_a_thousand(void **state)
{
    struct cost few, many;

    (void)state;
    measure(FEW, &few);
    measure(MANY, &many);
    assert_alike(few.aor_steps, many.aor_steps, "elements passed to an AOR");
    assert_alike(few.contact_steps, many.contact_steps, "elements passed to a contact");
    assert_alike(few.refresh_allocations, many.refresh_allocations, "allocations for a refresh");
    assert_alike(few.refresh_rows, many.refresh_rows, "rows for a refresh");
    assert_alike(few.new_allocations, many.new_allocations, "allocations for a new binding");
    assert_alike(few.new_rows, many.new_rows, "rows for a new binding");
    assert_alike(few.removal_allocations, many.removal_allocations, "allocations for a removal");
    assert_alike(few.removal_rows, many.removal_rows, "rows for a removal");
    assert_true(many.new_rows == 100 && many.removal_rows == 100);
    assert_true(many.octets <= OCTETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_register_among_a_million_costs_what_it_does_among_a_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

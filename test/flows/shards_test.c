/* shards_test.c - several workers, every datagram at another one, every call in another shard (PROTOCOL §3): what one worker
 * does several do as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

static const struct kit_options four = {.workers = 4, .spread = true};

struct three {
    struct kit  *k;
    struct peer *a, *b, *c;
};

static struct three begin(void)
{
    struct three t = {.k = kit_begin(&four)};

    t.a = peer_registered(t.k, "1001");
    t.b = peer_registered(t.k, "1002");
    t.c = peer_registered(t.k, "1003");
    return t;
}

/* Hundreds of calls at once, all shards, all workers: each message finds its call. */
static void many_calls_at_once_3_1(void **state)
{
    enum { CALLS = 200 };
    struct three t = begin();

    (void)state;
    for (int i = 0; i < CALLS; i++)
        peer_send(t.a, "INVITE 1002");
    for (int i = 0; i < CALLS; i++) {
        peer_expect(t.b, "INVITE");
        peer_send(t.b, "200");
    }
    for (int i = 0; i < CALLS; i++) {
        peer_expect(t.a, "200 INVITE");
        peer_send(t.a, "ACK");
        peer_expect(t.b, "ACK");
    }
    kit_wait_ms(t.k, 1000);
    for (int i = 0; i < CALLS; i++) {
        peer_take_call(t.a, (unsigned)i + 2); /* after its REGISTER */
        hang_up(t.a, t.b);
    }
    assert_string_equal(kit_calls(t.k), "");
    kit_end(t.k);
}

/* A repeat of the same datagram at another worker is a repeat all the same; so is a CANCEL its INVITE's. */
static void repeats_and_cancels_anywhere_3_1(void **state)
{
    struct three t = begin();

    (void)state;
    peer_send(t.a, "INVITE 1002");
    peer_send_raw(t.a, peer_sent(t.a));
    peer_send_raw(t.a, peer_sent(t.a));
    peer_expect(t.b, "INVITE");
    peer_send(t.b, "180");
    peer_expect(t.a, "180");
    peer_send(t.a, "CANCEL");
    peer_send(t.a, "CANCEL");
    peer_expect(t.a, "200 CANCEL");
    peer_expect(t.b, "CANCEL");
    peer_send(t.b, "200 CANCEL");
    refuse(t.b, t.a, "487 INVITE");
    assert_int_equal(peer_repeats(t.b), 0);
    kit_end(t.k);
}

/* The transfer's two calls live in two shards: what becomes of the second is told in the first (PROTOCOL 3.4, 5.5). */
static void a_transfer_over_two_shards_3_4(void **state)
{
    struct three      t = begin();
    const struct msg *m;
    struct sipfrag    frag;

    (void)state;
    set_up(t.a, t.b, "INVITE 1002");
    peer_send(t.b, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">");
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "REFER");
    peer_send(t.a, "202");
    set_up(t.a, t.c, "INVITE 1003");
    m = peer_expect(t.b, "NOTIFY");
    assert_int_equal(sipfrag_parse(m->body, &frag), ERR_OK);
    assert_int_equal(frag.status, 200);
    peer_send(t.b, "200");
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* Phones on connections: each connection is one worker's, calls come from any (PROTOCOL 3.2). */
static void connections_of_other_workers_3_2(void **state)
{
    struct kit  *k = kit_begin(&four);
    struct peer *p[6];
    char         name[16], invite[32];

    (void)state;
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "10%d", i);
        p[i] = i % 2 ? peer_add(k, name) : peer_add_tcp(k, name);
        peer_register(p[i]);
    }
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            if (i == j)
                continue;
            snprintf(invite, sizeof invite, "INVITE 10%d", j);
            set_up(p[i], p[j], invite);
            hang_up(p[(i + j) % 2 ? i : j], p[(i + j) % 2 ? j : i]);
        }
    kit_end(k);
}

/* The same seed, the same octets: twice the same run (DESIGN §9). */
struct sum {
    uint64_t h;
    size_t   n;
};

static void add(void *ctx, const struct kit_seen *s)
{
    struct sum *sum = ctx;

    for (size_t i = 0; i < s->octets.n; i++)
        sum->h = (sum->h ^ (unsigned char)s->octets.p[i]) * 1099511628211u;
    sum->h = (sum->h ^ s->at_us) * 1099511628211u;
    sum->n++;
}

static struct sum one_run(uint64_t seed)
{
    const struct kit_options o = {.workers = 4, .spread = true, .seed = seed, .digest = true,
                                  .link = {.delay_us = 3000, .jitter_us = 9000, .loss_ppm = 50000, .duplicate_ppm = 50000}};
    struct kit              *k = kit_begin(&o);
    struct peer             *a = peer_add(k, "1001"), *b = peer_add(k, "1002");
    struct sum               sum = {0, 0};

    kit_add_user(k, "1001");
    kit_add_user(k, "1002");
    peer_set_reliable(a);
    peer_set_reliable(b);
    peer_register(a);
    peer_register(b);
    set_up_at_once(a, b, "INVITE 1002");
    hang_up(b, a);
    kit_each_seen(k, add, &sum);
    kit_end(k);
    return sum;
}

static void the_same_seed_is_the_same_run(void **state)
{
    struct sum one = one_run(7), again = one_run(7), other = one_run(8);

    (void)state;
    assert_true(one.n > 20);
    assert_int_equal(one.n, again.n);
    assert_true(one.h == again.h);
    assert_true(one.h != other.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_calls_at_once_3_1),
        cmocka_unit_test(repeats_and_cancels_anywhere_3_1),
        cmocka_unit_test(a_transfer_over_two_shards_3_4),
        cmocka_unit_test(connections_of_other_workers_3_2),
        cmocka_unit_test(the_same_seed_is_the_same_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* order_test.c - SRV by priority and weight (RFC 2782), NAPTR by order, preference and what we have (RFC 3263 §4.1). */
#include "sip/transport/transport_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/random.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void rfc2782_lower_priority_comes_first(void **state)
{
    struct random r;
    struct srv    s[] = {{S("c"), 1, 30, 10}, {S("a"), 1, 10, 0}, {S("b"), 1, 20, 65535}, {S("d"), 1, 40, 0}};

    (void)state;
    random_seed(&r, 1);
    for (int round = 0; round < 100; round++) {
        order_srv(&r.rng, s, COUNT(s));
        for (size_t i = 0; i < COUNT(s); i++)
            assert_int_equal(s[i].target.p[0], 'a' + (int)i);
    }
}

/* Of weights 10, 30, 60 the first place goes to each about as often; over 20000 rounds six sigma are under 2.1 %. The
 * draw includes both ends (0 to 100 has 101 values), and 0 goes to the first that stands there. */
static void rfc2782_weights_share_the_first_place(void **state)
{
    enum { ROUNDS = 20000 };
    static const struct srv given[] = {{{"a", 1}, 1, 1, 10}, {{"b", 1}, 1, 1, 30}, {{"c", 1}, 1, 1, 60}};
    struct random           r;
    int                     first[3] = {0};

    (void)state;
    random_seed(&r, 2782);
    for (int round = 0; round < ROUNDS; round++) {
        struct srv s[COUNT(given)];
        unsigned   seen = 0;

        memcpy(s, given, sizeof s);
        order_srv(&r.rng, s, COUNT(s));
        first[s[0].target.p[0] - 'a']++;
        for (size_t i = 0; i < COUNT(s); i++)
            seen |= 1u << (s[i].target.p[0] - 'a');
        assert_int_equal(seen, 7);
    }
    assert_in_range(first[0], ROUNDS * 8 / 100, ROUNDS * 13 / 100);
    assert_in_range(first[1], ROUNDS * 28 / 100, ROUNDS * 32 / 100);
    assert_in_range(first[2], ROUNDS * 57 / 100, ROUNDS * 62 / 100);
}

static void rfc2782_weight_zero_is_seldom_first_but_may_be(void **state)
{
    enum { ROUNDS = 20000 };
    static const struct srv given[] = {{{"b", 1}, 1, 1, 99}, {{"a", 1}, 1, 1, 0}};
    struct random           r;
    int                     zero = 0;

    (void)state;
    random_seed(&r, 3);
    for (int round = 0; round < ROUNDS; round++) {
        struct srv s[COUNT(given)];

        memcpy(s, given, sizeof s);
        order_srv(&r.rng, s, COUNT(s));
        zero += s[0].target.p[0] == 'a';
    }
    assert_in_range(zero, 1, ROUNDS * 2 / 100); /* one in a hundred: the draw of 0 */
}

static void rfc2782_all_weights_zero_and_none(void **state)
{
    struct random r;
    struct srv    s[] = {{S("a"), 1, 1, 0}, {S("b"), 2, 1, 0}};

    (void)state;
    random_seed(&r, 4);
    order_srv(&r.rng, s, COUNT(s));
    assert_int_equal(s[0].port + s[1].port, 3);
    order_srv(&r.rng, NULL, 0);
}

static void one_seed_gives_one_order(void **state)
{
    struct srv a[24], b[24];

    (void)state;
    for (size_t i = 0; i < COUNT(a); i++)
        a[i] = b[i] = (struct srv){S("x"), (uint16_t)i, (uint16_t)(i % 3), (uint16_t)(i * 7 % 5)};
    for (int i = 0; i < 2; i++) {
        struct random r;

        random_seed(&r, 99);
        order_srv(&r.rng, i ? a : b, COUNT(a));
    }
    for (size_t i = 0; i < COUNT(a); i++) {
        assert_int_equal(a[i].port, b[i].port);
        assert_true(i == 0 || a[i].priority >= a[i - 1].priority);
    }
}

static struct net_record naptr(uint16_t order, uint16_t preference, struct slice flags, struct slice service)
{
    return (struct net_record){.type = NET_NAPTR, .priority = order, .weight = preference, .flags = flags,
                               .service = service, .target = S("x.example.com")};
}

static const bool udp_and_tcp[TRANSPORT_KINDS] = {[TRANSPORT_UDP] = true, [TRANSPORT_TCP] = true};

/* The example of RFC 3263 §4.1: TLS is first, but a client without it takes TCP, which has a lower order than UDP. */
static void rfc3263_4_1_the_first_that_we_have(void **state)
{
    struct net_record r[] = {naptr(50, 50, S("s"), S("SIPS+D2T")), naptr(90, 50, S("s"), S("SIP+D2T")),
                             naptr(100, 50, S("s"), S("SIP+D2U"))};
    size_t            out[4];

    (void)state;
    assert_int_equal(order_naptr(r, COUNT(r), false, udp_and_tcp, out, 4), 1);
    assert_int_equal(out[0], 1);
}

static void rfc3263_4_1_sips_takes_only_tls(void **state)
{
    const bool        all[TRANSPORT_KINDS] = {true, true, true, true, true};
    struct net_record r[] = {naptr(1, 1, S("s"), S("SIP+D2T")), naptr(2, 1, S("s"), S("SIPS+D2T"))};
    size_t            out[4];

    (void)state;
    assert_int_equal(order_naptr(r, COUNT(r), true, all, out, 4), 1);
    assert_int_equal(out[0], 1);
    assert_int_equal(order_naptr(r, 1, true, all, out, 4), 0);
}

static void rfc3403_preference_within_an_order(void **state)
{
    struct net_record r[] = {naptr(10, 30, S("s"), S("SIP+D2T")), naptr(10, 20, S("S"), S("sip+d2u")),
                             naptr(11, 1, S("s"), S("SIP+D2T"))};
    size_t            out[4];

    (void)state;
    assert_int_equal(order_naptr(r, COUNT(r), false, udp_and_tcp, out, 4), 2);
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], 0);
}

static void naptr_for_other_things_is_not_looked_at(void **state)
{
    struct net_record r[] = {naptr(1, 1, S("u"), S("E2U+sip")), naptr(2, 1, S("a"), S("SIP+D2U")),
                             naptr(3, 1, S("s"), S("SIP+D2S")), naptr(4, 1, S("s"), S("SIP+D2U"))};
    size_t            out[4];

    (void)state;
    assert_int_equal(order_naptr(r, COUNT(r), false, udp_and_tcp, out, 4), 1);
    assert_int_equal(out[0], 3);
    r[3].target = SLICE_NONE;
    assert_int_equal(order_naptr(r, COUNT(r), false, udp_and_tcp, out, 4), 0);
}

/* More records than places: the best stay, wherever they stood. */
static void naptr_keeps_the_best_of_many(void **state)
{
    struct net_record r[20];
    size_t            out[4];

    (void)state;
    for (size_t i = 0; i < COUNT(r); i++)
        r[i] = naptr(7, (uint16_t)(100 - i * 3), S("s"), S("SIP+D2U"));
    assert_int_equal(order_naptr(r, COUNT(r), false, udp_and_tcp, out, 4), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(out[i], 19 - i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc2782_lower_priority_comes_first),
        cmocka_unit_test(rfc2782_weights_share_the_first_place),
        cmocka_unit_test(rfc2782_weight_zero_is_seldom_first_but_may_be),
        cmocka_unit_test(rfc2782_all_weights_zero_and_none),
        cmocka_unit_test(one_seed_gives_one_order),
        cmocka_unit_test(rfc3263_4_1_the_first_that_we_have),
        cmocka_unit_test(rfc3263_4_1_sips_takes_only_tls),
        cmocka_unit_test(rfc3403_preference_within_an_order),
        cmocka_unit_test(naptr_for_other_things_is_not_looked_at),
        cmocka_unit_test(naptr_keeps_the_best_of_many),
    };

    return cmocka_run_group_tests_name("sip/transport/order", tests, NULL, NULL);
}

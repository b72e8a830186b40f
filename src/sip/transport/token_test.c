/* token_test.c - flows as text and back (PROTOCOL 2.1). */
#include "sip/transport/transport_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/guard.h"

static struct addr address(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(slice_z(text), &a), ERR_OK);
    return a;
}

static void assert_round_trip(const struct flow *f)
{
    char        block[FLOW_MAX_TOKEN];
    struct buf  b = BUF_ON(block);
    struct flow back;

    flow_put_token(&b, f);
    assert_int_equal(buf_err(&b), ERR_OK);
    assert_int_equal(flow_parse_token(buf_slice(&b), &back), ERR_OK);
    assert_true(flow_eq(f, &back));
    assert_memory_equal(f->local, back.local, sizeof back.local);
    assert_int_equal(back.set, 1);
    assert_int_equal(back.worker, f->kind == TRANSPORT_UDP ? 0 : f->worker);
    assert_int_equal(back.listener, f->listener);
    assert_int_equal(back.remote.scope, f->remote.scope);
}

static void protocol_2_1_a_flow_comes_back_from_its_token(void **state)
{
    struct flow udp4 = {.kind = TRANSPORT_UDP, .set = 1, .listener = 3, .remote = address("192.0.2.1:5060")};
    struct flow udp6 = {.kind = TRANSPORT_UDP, .set = 1, .listener = 31, .remote = address("[2001:db8::9:1]:65535")};
    struct flow tcp4 = {.kind = TRANSPORT_TCP, .set = 1, .worker = 63, .listener = LISTENER_NONE, .slot = 65535,
                        .gen = 0xffffffff, .remote = address("255.255.255.255:1")};
    struct flow tcp6 = {.kind = TRANSPORT_WSS, .set = 1, .worker = 1, .listener = 0, .slot = 7, .gen = 0x80000001,
                        .remote = address("[fe80::1]:443")};

    (void)state;
    tcp6.remote.scope = 0x01020304;
    assert_round_trip(&udp4);
    assert_round_trip(&udp6);
    udp4.local[0] = 127;
    udp4.local[3] = 5;
    for (int i = 0; i < 16; i++)
        udp6.local[i] = (uint8_t)(0xff - i);
    udp6.remote.scope = 0xffffffff;
    assert_round_trip(&udp4);
    assert_round_trip(&udp6);
    assert_round_trip(&tcp4);
    assert_round_trip(&tcp6);
}

static void a_token_is_fit_for_a_user_part(void **state)
{
    char        block[FLOW_MAX_TOKEN];
    struct buf  b = BUF_ON(block);
    struct flow f = {.kind = TRANSPORT_TCP, .set = 1, .slot = 0xfbefbe, .gen = 0xffffffff,
                     .remote = address("[ffff:ffff::fbef]:65535")};

    (void)state;
    flow_put_token(&b, &f);
    for (size_t i = 0; i < b.n; i++)
        assert_true(ascii_is_alnum(block[i]) || block[i] == '-' || block[i] == '_');
}

static void no_cut_or_longer_token_is_taken(void **state)
{
    char         block[FLOW_MAX_TOKEN + 8];
    struct buf   b = BUF_ON(block);
    struct flow  f = {.kind = TRANSPORT_TCP, .set = 1, .slot = 1, .gen = 2, .remote = address("192.0.2.1:5060")}, out = {0};
    struct guard g;

    (void)state;
    assert_int_equal(guard_open(&g, sizeof block), ERR_OK);
    flow_put_token(&b, &f);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(flow_parse_token(guard_copy(&g, slice_to(buf_slice(&b), n)), &out), ERR_SYNTAX);
    buf_put(&b, S("AAAA"));
    assert_int_equal(flow_parse_token(guard_copy(&g, buf_slice(&b)), &out), ERR_SYNTAX);
    assert_int_equal(out.set, 0);
    guard_close(&g);
}

/* A datagram's with and without the address of ours that was hit: two lengths, and none between them or beyond. */
static void no_cut_datagram_token_is_taken_for_another(void **state)
{
    static const char *const remote[] = {"192.0.2.1:5060", "[2001:db8::1]:5060"};
    char                     block[FLOW_MAX_TOKEN + 8];
    struct buf               b = BUF_ON(block);
    struct flow              f, out;

    (void)state;
    for (int six = 0; six < 2; six++) {
        size_t cut = six ? 32 : 11; /* what says all but the address of ours */

        f = (struct flow){.kind = TRANSPORT_UDP, .set = 1, .remote = address(remote[six]), .local = {192, 0, 2, 9}};
        buf_reset(&b);
        flow_put_token(&b, &f);
        assert_true(b.n > cut);
        for (size_t n = 0; n < b.n; n++)
            assert_int_equal(flow_parse_token(slice_to(buf_slice(&b), n), &out), n == cut ? ERR_OK : ERR_SYNTAX);
        buf_put(&b, S("AAAA"));
        assert_int_equal(flow_parse_token(buf_slice(&b), &out), ERR_SYNTAX);
    }
}

static void nonsense_is_no_token(void **state)
{
    static const char *const bad[] = {"", "A", "*", "AAAAAAAAAAA", "BAAAAAAAAA!", "VAAAAAAAAAA", "BQAAAAAAAAA",
                                      "BAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAA"};
    struct flow              out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(flow_parse_token(slice_z(bad[i]), &out), ERR_SYNTAX);
    assert_int_equal(out.set, 0);
}

static void flows_are_equal_by_what_names_them(void **state)
{
    struct flow a = {.kind = TRANSPORT_TCP, .set = 1, .worker = 1, .slot = 5, .gen = 9, .remote = address("192.0.2.1:5060")};
    struct flow b = a, none = {0};

    (void)state;
    assert_true(flow_eq(&a, &b));
    b.gen++;
    assert_false(flow_eq(&a, &b));
    b = a;
    b.worker = 2;
    assert_false(flow_eq(&a, &b));
    b = a;
    b.remote.port++;
    assert_false(flow_eq(&a, &b));
    assert_false(flow_eq(&a, &none));
    assert_true(flow_eq(&none, &none));
    a.kind = b.kind = TRANSPORT_UDP; /* any worker sends a datagram */
    b.remote = a.remote;
    b.worker = 9;
    assert_true(flow_eq(&a, &b));
    b.local[3] ^= 1;
    assert_false(flow_eq(&a, &b));
    b.local[3] ^= 1;
    b.listener = 1;
    assert_false(flow_eq(&a, &b));
    assert_true(flow_is_none(&none));
}

static void names_of_transports(void **state)
{
    enum transport_kind k;

    (void)state;
    for (unsigned i = 0; i < TRANSPORT_KINDS; i++) {
        assert_int_equal(transport_kind_find(transport_via_name((enum transport_kind)i), &k), ERR_OK);
        assert_int_equal(k, i);
        assert_true(slice_ieq(transport_via_name(k), transport_param_name(k)));
    }
    assert_int_equal(transport_kind_find(S("sctp"), &k), ERR_NOTFOUND);
    assert_int_equal(transport_kind_find(SLICE_NONE, &k), ERR_NOTFOUND);
    assert_false(transport_is_reliable(TRANSPORT_UDP));
    assert_true(transport_is_reliable(TRANSPORT_TCP));
    assert_int_equal(transport_default_port(TRANSPORT_UDP), 5060);
    assert_int_equal(transport_default_port(TRANSPORT_TLS), 5061);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_2_1_a_flow_comes_back_from_its_token),
        cmocka_unit_test(a_token_is_fit_for_a_user_part),
        cmocka_unit_test(no_cut_or_longer_token_is_taken),
        cmocka_unit_test(no_cut_datagram_token_is_taken_for_another),
        cmocka_unit_test(nonsense_is_no_token),
        cmocka_unit_test(flows_are_equal_by_what_names_them),
        cmocka_unit_test(names_of_transports),
    };

    return cmocka_run_group_tests_name("sip/transport/token", tests, NULL, NULL);
}

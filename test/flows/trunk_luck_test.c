/* trunk_luck_test.c - bad luck with trunks. Messages are lost, doubled and overtake each other; and each allocation of the exchange fails once while a trunk is added, registers and is asked, calls go out
 * by it with a challenge and by another, and come in: nothing crashes or is left over, and who calls gets an answer. */
#include "flows/trunks.h"

enum { SLICE_MS = 250, RUN_MS = 40000 };

struct stage {
    struct house h;
    unsigned     final;  /* of who called last */
    unsigned     answered; /* calls */
    unsigned     call;   /* its number, of that peer */
};

static void on_trunk_request(struct stage *s, struct peer *p, const struct msg *m)
{
    bool asks = p == s->h.berlin && !msg_has(m, HDR_PROXY_AUTHORIZATION) && !msg_has(m, HDR_AUTHORIZATION);

    switch (m->method_id) {
    case METHOD_ACK: break;
    case METHOD_CANCEL:
        peer_send(p, "200 CANCEL");
        peer_send(p, "487 INVITE");
        break;
    case METHOD_REGISTER: peer_send(p, asks ? "401\nWWW-Authenticate: " CHALLENGE : "200\n-Contact\nExpires: 300"); break;
    case METHOD_INVITE:
        if (p == s->h.berlin)
            peer_send(p, asks ? "407\nProxy-Authenticate: " CHALLENGE : "503");
        else
            peer_send(p, "200");
        break;
    default: peer_send(p, "200"); break;
    }
}

static void on_answer(struct stage *s, struct peer *p, const struct msg *m)
{
    if (m->status < 200 || msg_method(m) != METHOD_INVITE)
        return;
    s->final = m->status;
    s->call = peer_call_number(p);
    peer_send(p, "ACK");
}

static void run(struct stage *s, unsigned ms)
{
    struct peer *const all[] = {s->h.alice, s->h.bob, s->h.berlin, s->h.paris};

    for (unsigned at = 0; at < ms; at += SLICE_MS) {
        kit_wait_ms(s->h.k, SLICE_MS);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            for (const struct msg *m; (m = peer_next(all[i]));)
                if (m->is_request)
                    on_trunk_request(s, all[i], m);
                else
                    on_answer(s, all[i], m);
    }
}

/* It is refused for want of memory, and then it is there. */
static void add_in_the_end(struct stage *s, const char *name, const struct directory_pair *pairs, size_t n)
{
    struct directory_act   a = {.number = slice_z(name), .pairs = pairs, .n_pairs = n, .who = S("test")};
    struct directory_fault fault;

    if (directory_trunk_add(kit_exchange(s->h.k)->directory, &a, &fault))
        assert_int_equal(directory_trunk_add(kit_exchange(s->h.k)->directory, &a, &fault), ERR_OK);
}

static void call(struct stage *s, struct peer *from, const char *invite)
{
    s->final = 0;
    peer_send(from, invite);
    run(s, RUN_MS);
    assert_true(s->final >= 200);
    if (s->final >= 300)
        return;
    s->answered++;
    peer_take_call(from, s->call);
    peer_send(from, "BYE");
    run(s, RUN_MS);
}

static void play(struct stage *s)
{
    const struct directory_pair berlin[] = {{S("server"), S("sip:10.0.0.13")}, {S("register"), S("on")}, {S("user"), S("we")},
                                            {S("password"), S("geheim")}, {S("dial"), S("0*")}, {S("did"), S("*=bob")},
                                            {S("qualify_s"), S("60")}, {S("preference"), S("1")}};
    const struct directory_pair paris[] = {{S("server"), S("sip:10.0.0.14")}, {S("dial"), S("0*/1/")}, {S("qualify_s"), S("0")}};

    add_in_the_end(s, "berlin", berlin, sizeof berlin / sizeof *berlin);
    add_in_the_end(s, "paris", paris, sizeof paris / sizeof *paris);
    run(s, 3000);
    call(s, s->h.alice, "INVITE 01");
    call(s, s->h.berlin, "INVITE sip:1@" KIT_EXCHANGE);
}

static void take_away(struct stage *s)
{
    change(s->h.k, directory_trunk_remove, "berlin", "");
    change(s->h.k, directory_trunk_remove, "paris", "");
    run(s, RUN_MS);
}

static void each_allocation_fails_once(void **state)
{
    uint64_t nth = 0;
    bool     failed = true;

    (void)state;
    while (failed) {
        struct stage s = {.h = begin()};

        peer_set_reliable(s.h.alice);
        peer_set_reliable(s.h.bob);
        peer_set_reliable(s.h.berlin);
        peer_set_reliable(s.h.paris);
        kit_fail_allocation(s.h.k, ++nth);
        play(&s);
        failed = kit_allocation_failed(s.h.k);
        kit_fail_allocation(s.h.k, 0);
        if (!failed)
            assert_int_equal(s.final, 200);
        take_away(&s);
        kit_end(s.h.k);
    }
    assert_true(nth > 50); /* it was tried in earnest */
    printf("cases: %llu own\n", (unsigned long long)nth);
}

static void on_a_bad_wire(void **state)
{
    enum { SEEDS = 40 };

    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct stage s = {.h = begin_with((struct kit_options){.seed = seed, .workers = 1 + seed % 2 * 3, .spread = seed % 2})};
        struct fake_link bad = {.delay_us = 5000, .loss_ppm = 100000, .duplicate_ppm = 50000, .reorder_ppm = 100000};

        peer_set_reliable(s.h.alice);
        peer_set_reliable(s.h.bob);
        peer_set_reliable(s.h.berlin);
        peer_set_reliable(s.h.paris);
        fake_set_link(kit_world(s.h.k), &bad);
        play(&s);
        if (s.final != 200 || s.answered != 2)
            fail_msg("seed %u: %u", seed, s.final);
        fake_set_link(kit_world(s.h.k), &(struct fake_link){.delay_us = 1000});
        take_away(&s);
        kit_end(s.h.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_once), cmocka_unit_test(on_a_bad_wire)};

    return cmocka_run_group_tests_name("flows/trunk_luck", tests, NULL, NULL);
}

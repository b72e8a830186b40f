/* leg_memory_test.c - every allocation of a call, a transfer, a registration fails once: nothing breaks, nothing leaks. */
#include "flows/uas.h"

enum { MAX_ALLOCATIONS = 5000 };

static void hang_up_all(struct world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++)
        for (size_t k = 0; k < w->node[i].n_legs; k++)
            node_do(&w->node[i], k, DO_HANG_UP, NULL);
}

/* A call with an offer on the way, a REFER that is reported, a BYE. */
static void play_transfer(struct node *a, struct node *b)
{
    struct world *w = a->w;
    struct leg_id id;

    if (leg_call(a->ua, 0, &(struct leg_call){.account = a->account, .target = S("sip:b@10.0.0.2"), .offer = S("SDP-1"),
                                              .on = &t_leg_on, .arg = a}, &id))
        return;
    a->legs[a->n_legs++] = id;
    world_run_ms(w, 3000);
    (void)leg_do(a->ua, 0, id, t_do, &(struct deed){.what = DO_OFFER, .text = "SDP-2"});
    world_run_ms(w, 3000);
    if (b->n_legs)
        (void)leg_do(b->ua, 0, b->legs[0], t_do, &(struct deed){.what = DO_REFER, .text = "sip:c@10.0.0.3"});
    world_run_ms(w, 3000);
    (void)leg_refer_report(a->ua, 0, &(struct leg_refer_report){.leg = a->refer_leg, .refer = a->refer.id, .code = 200});
    world_run_ms(w, 3000);
    (void)leg_end(a->ua, 0, id, S("Q.850;cause=16"));
    world_run_ms(w, 3000);
}

/* Ringing that arrives, an answer in it, UPDATE of both before the 2xx and after, refreshes of the session. */
static void play_reliable(struct node *a, struct node *b)
{
    struct world *w = a->w;
    struct leg_id id;

    b->mode = MODE_RING;
    if (leg_call(a->ua, 0, &(struct leg_call){.account = a->account, .target = S("sip:b@10.0.0.2"), .offer = S("SDP-1"),
                                              .on = &t_leg_on, .arg = a}, &id))
        return;
    a->legs[a->n_legs++] = id;
    world_run_ms(w, 3000);
    if (b->n_legs) {
        (void)leg_do(b->ua, 0, b->legs[0], t_do, &(struct deed){.what = DO_RING, .text = "SDP-e"});
        world_run_ms(w, 3000);
        (void)leg_do(a->ua, 0, id, t_do, &(struct deed){.what = DO_UPDATE, .text = "SDP-2"});
        world_run_ms(w, 3000);
        (void)leg_do(b->ua, 0, b->legs[0], t_do, &(struct deed){.what = DO_RING, .text = ""});
        (void)leg_do(b->ua, 0, b->legs[0], t_do, &(struct deed){.what = DO_ACCEPT, .text = "SDP-b"});
        world_run_ms(w, 3000);
        (void)leg_do(b->ua, 0, b->legs[0], t_do, &(struct deed){.what = DO_UPDATE, .text = "SDP-3"});
    }
    world_run_ms(w, 400000);
    (void)leg_end(a->ua, 0, id, S("Q.850;cause=16"));
    world_run_ms(w, 3000);
}

/* An INVITE with Replaces, of which nothing is known. */
static void play_replaces(struct node *a, struct node *b)
{
    struct leg_id id;

    (void)b;
    if (leg_call(a->ua, 0, &(struct leg_call){.account = a->account, .target = S("sip:b@10.0.0.2"), .offer = S("SDP-1"),
                                              .replaces = S("x;to-tag=1;from-tag=2"), .on = &t_leg_on, .arg = a}, &id))
        return;
    a->legs[a->n_legs++] = id;
    world_run_ms(a->w, 3000);
}

static void play_registration(struct node *a, struct node *b)
{
    (void)b;
    (void)ua_register(a->account, 0); /* b is no registrar: 405; what counts is the way there */
    world_run_ms(a->w, 100000);
    (void)ua_unregister(a->account, 0);
    world_run_ms(a->w, 100000);
}

static void fail_each(void (*play)(struct node *a, struct node *b))
{
    unsigned n = 0;
    bool failed = true;

    while (failed) {
        struct world *w = world_open();
        struct node *a, *b;

        w->reliable = play == play_reliable;
        w->session_s = w->reliable ? 600 : 0;
        a = node_open(w, NULL);
        b = node_open(w, NULL);
        w->frail = true;
        atomic_store(&w->failing.left, ++n);
        play(a, b);
        failed = atomic_load(&w->failing.failed);
        atomic_store(&w->failing.left, 0);
        hang_up_all(w);
        world_close(w);
        assert_in_range(n, 0, MAX_ALLOCATIONS);
    }
    assert_in_range(n, 10, MAX_ALLOCATIONS);
    print_message("%u allocations\n", n - 1);
}

static void a_transfer_without_memory(void **state)
{
    (void)state;
    fail_each(play_transfer);
}

static void ringing_that_arrives_without_memory(void **state)
{
    (void)state;
    fail_each(play_reliable);
}

static void replaces_without_memory(void **state)
{
    (void)state;
    fail_each(play_replaces);
}

static void registration_without_memory(void **state)
{
    (void)state;
    fail_each(play_registration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_without_memory),
        cmocka_unit_test(ringing_that_arrives_without_memory),
        cmocka_unit_test(replaces_without_memory),
        cmocka_unit_test(registration_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

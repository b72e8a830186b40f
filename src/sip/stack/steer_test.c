/* steer_test.c - four workers on one fake machine: shards, homes, deadlines, work from outside (DESIGN §6; PROTOCOL §3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage g_stage;

static struct stage *begin(unsigned n_workers)
{
    g_stage = (struct stage){.n_workers = n_workers};
    stage_open(&g_stage);
    return &g_stage;
}

static uint8_t worker_seen;
static void note_worker(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    worker_seen = shard_worker(sh);
    assert_int_equal(shard_index(sh), stack_shard_of(shard_stack(sh), msg_call_id(in->m)));
    assert_ptr_equal(shard_transport(sh), stack_transport(shard_stack(sh), worker_seen));
    assert_ptr_equal(shard_net(sh), fake_net(g->node, worker_seen));
}

/* PROTOCOL 3.1, 3.5: every message of a call finds its transaction, whichever worker it reaches. */
static void protocol_3_1_any_worker_serves_the_call(void **state)
{
    struct stage *g = begin(4);

    (void)state;
    g->on_request = note_worker;
    for (g->chosen = 0; g->chosen < 4; g->chosen++) {
        stage_send(g, stage_request((struct stage_said){.method = "INVITE"}));
        if (g->chosen == 0)
            assert_int_equal(worker_seen, 0);
    }
    stage_expect_notes(g, "request INVITE\n"); /* once: the others were its repetitions */
    g->chosen = 3;
    stage_send(g, stage_request((struct stage_said){.method = "CANCEL"}));
    assert_int_equal(worker_seen, 3);
    stage_expect_notes(g, "request CANCEL\n");
    g->n_heard = g->looked = 0;
    stack_close(g->st);
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
}

static void note_expected(void *ctx, uint64_t call, bool again)
{
    struct stage *g = ctx;

    assert_int_equal(call, hash_name(&g->st->config.key, S("c1")));
    stage_note(g, S("expected"), again ? S("again") : S("first"));
}

/* Before it is told of the message, and of each: one that comes again, too. */
static void the_user_may_fetch_what_it_has_of_the_call(void **state)
{
    struct stage     *g = begin(1);
    struct stack_user user = stage_user;

    (void)state;
    user.expect = note_expected;
    g->st->config.user = &user;
    stage_send(g, stage_request((struct stage_said){.method = "INVITE"}));
    stage_expect_notes(g, "expected first\nexpected again\nrequest INVITE\n");
    stage_send(g, stage_request((struct stage_said){.method = "INVITE"}));
    stage_expect_notes(g, "expected first\nexpected again\n");
    g->n_heard = g->looked = 0;
    stack_close(g->st);
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
}

static unsigned flushed_held, flushed_free;
static void count_flush(struct net *n)
{
    (void)n;
    if (g_stage.st->workers[0].holding)
        flushed_held++;
    else
        flushed_free++;
}

/* Of two workers that send for one call after each other the first has sent when the second begins. */
static void what_a_shard_has_said_leaves_before_another_worker_may_take_it(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        struct stage  *g = begin(n);
        struct net    *net = fake_net(g->node, 0);
        struct net_ops ops = *net->ops;

        ops.udp_flush = count_flush;
        net->ops = &ops;
        flushed_held = flushed_free = 0;
        stage_send(g, stage_request((struct stage_said){.method = "ACK"}));
        stage_expect_notes(g, "request ACK\n");
        assert_int_equal(flushed_held, n - 1); /* one alone sends when it likes */
        assert_int_equal(flushed_free, 0);
        stage_close(g);
    }
}

static void act_486(struct stage *g, struct shard *sh)
{
    (void)g;
    assert_int_equal(stack_watch_server(sh, g->server, &stage_server_on, g), ERR_OK);
    assert_int_equal(stack_reply_code(sh, g->server, 486), ERR_OK);
}

/* The deadlines of a shard are kept by its home worker to the millisecond, whoever worked in it last. */
static void deadlines_of_a_foreign_shard_are_met(void **state)
{
    for (unsigned worker = 0; worker < 4; worker++) {
        struct stage *g = begin(4);

        (void)state;
        g->chosen = worker;
        stage_send(g, stage_request((struct stage_said){.method = "INVITE"}));
        stage_do(g, act_486);
        stage_mark(g);
        stage_run_ms(g, 31999);
        for (size_t i = 0; i < g->n_heard; i++)
            if (i)
                assert_true(g->heard[i].at_ms > g->heard[i - 1].at_ms || i == 1);
        g->looked = 1; /* the first one was before the mark */
        stage_expect_times(g, "SIP/2.0 486 ", "500 1500 3500 7500 11500 15500 19500 23500 27500 31500");
        stage_run_ms(g, 1);
        stage_expect_notes(g, "request INVITE\nserver failed: timed out\nserver ended\n");
        stage_close(g);
    }
}

/* When nothing runs nobody wakes up. */
static void without_timers_no_worker_wakes(void **state)
{
    struct stage      *g = begin(4);
    struct fake_counts counts;

    (void)state;
    stage_run_ms(g, 100);
    fake_node_counts(g->node, &counts);
    assert_int_equal(counts.timers, 0);
    stage_send(g, stage_request((struct stage_said){.method = "BYE", .to_tag = "t"}));
    stage_run_ms(g, 100);
    fake_node_counts(g->node, &counts);
    assert_int_equal(counts.timers, 1); /* the home worker's alone */
    stage_run_ms(g, 33000);
    fake_node_counts(g->node, &counts);
    assert_int_equal(counts.timers, 0);
    stage_close(g);
}

/* ---- what comes while the shard is held ---- */

static char order[64];
static void add(const char *what)
{
    strncat(order, what, sizeof order - 1 - strlen(order));
}

/* A message of the call at another worker, as its thread would bring it. */
static void reaches_worker(struct stage *g, unsigned worker, const char *branch)
{
    struct flow from = {.kind = TRANSPORT_UDP, .set = 1, .remote = stage_addr("192.0.2.9:5060")};

    steer_on_octets(&g->st->workers[worker], &from,
                    stage_request((struct stage_said){.method = "ACK", .branch = branch, .to_tag = "t"}));
}

static void while_held(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    const struct via *via = msg_via(in->m);

    assert_int_equal(shard_worker(sh), 0); /* who holds it works it all off */
    if (slice_ends(via->branch, S("a"))) {
        reaches_worker(g, 1, "b");
        reaches_worker(g, 2, "c");
        add("a");
    } else if (slice_ends(via->branch, S("b"))) {
        add("b");
        reaches_worker(g, 3, "d");
    } else {
        add(slice_ends(via->branch, S("c")) ? "c" : "d");
    }
}

static void what_comes_while_a_shard_is_held_is_worked_off_in_order(void **state)
{
    struct stage *g = begin(4);
    struct shard *sh = &g->st->shards[stack_shard_of(g->st, S("c1"))];

    (void)state;
    order[0] = '\0';
    g->on_request = while_held;
    reaches_worker(g, 0, "a");
    assert_string_equal(order, "abcd");
    assert_int_equal(atomic_load(&sh->work), 0);
    assert_null(atomic_load(&sh->queue));
    stage_close(g);
}

static void work_queued(struct job *j, struct shard *sh)
{
    (void)j;
    (void)sh;
    add("q");
}

static void note_direct(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    (void)sh;
    (void)in;
    add("m");
}

/* Somebody has queued a job and not yet raised the number: it was first, and goes first. */
static void protocol_3_3_the_queue_goes_before_what_comes_directly(void **state)
{
    struct stage *g = begin(2);
    struct shard *sh = &g->st->shards[stack_shard_of(g->st, S("c1"))];
    struct job   *j = mem_alloc(g->mem, sizeof *j);

    (void)state;
    order[0] = '\0';
    g->on_request = note_direct;
    *j = (struct job){.octets = sizeof *j, .work = work_queued};
    steer_push(sh, j);
    atomic_store(&sh->work, 0);
    reaches_worker(g, 0, "a");
    assert_string_equal(order, "qm");
    stage_close(g);
}

/* PROTOCOL 3.3: a full queue drops datagrams, and counts them. */
static unsigned flood_n;
static void flood(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct flow from = {.kind = TRANSPORT_UDP, .set = 1, .remote = stage_addr("192.0.2.9:5060")};
    unsigned    n = flood_n;

    (void)sh;
    (void)in;
    g->n_notes = 0;
    flood_n = 0;
    for (unsigned i = 0; i < n; i++)
        steer_on_octets(&g->st->workers[1], &from,
                        stage_request((struct stage_said){.method = "ACK", .branch = "x", .to_tag = "t"}));
}

static void protocol_3_3_a_full_queue_drops_and_counts(void **state)
{
    struct stage       *g = begin(2);
    struct stack_counts c;

    (void)state;
    g->on_request = flood;
    flood_n = STACK_MAX_QUEUED + 10;
    reaches_worker(g, 0, "a");
    stack_counts(g->st, &c);
    assert_int_equal(c.dropped, 10);
    g->n_notes = 0;
    stage_close(g);
}

/* ... and stops reading streams: none of their messages is lost, and none overtakes another. */
static unsigned next_cseq;
static void note_cseq(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct cseq cseq;

    (void)sh;
    g->n_notes = 0;
    assert_int_equal(msg_cseq(in->m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, next_cseq++);
}

static void on_far_open(void *arg, struct net_tcp *t)
{
    (void)arg;
    (void)t;
}

static void on_far_closed(void *arg, struct net_tcp *t, enum err why)
{
    (void)arg;
    (void)t;
    (void)why;
    fail_msg("the stream was closed");
}

static const struct net_tcp_on far_on = {.open = on_far_open, .closed = on_far_closed};

/* As much as its window lets go. */
static void send_acks(struct stage *g, struct net_tcp *t, unsigned *sent, unsigned until)
{
    while (*sent < until) {
        struct slice m = stage_request((struct stage_said){.method = "ACK", .to_tag = "t", .cseq = *sent + 1,
                                                           .via = "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1"});

        if (net_tcp_send(fake_net(g->far, 0), t, m))
            break;
        ++*sent;
    }
    stage_run_ms(g, 5);
}

static void protocol_3_3_a_full_queue_stops_reading_streams(void **state)
{
    enum { MANY = STACK_MAX_QUEUED + 1000 };
    struct stage       *g = begin(2);
    struct shard       *sh = &g->st->shards[stack_shard_of(g->st, S("c1"))];
    struct addr         to = stage_addr("192.0.2.1:5060");
    struct net_tcp     *t;
    struct stack_counts c;
    unsigned            sent = 0;

    (void)state;
    next_cseq = 1;
    g->on_request = note_cseq;
    g->chosen = 1;
    assert_int_equal(net_tcp_connect(fake_net(g->far, 0), NULL, &to, 1000, &far_on, g, &t), ERR_OK);
    stage_run_ms(g, 10);
    assert_true(steer_take(&g->st->workers[0], sh)); /* a callback that takes its time, in the other worker */
    for (unsigned i = 0; i < 1000 && sent < MANY; i++)
        send_acks(g, t, &sent, MANY);
    assert_int_equal(next_cseq, 1);
    assert_int_equal(atomic_load(&sh->queued), STACK_MAX_QUEUED);
    steer_let_go(&g->st->workers[0]);
    assert_int_equal(next_cseq, STACK_MAX_QUEUED + 1);
    for (unsigned i = 0; i < 1000 && next_cseq <= MANY; i++)
        send_acks(g, t, &sent, MANY);
    assert_int_equal(sent, MANY);
    assert_int_equal(next_cseq, MANY + 1);
    stack_counts(g->st, &c);
    assert_int_equal(c.dropped, 0);
    assert_int_equal(atomic_load(&g->st->full), 0);
    assert_true(c.paused > 0);
    net_tcp_close(fake_net(g->far, 0), t);
    stage_run_ms(g, 10);
    stage_close(g);
}

/* ---- work from outside ---- */

static void run_b(void *arg, struct shard *sh)
{
    struct stage *g = arg;

    add("b");
    assert_ptr_equal(g->st->workers[0].holding, sh);
}

static void run_a(void *arg, struct shard *sh)
{
    struct stage *g = arg;
    unsigned      other = (shard_index(sh) + 1) % STACK_SHARDS;

    add("a");
    assert_int_equal(stack_run(g->st, shard_worker(sh), other, run_b, g), ERR_OK);
    assert_int_equal(stack_run(g->st, shard_worker(sh), shard_index(sh), run_b, g), ERR_OK);
    assert_ptr_equal(g->st->workers[0].holding, sh); /* nobody holds two */
    add("A");
}

static void work_for_another_shard_waits_until_this_one_is_let_go(void **state)
{
    struct stage *g = begin(2);

    (void)state;
    order[0] = '\0';
    assert_int_equal(stack_run(g->st, 0, 5, run_a, g), ERR_OK);
    assert_string_equal(order, "aAbb");
    assert_null(g->st->workers[0].holding);
    stage_close(g);
}

static uint8_t posted_on;
static void run_posted(void *arg, struct shard *sh)
{
    (void)arg;
    posted_on = shard_worker(sh);
    add("p");
}

static void a_post_comes_by_the_home_worker(void **state)
{
    struct stage *g = begin(4);

    (void)state;
    order[0] = '\0';
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(stack_post(g->st, i, run_posted, g), ERR_OK);
        stage_run_ms(g, 1);
        assert_int_equal(posted_on, stack_home_worker(g->st, i));
    }
    assert_string_equal(order, "pppppppp");
    stage_close(g);
}

static void a_post_to_a_closed_stack_is_dropped(void **state)
{
    struct stage *g = begin(2);

    (void)state;
    order[0] = '\0';
    assert_int_equal(stack_post(g->st, 1, run_posted, g), ERR_OK);
    assert_int_equal(stack_post(g->st, 3, run_posted, g), ERR_OK);
    stack_close(g->st);
    stage_run_ms(g, 10);
    assert_string_equal(order, "");
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
}

/* ---- users' timers and data ---- */

static struct wheel_timer own_timer;
static uint64_t           fired_at;
static void on_own_timer(void *arg)
{
    struct stage *g = arg;

    fired_at = fake_now_us(g->w) / 1000 - g->mark_ms;
}

static void act_timer(struct stage *g, struct shard *sh)
{
    own_timer = (struct wheel_timer){.fire = on_own_timer, .arg = g};
    shard_timer_start(sh, &own_timer, 1234);
    assert_int_equal(shard_now_ms(sh), fake_now_us(g->w) / 1000);
    assert_non_null(shard_mem(sh));
    assert_non_null(arena_alloc(shard_scratch(sh), 1000));
    assert_int_equal(shard_times(sh)->t1_ms, 500);
    assert_true(shard_times(sh)->timer_c_ms > 180000);
    assert_ptr_equal(shard_rng(sh), &g->rng.rng);
    assert_null(shard_data(sh));
}

static void act_timer_stop(struct stage *g, struct shard *sh)
{
    (void)g;
    shard_timer_start(sh, &own_timer, 10);
    shard_timer_stop(sh, &own_timer);
}

static void a_user_has_timers_in_its_shard(void **state)
{
    struct stage *g = begin(1);

    (void)state;
    fired_at = 0;
    stage_run_ms(g, 777);
    stage_mark(g);
    stage_do(g, act_timer);
    stage_run_ms(g, 1233);
    assert_int_equal(fired_at, 0);
    stage_run_ms(g, 1);
    assert_int_equal(fired_at, 1234);
    stage_do(g, act_timer_stop);
    stage_run_ms(g, 100);
    assert_int_equal(fired_at, 1234);
    stage_close(g);
}

static void a_token_is_letters_and_digits_and_never_the_same(void **state)
{
    struct random r;
    char          x[32], y[32];
    struct buf    a = BUF_ON(x), b = BUF_ON(y);

    (void)state;
    random_seed(&r, 1);
    stack_put_token(&r.rng, &a);
    stack_put_token(&r.rng, &b);
    assert_int_equal(a.n, STACK_TOKEN_OCTETS);
    assert_false(slice_eq(buf_slice(&a), buf_slice(&b)));
    for (size_t i = 0; i < a.n; i++)
        assert_true(ascii_is_alnum(x[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_3_1_any_worker_serves_the_call),
        cmocka_unit_test(the_user_may_fetch_what_it_has_of_the_call),
        cmocka_unit_test(what_a_shard_has_said_leaves_before_another_worker_may_take_it),
        cmocka_unit_test(deadlines_of_a_foreign_shard_are_met),
        cmocka_unit_test(without_timers_no_worker_wakes),
        cmocka_unit_test(what_comes_while_a_shard_is_held_is_worked_off_in_order),
        cmocka_unit_test(protocol_3_3_the_queue_goes_before_what_comes_directly),
        cmocka_unit_test(protocol_3_3_a_full_queue_drops_and_counts),
        cmocka_unit_test(protocol_3_3_a_full_queue_stops_reading_streams),
        cmocka_unit_test(work_for_another_shard_waits_until_this_one_is_let_go),
        cmocka_unit_test(a_post_comes_by_the_home_worker),
        cmocka_unit_test(a_post_to_a_closed_stack_is_dropped),
        cmocka_unit_test(a_user_has_timers_in_its_shard),
        cmocka_unit_test(a_token_is_letters_and_digits_and_never_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

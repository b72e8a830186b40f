/* moment_test.c - the time of what a shard is told: one for each piece of work, and in order, whoever works there (net/net.h, steer.c). */
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

/* The clock of two workers' machine, and when each has taken up what it is at. */
static struct {
    uint64_t clock_us, taken_us[2], seen_us;
    unsigned takes;
} moments;

static unsigned worker_of(struct net *n)
{
    return n == fake_net(g_stage.node, 1);
}

static uint64_t moment_of(struct net *n)
{
    return moments.taken_us[worker_of(n)];
}

static void take_up(struct net *n, uint64_t after_us)
{
    moments.clock_us = (moments.clock_us > after_us ? moments.clock_us : after_us) + 1;
    moments.taken_us[worker_of(n)] = moments.clock_us;
    moments.takes++;
}

static void see_moment(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)in;
    g->n_notes = 0;
    moments.seen_us = net_now_us(shard_net(sh));
}

static void work_seen(struct job *j, struct shard *sh)
{
    (void)j;
    moments.seen_us = net_now_us(shard_net(sh));
}

/* Two fake nets whose workers do not look at the clock at once. */
static struct stage *begin_with_moments(struct net_ops ops[2])
{
    struct stage *g = &g_stage;

    *g = (struct stage){.n_workers = 2, .on_request = see_moment};
    stage_open(g);
    moments.clock_us = fake_now_us(g->w);
    for (unsigned i = 0; i < 2; i++) {
        moments.taken_us[i] = moments.clock_us;
        ops[i] = *fake_net(g->node, i)->ops;
        ops[i].now_us = moment_of;
        ops[i].take_up = take_up;
        fake_net(g->node, i)->ops = &ops[i];
    }
    moments.takes = 0;
    return g;
}

/* That worker works on a message that it took up then. */
static void works(struct stage *g, unsigned worker, uint64_t taken_us)
{
    struct flow from = {.kind = TRANSPORT_UDP, .set = 1, .remote = stage_addr("192.0.2.9:5060")};

    moments.taken_us[worker] = taken_us;
    steer_on_octets(&g->st->workers[worker], &from,
                    stage_request((struct stage_said){.method = "ACK", .branch = "x", .to_tag = "t"}));
}

/* Who was away between the two takes it up anew, and else nobody asks for the time twice. */
static void the_times_of_a_shard_never_go_back(void **state)
{
    struct net_ops ops[2];
    struct stage  *g = begin_with_moments(ops);
    uint64_t       t = moments.clock_us += 1000;

    (void)state;
    works(g, 0, t);
    assert_int_equal(moments.seen_us, t);
    works(g, 0, t); /* of one worker's record the order says it */
    works(g, 1, t + 5);
    assert_int_equal(moments.seen_us, t + 5);
    assert_int_equal(moments.takes, 0);
    works(g, 0, t + 3); /* it was away since */
    assert_true(moments.seen_us > t + 5);
    assert_int_equal(moments.takes, 1);
    works(g, 1, moments.seen_us); /* in the same microsecond */
    assert_true(moments.seen_us > moments.taken_us[0]);
    assert_int_equal(moments.takes, 2);
    works(g, 0, moments.seen_us + 1);
    assert_int_equal(moments.takes, 2);
    stage_close(g);
}

/* A job in the queue is taken up when its turn comes, and so is what comes behind it. */
static void what_has_waited_is_taken_up_in_its_turn(void **state)
{
    struct net_ops ops[2];
    struct stage  *g = begin_with_moments(ops);
    struct shard  *sh = &g->st->shards[stack_shard_of(g->st, S("c1"))];
    uint64_t       t = moments.clock_us += 1000;
    struct job    *j;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_non_null(j = mem_alloc(g->mem, sizeof *j));
        *j = (struct job){.octets = sizeof *j, .work = work_seen};
        steer_push(sh, j);
    }
    atomic_store(&sh->work, 0);
    works(g, 0, t);
    assert_int_equal(moments.takes, 3);
    assert_int_equal(moments.seen_us, t + 3);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_times_of_a_shard_never_go_back),
        cmocka_unit_test(what_has_waited_is_taken_up_in_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

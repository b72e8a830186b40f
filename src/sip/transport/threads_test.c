/* threads_test.c - two workers on two threads, real sockets: a stream of one is answered by the other (PROTOCOL 3.2). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/transport/transport.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { WORKERS = 2, MESSAGES = 2000, GIVE_UP_US = 30 * 1000 * 1000 };

struct world;

struct worker {
    struct world     *w;
    uint8_t           index;
    struct random     rng;
    struct net       *net;
    struct transport *tp;
    pthread_t         thread;
};

/* Asked of the other worker: answer number n on that flow. */
struct errand {
    struct worker *by;
    struct flow    flow;
    unsigned       n;
};

struct world {
    struct heap_counted heap;
    struct worker       worker[WORKERS];
    struct transport   *all[WORKERS];
    struct net         *net; /* the peer's */
    struct random       rng;
    struct transport   *tp;
    struct net_timer    late;
    struct errand       errand[MESSAGES];
    atomic_uint         errands, failed;
    unsigned            answers, disorder;
    bool                gave_up;
};

static void put_answer(struct buf *b, unsigned n)
{
    buf_put(b, S("SIP/2.0 200 OK\r\nCall-ID: "));
    buf_putu(b, n);
    buf_put(b, S("\r\nContent-Length: 0\r\n\r\n"));
}

static void run_errand(void *arg)
{
    struct errand *e = arg;
    char           block[128];
    struct buf     b = BUF_ON(block);

    put_answer(&b, e->n);
    if (flow_send(e->by->tp, &e->flow, buf_slice(&b)))
        atomic_fetch_add(&e->by->w->failed, 1);
}

static void on_request(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct worker *me = arg;
    struct worker *other = &me->w->worker[1 - me->index];
    unsigned       n = atomic_fetch_add(&me->w->errands, 1);

    (void)tp;
    (void)octets;
    if (n >= MESSAGES)
        return;
    me->w->errand[n] = (struct errand){.by = other, .flow = *from, .n = n};
    net_post(other->net, run_errand, &me->w->errand[n]);
}

static void on_server_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    struct worker *me = arg;

    (void)tp;
    (void)flow;
    (void)why;
    atomic_fetch_add(&me->w->failed, 1);
}

static void on_answer(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct world *w = arg;
    char          block[128];
    struct buf    b = BUF_ON(block);

    (void)tp;
    (void)from;
    put_answer(&b, w->answers);
    if (!slice_eq(octets, buf_slice(&b)))
        w->disorder++;
    if (++w->answers == MESSAGES)
        net_real_stop(w->net);
}

static void on_client_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    struct world *w = arg;

    (void)tp;
    (void)flow;
    (void)why;
    w->disorder++;
    net_real_stop(w->net);
}

static void on_late(void *arg)
{
    struct world *w = arg;

    w->gave_up = true;
    net_real_stop(w->net);
}

static const struct transport_on server_on = {.message = on_request, .lost = on_server_lost};
static const struct transport_on client_on = {.message = on_answer, .lost = on_client_lost};

static void *run_worker(void *arg)
{
    struct worker *me = arg;

    net_real_run(me->net);
    return NULL;
}

/* The first worker's port is the port of all. */
static void open_workers(struct world *w, struct addr *at)
{
    struct transport_listen l = {.kind = TRANSPORT_TCP, .local = *at};

    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker          *me = &w->worker[i];
        struct transport_config c = {.mem = &w->heap.mem, .rng = &me->rng.rng, .worker = (uint8_t)i, .n_workers = WORKERS,
                                     .all = w->all, .on = &server_on, .arg = me};
        enum transport_kind     kind;
        uint8_t                 index;

        me->w = w;
        me->index = (uint8_t)i;
        random_seed(&me->rng, i);
        assert_int_equal(net_real_open(&w->heap.mem, &me->net), ERR_OK);
        c.net = me->net;
        assert_int_equal(transport_open(&c, &me->tp), ERR_OK);
        assert_int_equal(transport_listen(me->tp, &l, &index), ERR_OK);
        transport_listener_local(me->tp, index, &kind, &l.local);
    }
    *at = l.local;
}

static void open_client(struct world *w)
{
    struct transport_config c = {.mem = &w->heap.mem, .rng = &w->rng.rng, .n_workers = 1, .on = &client_on, .arg = w};
    struct transport_listen l = {.kind = TRANSPORT_TCP};
    uint8_t                 index;

    random_seed(&w->rng, 99);
    assert_int_equal(net_real_open(&w->heap.mem, &w->net), ERR_OK);
    c.net = w->net;
    assert_int_equal(transport_open(&c, &w->tp), ERR_OK);
    assert_int_equal(addr_parse(S("127.0.0.1"), &l.local), ERR_OK);
    assert_int_equal(transport_listen(w->tp, &l, &index), ERR_OK);
    w->late.fire = on_late;
    w->late.arg = w;
    net_timer_set(w->net, &w->late, net_now_us(w->net) + GIVE_UP_US);
}

static void close_all(struct world *w)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        net_real_stop(w->worker[i].net);
        assert_int_equal(pthread_join(w->worker[i].thread, NULL), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        transport_close(w->worker[i].tp);
    for (unsigned i = 0; i < WORKERS; i++)
        net_real_close(w->worker[i].net);
    net_timer_cancel(w->net, &w->late);
    transport_close(w->tp);
    net_real_close(w->net);
    assert_int_equal(w->heap.octets, 0);
}

static void protocol_3_2_answers_by_another_thread_keep_their_order(void **state)
{
    static struct world w;
    struct addr         at;
    struct flow         f;

    (void)state;
    heap_counted_init(&w.heap, NULL, 0);
    assert_int_equal(addr_parse(S("127.0.0.1"), &at), ERR_OK);
    open_workers(&w, &at);
    open_client(&w);
    assert_int_equal(flow_to(w.tp, TRANSPORT_TCP, &at, &f), ERR_OK);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(flow_send(w.tp, &f, S("OPTIONS sip:b@x SIP/2.0\r\nCall-ID: a\r\nl: 0\r\n\r\n")), ERR_OK);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&w.worker[i].thread, NULL, run_worker, &w.worker[i]), 0);
    net_real_run(w.net);
    assert_false(w.gave_up);
    assert_int_equal(w.answers, MESSAGES);
    assert_int_equal(w.disorder, 0);
    assert_int_equal(w.failed, 0);
    close_all(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_3_2_answers_by_another_thread_keep_their_order),
    };

    return cmocka_run_group_tests_name("sip/transport/threads", tests, NULL, NULL);
}

/* threads_test.c - real threads take, queue, let go, post and set deadlines, most of it in one shard (DESIGN §6). For
 * ThreadSanitizer: what a shard holds is plain memory here, so two holders at once would be seen.
 *
 * Each worker is a thread with a loop of its own over a table of net.h that has nothing but one timer, posts, and the moment in which the
 * worker has looked at a clock that all share and that moves whenever one looks. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stack_priv.h"

enum { THREADS = 4, ROUNDS = 20000, MAX_POSTS = 1 << 17, SETTLE_ROUNDS = 100000, PIECES = 100, PIECE_OCTETS = 200 };

static _Atomic uint64_t clock_us = 1000000;

/* ---- a net of nothing but time and posts ---- */

struct post {
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    struct net        net;
    pthread_mutex_t   lock;
    struct post       posts[MAX_POSTS];
    size_t            first, last; /* under lock */
    struct net_timer *timer;
    uint64_t          timer_us;
    uint64_t          now_us;
};

static struct loop loops[THREADS];

static uint64_t loop_now(struct net *n)
{
    return ((struct loop *)n)->now_us;
}

/* No two see the same. */
static void loop_take_up(struct net *n, uint64_t after_us)
{
    struct loop *l = (struct loop *)n;

    l->now_us = atomic_fetch_add_explicit(&clock_us, 1, memory_order_relaxed) + 1;
    assert(l->now_us > after_us);
}

static void loop_timer_set(struct net *n, struct net_timer *t, uint64_t at_us)
{
    struct loop *l = (struct loop *)n;

    assert(!l->timer || l->timer == t); /* the tick is the only one */
    l->timer = t;
    l->timer_us = at_us;
}

static void loop_timer_cancel(struct net *n, struct net_timer *t)
{
    struct loop *l = (struct loop *)n;

    if (l->timer == t)
        l->timer = NULL;
}

static void loop_post(struct net *n, void (*fn)(void *arg), void *arg)
{
    struct loop *l = (struct loop *)n;

    pthread_mutex_lock(&l->lock);
    assert(l->last - l->first < MAX_POSTS);
    l->posts[l->last++ % MAX_POSTS] = (struct post){fn, arg};
    pthread_mutex_unlock(&l->lock);
}

static void loop_udp_flush(struct net *n)
{
    (void)n; /* nothing is sent */
}

static const struct net_ops loop_ops = {
    .now_us = loop_now,
    .wall_us = loop_now,
    .take_up = loop_take_up,
    .timer_set = loop_timer_set,
    .timer_cancel = loop_timer_cancel,
    .post = loop_post,
    .udp_flush = loop_udp_flush,
};

static bool take_post(struct loop *l, struct post *out)
{
    bool any;

    pthread_mutex_lock(&l->lock);
    if ((any = l->first != l->last))
        *out = l->posts[l->first++ % MAX_POSTS];
    pthread_mutex_unlock(&l->lock);
    return any;
}

/* One turn. False: nothing is waiting. */
static bool loop_turn(struct loop *l)
{
    struct post p;
    bool        busy = l->timer != NULL;

    loop_take_up(&l->net, 0);
    while (take_post(l, &p)) {
        loop_take_up(&l->net, 0);
        p.fn(p.arg);
        busy = true;
    }
    if (l->timer && l->timer_us <= loop_now(&l->net)) {
        struct net_timer *t = l->timer;

        l->timer = NULL;
        t->fire(t->arg);
    }
    return busy;
}

/* ---- the user: plain memory in each shard ---- */

struct own {
    uint64_t           messages, runs;
    uint32_t           last_cseq[THREADS]; /* of the hot call: one flow's messages come in order */
    struct shard      *sh;
    struct wheel_timer timer;
    uint64_t           started, fired, last_us;
    uint64_t          *piece[PIECES]; /* some memory that one thread takes and another gives up */
};

static struct own    own[STACK_SHARDS];
static struct stack *st;

static enum err on_shard_open(void *ctx, struct shard *sh, void **data)
{
    (void)ctx;
    own[shard_index(sh)] = (struct own){.sh = sh};
    *data = &own[shard_index(sh)];
    return ERR_OK;
}

/* Whoever works here, its time never goes back. */
static void look_at_clock(struct own *o, struct shard *sh)
{
    uint64_t now_us = net_now_us(shard_net(sh));

    assert(now_us >= o->last_us);
    o->last_us = now_us;
}

static void on_timer(void *arg)
{
    struct own *o = arg;

    look_at_clock(o, o->sh);
    assert(shard_now_ms(o->sh) >= o->timer.at_ms);
    o->fired = o->started;
}

static void on_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    struct own *o = shard_data(sh);
    struct cseq cseq;
    size_t      thread = (size_t)(msg_from_tag(in->m).p[0] - '0');

    (void)ctx;
    assert(msg_cseq(in->m, &cseq) == ERR_OK);
    look_at_clock(o, sh);
    o->messages++;
    if (msg_call_id(in->m).n == 3) {
        assert(cseq.number > o->last_cseq[thread]);
        o->last_cseq[thread] = cseq.number;
    }
}

static void give_up(struct own *o, unsigned i)
{
    for (size_t k = 0; k < PIECE_OCTETS / sizeof(uint64_t); k++)
        assert(o->piece[i][k] == (uint64_t)(o - own)); /* nobody else has it */
    mem_free(shard_mem(o->sh), o->piece[i], PIECE_OCTETS);
    o->piece[i] = NULL;
}

static void take(struct own *o, unsigned i)
{
    o->piece[i] = mem_alloc(shard_mem(o->sh), PIECE_OCTETS);
    assert(o->piece[i]);
    for (size_t k = 0; k < PIECE_OCTETS / sizeof(uint64_t); k++)
        o->piece[i][k] = (uint64_t)(o - own);
}

static void on_shard_close(void *ctx, struct shard *sh, void *data)
{
    struct own *o = data;

    (void)ctx;
    (void)sh;
    for (unsigned i = 0; i < PIECES; i++)
        if (o->piece[i])
            give_up(o, i);
}

static const struct stack_user user = {.request = on_request, .shard_open = on_shard_open, .shard_close = on_shard_close};

static void run_count(void *arg, struct shard *sh)
{
    struct own *o = shard_data(sh);

    (void)arg;
    look_at_clock(o, sh);
    o->runs++;
    (o->piece[o->runs % PIECES] ? give_up : take)(o, (unsigned)(o->runs % PIECES));
    if (o->fired == o->started && o->runs % 8 == 0) {
        o->started++;
        o->timer.fire = on_timer;
        o->timer.arg = o;
        shard_timer_start(sh, &o->timer, 5 + o->runs % 50);
    }
}

static void run_further(void *arg, struct shard *sh)
{
    run_count(arg, sh);
    assert(stack_run(st, shard_worker(sh), (shard_index(sh) + 1) % STACK_SHARDS, run_count, arg) == ERR_OK);
}

/* ---- what each thread does ---- */

struct work {
    unsigned index;
    uint32_t cseq;
    uint64_t messages, runs, seed;
};

static unsigned chance(struct work *w, unsigned n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->seed >> 33) % n;
}

static void send_ack(struct work *w, struct slice call_id)
{
    char        text[512], tag = (char)('0' + w->index);
    struct buf  b = BUF_ON(text);
    struct flow from = {.kind = TRANSPORT_UDP, .set = 1};

    addr_parse(S("192.0.2.9:5060"), &from.remote);
    buf_puts(&b, S("ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP d;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag="), (struct slice){&tag, 1},
             S("\r\nTo: <sip:b@c>;tag=t\r\nCall-ID: "), call_id, S("\r\nCSeq: "));
    buf_putu(&b, ++w->cseq);
    buf_put(&b, S(" ACK\r\nContent-Length: 0\r\n\r\n"));
    steer_on_octets(&st->workers[w->index], &from, buf_slice(&b));
    w->messages++;
}

static void step(struct work *w)
{
    static const char names[] = "abcdefghijklmnop";
    unsigned          hot = stack_shard_of(st, S("hot"));

    switch (chance(w, 6)) {
    case 0: case 1: send_ack(w, S("hot")); break;
    case 2: send_ack(w, (struct slice){names + chance(w, 14), 2}); break;
    case 3:
        assert(stack_run(st, (uint8_t)w->index, hot, run_count, NULL) == ERR_OK);
        w->runs++;
        break;
    case 4:
        assert(stack_run(st, (uint8_t)w->index, chance(w, STACK_SHARDS), run_further, NULL) == ERR_OK);
        w->runs += 2;
        break;
    default:
        assert(stack_post(st, hot, run_count, NULL) == ERR_OK);
        w->runs++;
        break;
    }
}

static void *work(void *arg)
{
    struct work *w = arg;

    for (int i = 0; i < ROUNDS; i++) {
        loop_take_up(&loops[w->index].net, 0);
        step(w);
        atomic_fetch_add_explicit(&clock_us, 100, memory_order_relaxed);
        loop_turn(&loops[w->index]);
    }
    return NULL;
}

static void settle(void)
{
    bool busy = true;

    for (int i = 0; busy && i < SETTLE_ROUNDS; i++) {
        busy = false;
        for (int t = 0; t < THREADS; t++)
            busy |= loop_turn(&loops[t]);
        atomic_fetch_add_explicit(&clock_us, 1000, memory_order_relaxed);
    }
    assert_false(busy);
}

static void check(const struct work *works)
{
    uint64_t            messages = 0, runs = 0, sent = 0, asked = 0;
    struct stack_counts c;

    for (int i = 0; i < STACK_SHARDS; i++) {
        messages += own[i].messages;
        runs += own[i].runs;
        assert_int_equal(own[i].started, own[i].fired);
        assert_int_equal(atomic_load(&st->shards[i].work), 0);
        assert_int_equal(atomic_load(&st->shards[i].queued), 0);
        assert_null(atomic_load(&st->shards[i].queue));
    }
    for (int t = 0; t < THREADS; t++) {
        sent += works[t].messages;
        asked += works[t].runs;
    }
    stack_counts(st, &c);
    assert_int_equal(c.in, sent);
    assert_int_equal(messages + c.dropped, sent);
    assert_int_equal(runs, asked);
    assert_int_equal(c.bad, 0);
    print_message("messages %llu, left in a queue %llu\n", (unsigned long long)c.in, (unsigned long long)c.queued);
}

static void four_threads_share_the_shards(void **state)
{
    struct heap_counted heap;
    struct random       rng;
    struct stack_config c = {.n_workers = THREADS, .key = {5, 6}, .user = &user, .keeps_memory = true};
    struct work         works[THREADS];
    pthread_t           threads[THREADS];

    (void)state;
    heap_counted_init(&heap, NULL, 0);
    random_system(&rng);
    c.mem = &heap.mem;
    c.rng = &rng.rng;
    assert_int_equal(stack_open(&c, &st), ERR_OK);
    for (unsigned t = 0; t < THREADS; t++) {
        loops[t] = (struct loop){.net = {&loop_ops}};
        pthread_mutex_init(&loops[t].lock, NULL);
        assert_int_equal(stack_add_worker(st, (uint8_t)t, &loops[t].net, NULL), ERR_OK);
        works[t] = (struct work){.index = t, .seed = t + 1};
    }
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, work, &works[t]), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    settle();
    check(works);
    stack_close(st);
    assert_int_equal(atomic_load(&heap.octets), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(four_threads_share_the_shards)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

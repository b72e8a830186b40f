/* loss_test.c - two stacks over a bad wire: lost, doubled, reordered datagrams. Each request reaches the other user once,
 * each gets one final response, and in the end nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stack_priv.h"

enum { CALLS = 200, WORKERS = 3 };

struct call {
    struct tsx_id t, server;
    unsigned      asked;    /* how often the far user was asked */
    unsigned      finals, ended, failed;
    unsigned      code;     /* of the final response */
    bool          cancel;
};

struct end {
    struct stack     *st;
    struct fake_node *node;
};

struct play {
    struct heap_counted world, ours;
    struct random       rng;
    struct fake        *w;
    struct end          a, b;
    struct call         calls[CALLS];
    unsigned            now;  /* the call that is begun */
    unsigned            turn; /* of workers             */
};

static struct play play;

static struct call *call_of(const struct msg *m)
{
    uint64_t n;

    assert_int_equal(slice_u64(slice_from(msg_call_id(m), 1), CALLS - 1, &n), ERR_OK);
    return &play.calls[n];
}

/* ---- the one that is called ---- */

static void b_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    struct call *c = call_of(in->m);

    (void)ctx;
    if (in->m->method_id == METHOD_CANCEL) {
        assert_int_equal(stack_reply_code(sh, in->tsx, 200), ERR_OK);
        stack_reply_code(sh, in->invite, 487);
        return;
    }
    assert_int_not_equal(in->m->method_id, METHOD_ACK); /* of a refusal: never the user's */
    c->asked++;
    c->server = in->tsx;
    if (in->m->method_id != METHOD_INVITE)
        assert_int_equal(stack_reply_code(sh, in->tsx, 200), ERR_OK);
    else if (c->cancel)
        assert_int_equal(stack_reply_code(sh, in->tsx, 180), ERR_OK);
    else
        assert_int_equal(stack_reply_code(sh, in->tsx, 486), ERR_OK);
}

/* ---- the one that calls ---- */

static void a_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    (void)ctx;
    (void)sh;
    (void)in;
    fail();
}

static void a_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct call *c = arg;

    (void)from;
    assert_ptr_equal(c, call_of(m));
    if (m->status >= 200) {
        c->finals++;
        c->code = m->status;
    } else if (c->cancel) {
        stack_cancel(sh, t, SLICE_NONE);
    }
}

static void a_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    struct call *c = arg;

    (void)sh;
    (void)t;
    (void)why;
    c->failed++;
}

static void a_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    struct call *c = arg;

    (void)sh;
    (void)t;
    c->ended++;
}

static const struct stack_client_on client_on = {a_response, a_failed, a_ended};
static const struct stack_user      a_user = {.request = a_request}, b_user = {.request = b_request};

static void act_begin(void *arg, struct shard *sh)
{
    struct call      *c = arg;
    char              text[512];
    struct buf        b = BUF_ON(text);
    struct slice      method = play.now % 3 ? S("INVITE") : S("OPTIONS");
    struct uri        to;
    struct stack_send s = {.next_hop = &to, .on = &client_on, .arg = c};

    c->cancel = play.now % 3 == 1;
    assert_int_equal(uri_parse(S("sip:192.0.2.2;transport=udp"), &to, NULL), ERR_OK);
    buf_puts(&b, method, S(" sip:b@192.0.2.2 SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=f\r\n"
                           "To: <sip:b@192.0.2.2>\r\nCall-ID: c"));
    buf_putu(&b, play.now);
    buf_puts(&b, S("\r\nCSeq: 1 "), method, S("\r\nContent-Length: 0\r\n\r\n"));
    s.octets = buf_slice(&b);
    assert_int_equal(stack_request(sh, &s, &c->t), ERR_OK);
}

/* ---- the play ---- */

static unsigned choose(void *ctx, const struct addr *from, const struct addr *to, struct slice octets, unsigned n)
{
    (void)ctx;
    (void)from;
    (void)to;
    (void)octets;
    return play.turn++ % n;
}

static void open_end(struct end *e, const char *address, const struct stack_user *user)
{
    struct stack_config     c = {.mem = &play.ours.mem, .n_workers = WORKERS, .key = {1, 2}, .rng = &play.rng.rng, .user = user};
    struct transport_listen l = {.kind = TRANSPORT_UDP};
    uint8_t                 index;

    assert_int_equal(fake_add_node(play.w, address, WORKERS, &e->node), ERR_OK);
    assert_int_equal(stack_open(&c, &e->st), ERR_OK);
    assert_int_equal(addr_parse(slice_z(address), &l.local), ERR_OK);
    l.local.port = 5060;
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(stack_add_worker(e->st, (uint8_t)i, fake_net(e->node, i), NULL), ERR_OK);
        assert_int_equal(transport_listen(stack_transport(e->st, (uint8_t)i), &l, &index), ERR_OK);
    }
}

static void open_play(uint64_t seed)
{
    struct fake_config config = {.seed = seed};
    struct fake_link   bad = {.delay_us = 20000, .jitter_us = 30000, .loss_ppm = 200000, .duplicate_ppm = 100000,
                              .reorder_ppm = 50000, .reorder_us = 400000};

    play = (struct play){0};
    heap_counted_init(&play.world, NULL, 0);
    heap_counted_init(&play.ours, NULL, 0);
    random_seed(&play.rng, seed);
    config.mem = &play.world.mem;
    assert_int_equal(fake_open(&config, &play.w), ERR_OK);
    fake_set_link(play.w, &bad);
    fake_set_chooser(play.w, choose, NULL);
    open_end(&play.a, "192.0.2.1", &a_user);
    open_end(&play.b, "192.0.2.2", &b_user);
}

static void run_ms(uint64_t ms)
{
    fake_run_until(play.w, fake_now_us(play.w) + ms * 1000);
}

static void begin_call(unsigned n)
{
    char       text[16];
    struct buf call_id = BUF_ON(text);

    buf_putc(&call_id, 'c');
    buf_putu(&call_id, n);
    play.now = n;
    assert_int_equal(stack_run(play.a.st, (uint8_t)(n % WORKERS), stack_shard_of(play.a.st, buf_slice(&call_id)), act_begin,
                               &play.calls[n]), ERR_OK);
    run_ms(37);
}

/* An INVITE that rings while its caller gives up unheard is the called user's to end. */
static void act_give_up(void *arg, struct shard *sh)
{
    struct call *c = arg;

    stack_reply_code(sh, c->server, 480);
}

static void end_forlorn(unsigned n)
{
    char       text[16];
    struct buf call_id = BUF_ON(text);

    buf_putc(&call_id, 'c');
    buf_putu(&call_id, n);
    if (play.calls[n].failed && play.calls[n].asked)
        assert_int_equal(stack_run(play.b.st, 0, stack_shard_of(play.b.st, buf_slice(&call_id)), act_give_up,
                                   &play.calls[n]), ERR_OK);
}

static void check_end(struct end *e)
{
    struct stack_counts c;

    stack_counts(e->st, &c);
    assert_int_equal(c.client_tsx, 0);
    assert_int_equal(c.server_tsx, 0);
    assert_int_equal(c.bad, 0);
    stack_close(e->st);
}

static void check_call(unsigned n)
{
    const struct call *c = &play.calls[n];
    unsigned           want = n % 3 == 0 ? 200 : c->cancel ? 487 : 486;

    assert_true(c->asked <= 1);
    assert_int_equal(c->ended, 1);
    assert_int_equal(c->finals + c->failed, 1);
    if (c->finals) {
        assert_int_equal(c->asked, 1);
        assert_int_equal(c->code, want);
    }
}

static void each_request_is_asked_once_and_answered_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        unsigned answered = 0;

        open_play(seed);
        for (unsigned n = 0; n < CALLS; n++)
            begin_call(n);
        run_ms(200000);
        for (unsigned n = 0; n < CALLS; n++)
            end_forlorn(n);
        run_ms(40000);
        for (unsigned n = 0; n < CALLS; n++) {
            check_call(n);
            answered += play.calls[n].finals;
        }
        assert_true(answered >= CALLS - 2); /* at this loss hardly one in a thousand gives up */
        check_end(&play.a);
        check_end(&play.b);
        fake_close(play.w);
        assert_int_equal(atomic_load(&play.ours.octets), 0);
        assert_int_equal(atomic_load(&play.world.octets), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request_is_asked_once_and_answered_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

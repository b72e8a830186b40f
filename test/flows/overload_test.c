/* overload_test.c - more calls than the exchange can carry. It takes a millisecond for each message that it works on, so two
 * hundred calls a second of five messages each; to refuse one takes it a twentieth of that.
 *
 *   callers            strowger             desk
 *     |---- INVITE ----->|---- INVITE ----->|
 *     |<--- 200 ---------|<--- 200 ---------|
 *     |---- ACK -------->|---- ACK -------->|      (100s not drawn)
 *     |---- BYE -------->|---- BYE -------->|
 *     |<--- 200 ---------|<--- 200 ---------|
 *     |---- INVITE ----->|
 *     |<--- 503 ---------|   Retry-After
 *     |---- ACK -------->|
 *     |---- INVITE ----->|   nothing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kit/kit.h"
#include "sys/heap.h"

enum {
    FULL = 200,              /* calls a second that the exchange can carry */
    MESSAGE_US = 1000, REFUSAL_US = 50, DROP_US = 10,
    ROOM = 4000,             /* datagrams in its socket's buffer */
    HOLD_MS = 2000,
    STEP_MS = 5,
    MAX_CALLS = 64 * 1024,
    T1_MS = 500
};

enum state { CALLING, TALKING, ENDING, OVER };

struct call {
    struct crowd    *crowd;
    struct net_timer timer;   /* the next repetition; while it talks: its end */
    uint64_t         begun_us, answered_us;
    unsigned         hold_ms, waits_ms, code; /* code: of the final response; 0: none yet */
    enum state       state;
    bool             counted, ended_well;
    struct slice     target, to, routes; /* as the 200 has them */
};

struct crowd {
    struct kit     *k;
    struct net     *net;
    struct net_udp *callers, *desk;
    struct mem      mem;
    struct arena    arena;    /* what calls remember */
    struct call    *calls;
    unsigned        n, rest;  /* rest: of calls a second, in thousandths of one that is due */
    struct stack_counts seen; /* when cost was asked last */
    unsigned        acked;    /* our ACKs of refusals */
    bool            retry_after_missing, no_cost;
};

/* ---- the exchange's time ---- */

static uint64_t cost(void *ctx)
{
    struct crowd       *c = ctx;
    struct stack_counts now, before = c->seen;

    stack_counts(kit_exchange(c->k)->stack, &now);
    c->seen = now;
    if (c->no_cost)
        return 0;
    if (now.in > before.in)
        return MESSAGE_US;
    return now.turned_away > before.turned_away ? REFUSAL_US : DROP_US;
}

/* ---- what is said ---- */

static void say(struct crowd *c, struct net_udp *from, struct slice octets)
{
    struct addr to;

    assert_int_equal(addr_parse(S(KIT_EXCHANGE ":5060"), &to), ERR_OK);
    (void)net_udp_send(c->net, from, &to, octets);
}

static void ask(struct call *x, const char *method, const char *uri, unsigned cseq)
{
    struct crowd *c = x->crowd;
    unsigned      id = (unsigned)(x - c->calls);
    struct slice  target = x->to.n ? x->target : slice_z(uri), told = x->to.n ? x->to : slice_z(uri);
    char          text[2048];
    int           n = snprintf(text, sizeof text,
                               "%s %.*s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.1:5060;branch=z9hG4bK%s%u-%u\r\nMax-Forwards: 70\r\n"
                               "From: <sip:c%u@" KIT_DOMAIN ">;tag=%u\r\nTo: %.*s\r\nCall-ID: crowd-%u\r\nCSeq: %u %s\r\n"
                               "Contact: <sip:c%u@10.0.9.1:5060>\r\n%.*sContent-Length: 0\r\n\r\n",
                               method, SARG(target), x->code >= 200 && x->code < 300 ? method : "I", id, cseq, id, id,
                               SARG(told), id, cseq, method, id, SARG(x->routes));

    assert_true(n > 0 && (size_t)n < sizeof text);
    say(c, c->callers, (struct slice){text, (size_t)n});
}

static const char *whom(const struct call *x)
{
    return x->hold_ms ? "sip:desk@" KIT_DOMAIN : "sip:112@" KIT_DOMAIN;
}

static void again(struct call *x)
{
    net_timer_set(x->crowd->net, &x->timer, net_now_us(x->crowd->net) + x->waits_ms * 1000ull);
    x->waits_ms *= 2;
}

static void on_timer(void *arg)
{
    struct call *x = arg;

    if (x->state == TALKING) {
        x->state = ENDING;
        x->waits_ms = T1_MS;
    } else if (x->waits_ms > 32 * T1_MS) {
        x->state = OVER;
        return;
    }
    ask(x, x->state == CALLING ? "INVITE" : "BYE", whom(x), x->state == CALLING ? 1 : 2);
    again(x);
}

/* hold_ms 0: a call for help. */
static struct call *begin_call(struct crowd *c, unsigned hold_ms, bool counted)
{
    struct call *x = &c->calls[c->n++];

    assert_true(c->n < MAX_CALLS);
    *x = (struct call){.crowd = c, .timer = {.fire = on_timer, .arg = x}, .begun_us = net_now_us(c->net), .hold_ms = hold_ms,
                       .waits_ms = T1_MS, .counted = counted};
    ask(x, "INVITE", whom(x), 1);
    again(x);
    return x;
}

/* ---- what the callers hear ---- */

static void keep_dialog(struct call *x, const struct msg *m)
{
    struct arena    *a = &x->crowd->arena;
    char             text[1024];
    struct buf       b = BUF_ON(text);
    struct slice     one;
    struct name_addr na;

    assert_int_equal(msg_name_addr(m, HDR_CONTACT, &na), ERR_OK);
    for (size_t i = 0; msg_element(m, HDR_RECORD_ROUTE, i, &one) == ERR_OK; i++)
        buf_puts(&b, S("Route: "), one, S("\r\n"));
    assert_int_equal(arena_dup(a, na.uri, &x->target), ERR_OK);
    assert_int_equal(arena_dup(a, msg_value(m, HDR_TO), &x->to), ERR_OK);
    assert_int_equal(arena_dup(a, buf_slice(&b), &x->routes), ERR_OK);
}

static void answered(struct call *x, const struct msg *m)
{
    if (x->state == CALLING) {
        x->answered_us = net_now_us(x->crowd->net);
        keep_dialog(x, m);
        x->code = m->status;
        x->state = TALKING;
        net_timer_set(x->crowd->net, &x->timer, net_now_us(x->crowd->net) + x->hold_ms * 1000ull);
    }
    ask(x, "ACK", whom(x), 1);
}

static void refused(struct call *x, const struct msg *m)
{
    x->code = m->status;
    x->state = OVER;
    net_timer_cancel(x->crowd->net, &x->timer);
    x->crowd->retry_after_missing |= m->status == 503 && !msg_has(m, HDR_RETRY_AFTER);
    x->crowd->acked += m->status == 503;
    assert_int_equal(arena_dup(&x->crowd->arena, msg_value(m, HDR_TO), &x->to), ERR_OK);
    x->target = slice_z(whom(x));
    ask(x, "ACK", whom(x), 1);
}

static const struct msg *parsed(struct arena *a, char *block, size_t n, struct slice octets)
{
    struct msg *m;

    arena_init_fixed(a, block, n);
    assert_int_equal(msg_parse(a, octets, &m), ERR_OK);
    return m;
}

static void callers_hear(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct crowd     *c = arg;
    char              block[16384];
    struct arena      a;
    const struct msg *m = parsed(&a, block, sizeof block, octets);
    uint64_t          id;
    struct call      *x;
    struct cseq       cseq;

    (void)u;
    (void)from;
    (void)to;
    assert_int_equal(slice_u64(slice_from(msg_call_id(m), strlen("crowd-")), c->n - 1, &id), ERR_OK);
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    x = &c->calls[id];
    if (cseq.method_id == METHOD_BYE) {
        net_timer_cancel(c->net, &x->timer);
        x->ended_well = m->status == 200;
        x->state = OVER;
    } else if (m->status < 200)
        net_timer_cancel(c->net, &x->timer);
    else if (m->status < 300)
        answered(x, m);
    else
        refused(x, m);
}

static void desk_hears(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct crowd     *c = arg;
    char              block[16384], text[2048];
    struct arena      a;
    const struct msg *m = parsed(&a, block, sizeof block, octets);
    struct buf        b = BUF_ON(text);

    (void)u;
    (void)from;
    (void)to;
    if (!m->is_request || m->method_id == METHOD_ACK)
        return;
    msg_put_reply(&b, &(struct msg_reply){.request = m, .code = 200, .to_tag = S("desk"), .record_route = true});
    buf_put(&b, S("Contact: <sip:desk@10.0.9.2:5060>\r\n"));
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    say(c, c->desk, buf_slice(&b));
}

static void nothing(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

/* ---- the crowd ---- */

static struct net_udp *listen_at(struct crowd *c, const char *at, const struct net_udp_on *on)
{
    struct net_udp_options o = {0};
    struct net_udp        *u;

    assert_int_equal(addr_parse(slice_z(at), &o.local), ERR_OK);
    assert_int_equal(net_udp_open(c->net, &o, on, c, &u), ERR_OK);
    return u;
}

static struct crowd *gather(void)
{
    static const struct net_udp_on callers = {.octets = callers_hear, .error = nothing},
                                   desk = {.octets = desk_hears, .error = nothing};
    struct crowd                  *c = calloc(1, sizeof *c);
    struct fake_node              *node;

    assert_non_null(c);
    assert_non_null(c->calls = calloc(MAX_CALLS, sizeof *c->calls));
    heap_mem(&c->mem);
    arena_init(&c->arena, &c->mem, 65536, 0);
    c->k = kit_begin(NULL);
    assert_int_equal(fake_add_node(kit_world(c->k), "10.0.9.1 10.0.9.2", 1, &node), ERR_OK);
    c->net = fake_net(node, 0);
    c->callers = listen_at(c, "10.0.9.1:5060", &callers);
    c->desk = listen_at(c, "10.0.9.2:5060", &desk);
    say(c, c->desk, S("REGISTER sip:" KIT_DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.2:5060;branch=z9hG4bKr\r\nMax-Forwards: 70\r\n"
                      "From: <sip:desk@" KIT_DOMAIN ">;tag=r\r\nTo: <sip:desk@" KIT_DOMAIN ">\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n"
                      "Contact: <sip:desk@10.0.9.2:5060>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"));
    kit_wait_ms(c->k, 100);
    kit_set_slow(c->k, cost, c, ROOM);
    return c;
}

static void disperse(struct crowd *c)
{
    c->no_cost = true;
    kit_wait_ms(c->k, 100000);
    kit_end(c->k);
    arena_close(&c->arena);
    free(c->calls);
    free(c);
}

/* So many calls a second for so long. */
static void call_for(struct crowd *c, unsigned per_second, unsigned ms, bool counted)
{
    for (unsigned t = 0; t < ms; t += STEP_MS) {
        for (c->rest += per_second * STEP_MS; c->rest >= 1000; c->rest -= 1000)
            begin_call(c, HOLD_MS, counted);
        kit_wait_ms(c->k, STEP_MS);
    }
}

struct outcome {
    unsigned asked, answered, ended_well, refused, silent, median_ms;
};

static int by_time(const void *a, const void *b)
{
    const unsigned *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* What became of the calls that are counted. */
static struct outcome outcome(struct crowd *c)
{
    static unsigned waited[MAX_CALLS];
    struct outcome  o = {0};

    for (unsigned i = 0; i < c->n; i++) {
        const struct call *x = &c->calls[i];

        if (!x->counted)
            continue;
        o.asked++;
        o.ended_well += x->ended_well;
        o.refused += x->code == 503;
        o.silent += x->code == 0;
        if (x->code == 200)
            waited[o.answered++] = (unsigned)((x->answered_us - x->begun_us) / 1000);
    }
    qsort(waited, o.answered, sizeof *waited, by_time);
    o.median_ms = o.answered ? waited[o.answered / 2] : 0;
    return o;
}

/* After a run-up in which calls begin to end as fast as they begin, ten seconds are counted. */
static struct outcome rush(struct crowd *c, unsigned times)
{
    call_for(c, FULL * times, 5000, false);
    call_for(c, FULL * times, 10000, true);
    call_for(c, FULL / 2, 60000, false);
    return outcome(c);
}

static void a_full_house_is_no_overload(void **state)
{
    struct crowd  *c = gather();
    struct outcome o;

    (void)state;
    call_for(c, FULL * 8 / 10, 10000, true);
    kit_wait_ms(c->k, 5000);
    o = outcome(c);
    assert_int_equal(o.ended_well, o.asked);
    disperse(c);
}

static void twice_as_many_and_the_exchange_works_on(void **state)
{
    struct crowd       *c = gather();
    struct outcome      o = rush(c, 2);
    struct stack_counts n;

    (void)state;
    assert_true(o.answered >= FULL * 10 * 85 / 100);
    assert_int_equal(o.ended_well, o.answered);
    assert_true(o.refused > o.asked / 3);
    assert_true(o.median_ms < 30); /* two of the wire's milliseconds each way, and three messages' work */
    assert_false(c->retry_after_missing);
    stack_counts(kit_exchange(c->k)->stack, &n);
    assert_int_equal(n.shedding, 0); /* and it is over */
    assert_true(c->acked >= n.turned_away - 100);
    disperse(c);
}

static void ten_times_as_many_and_who_talks_talks_on(void **state)
{
    struct crowd  *c = gather();
    struct call   *help;
    unsigned       talking = 0, ended = 0;
    struct outcome o;

    (void)state;
    for (unsigned i = 0; i < 400; i++) { /* they will end in the rush */
        begin_call(c, 6000 + i * 20, false);
        kit_wait_ms(c->k, 10);
    }
    for (unsigned i = 0; i < c->n; i++)
        talking += c->calls[i].code == 200;
    assert_int_equal(talking, 400);
    call_for(c, FULL * 10, 5000, false);
    help = begin_call(c, 0, false);
    call_for(c, FULL * 10, 5000, true);
    kit_wait_ms(c->k, 60000);
    for (unsigned i = 0; i < 400; i++)
        ended += c->calls[i].ended_well;
    o = outcome(c);
    assert_true(ended >= 396);
    assert_int_equal(o.ended_well, o.answered);
    assert_true(o.answered > FULL * 5 / 3);
    assert_true(help->code >= 300 && help->code != 503); /* there is no trunk that it could go out by; but it was heard */
    disperse(c);
}

static void beyond_three_times_it_is_silent_and_then_it_is_over(void **state)
{
    struct crowd       *c = gather();
    struct stack_counts before, after;
    struct outcome      o;

    (void)state;
    call_for(c, FULL * 5, 8000, false);
    stack_counts(kit_exchange(c->k)->stack, &before);
    assert_int_equal(before.shedding, 1);
    assert_true(before.unanswered > before.turned_away);
    call_for(c, FULL / 2, 40000, false);
    stack_counts(kit_exchange(c->k)->stack, &before);
    assert_int_equal(before.shedding, 0);
    call_for(c, FULL / 2, 10000, true);
    kit_wait_ms(c->k, 5000);
    o = outcome(c);
    stack_counts(kit_exchange(c->k)->stack, &after);
    assert_int_equal(o.ended_well, o.asked); /* and it does not begin anew */
    assert_int_equal(after.turned_away, before.turned_away);
    disperse(c);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_full_house_is_no_overload), T(twice_as_many_and_the_exchange_works_on), T(ten_times_as_many_and_who_talks_talks_on),
        T(beyond_three_times_it_is_silent_and_then_it_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

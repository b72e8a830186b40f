/* uas.h - for flows between legs: uas on a fake net in virtual time, each with a diary of what its legs tell.
 *
 * A node takes every call: it rings, and does what its `mode` says. Its diary is a line of words, such as
 * "incoming offer=O1 | answer 200 A1 | up | ended 1", which tests compare. */
#ifndef FLOWS_UAS_H
#define FLOWS_UAS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"
#include "ua/ua.h"

enum { WORLD_NODES = 4, DIARY_OCTETS = 4096, NODE_LEGS = 8, WIRE_OCTETS = 1 << 16 };

enum mode { MODE_RING, MODE_ANSWER, MODE_BUSY, MODE_MOVED, MODE_SILENT };

struct world;

struct node {
    struct world      *w;
    struct fake_node  *fake;
    struct net        *net;
    struct stack      *st;
    struct ua         *ua;
    struct ua_account *account;
    char               ip[32], uri[64];
    enum mode          mode;
    char               diary[DIARY_OCTETS];
    struct buf         log;
    struct log         stack_log;
    struct leg_id      legs[NODE_LEGS]; /* in order of their beginning */
    size_t             n_legs, n_gone;
    struct leg_refer_in refer;          /* the last; only its id is kept */
    struct leg_id      referred;
    bool               shut;
    char               answer[256];     /* what it says as SDP */
    char               offer_code;      /* 0: offers are accepted with `answer`; else '4': 488 */
    struct leg_id      refer_leg;       /* whose REFER was taken */
};

struct world {
    struct mem           plain;
    struct heap_failing  failing;  /* below the heap: for tests that let allocations fail */
    struct heap_counted  heap;
    bool                 frail;    /* such a test: what legs say no to is not a failure */
    bool                 patient;  /* stack_config's */
    bool                 reliable; /* ua_config's, and 100rel in Supported */
    uint32_t             session_s; /* ua_config's, as the next */
    enum ua_refresher    refresher;
    struct random        random;
    struct digester      digester;
    struct fake         *fake;
    struct node          node[WORLD_NODES];
    size_t               n_nodes;
    char                 wire[WIRE_OCTETS]; /* first lines of what was sent, "A>B INVITE" */
    struct buf           wire_log;
};

static inline void note(struct node *n, const char *format, ...)
{
    char line[1024];
    va_list ap;
    int k;

    va_start(ap, format);
    k = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    assert_true(k > 0 && (size_t)k < sizeof line);
    if (n->log.n)
        buf_put(&n->log, S(" | "));
    buf_put(&n->log, slice_z(line));
}

#define assert_diary(node_, z)                                                     \
    do {                                                                           \
        struct node *n_ = (node_);                                                 \
        if (!slice_eq(buf_slice(&n_->log), slice_z(z)))                            \
            print_error("diary: %.*s\n want: %s\nwire:\n%.*s\n", SARG(buf_slice(&n_->log)), z, \
                        SARG(buf_slice(&n_->w->wire_log)));                        \
        assert_true(slice_eq(buf_slice(&n_->log), slice_z(z)));                    \
        buf_reset(&n_->log);                                                       \
    } while (0)

static inline void must(const struct node *n, enum err e)
{
    if (!n->w->frail)
        assert_int_equal(e, ERR_OK);
}

/* ---- what legs tell ---- */

static inline void t_progress(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    (void)leg;
    note(arg, "progress %u%s%.*s", code, sdp.n ? " " : "", SARG(sdp));
}

static inline void t_offer(void *arg, struct leg *leg, struct slice sdp)
{
    struct node *n = arg;

    note(n, "offer%s%.*s", sdp.n ? " " : "", SARG(sdp));
    if (n->offer_code == '4')
        (void)leg_refuse_offer(leg, 488);
    else if (n->offer_code != 'w')
        must(n, leg_accept_offer(leg, slice_z(n->answer)));
}

static inline void t_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    (void)leg;
    note(arg, "answer %u%s%.*s", code, sdp.n ? " " : "", SARG(sdp));
}

static inline void t_offer_again(void *arg, struct leg *leg)
{
    struct node *n = arg;

    note(n, "again at %u", (unsigned)shard_now_ms(leg_shard(leg)));
    must(n, leg_offer(leg, slice_z(n->answer)));
}

static inline void t_up(void *arg, struct leg *leg)
{
    (void)leg;
    note(arg, "up");
}

static inline unsigned t_refer(void *arg, struct leg *leg, const struct leg_refer_in *r)
{
    struct node *n = arg;

    note(n, "refer %.*s%s%.*s by %.*s", SARG(r->target), r->replaces.n ? " replaces " : "", SARG(r->replaces),
         SARG(r->referred_by));
    n->refer.id = r->id;
    n->refer_leg = leg_id(leg);
    return n->mode == MODE_BUSY ? 603 : 202;
}

static inline void t_refer_status(void *arg, struct leg *leg, const struct leg_refer_status *s)
{
    (void)leg;
    note(arg, "refer-status %u%s%s", s->code, s->accepted ? " accepted" : "", s->final ? " final" : "");
}

static inline void t_info(void *arg, struct leg *leg, struct slice type, struct slice body)
{
    (void)leg;
    note(arg, "info %.*s %.*s", SARG(type), SARG(body));
}

static inline void t_ended(void *arg, struct leg *leg, const struct leg_end *e)
{
    static const char *why[] = {"hung-up", "far-hung-up", "rejected", "refused", "no-answer", "no-ack", "replaced", "lost", "broken"};

    (void)leg;
    note(arg, "ended %s %u%s%.*s", why[e->why], e->code, e->contact.n ? " " : "", SARG(e->contact));
}

static inline void t_gone(void *arg, struct leg *leg)
{
    (void)leg;
    ((struct node *)arg)->n_gone++;
}

static inline void t_refreshed(void *arg, struct leg *leg, struct slice sdp)
{
    (void)leg;
    if (sdp.n)
        note(arg, "refreshed %.*s", SARG(sdp));
}

static inline void t_updated(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    (void)leg;
    note(arg, "updated %u%s%.*s", code, sdp.n ? " " : "", SARG(sdp));
}

static const struct leg_on t_leg_on = {
    t_progress, t_offer, t_answer, t_updated, t_refreshed, t_offer_again, t_up, t_refer, t_refer_status, NULL, t_info, t_ended, t_gone,
};

/* ---- nodes ---- */

static inline void t_incoming(void *ctx, struct leg *leg, const struct leg_incoming *in)
{
    struct node *n = ctx;

    note(n, "incoming%s%.*s%s", in->offer.n ? " " : "", SARG(in->offer), in->replaces.n ? " replaces" : "");
    if (n->mode == MODE_SILENT)
        return;
    leg_attach(leg, &t_leg_on, n);
    assert_true(n->n_legs < NODE_LEGS);
    n->legs[n->n_legs++] = leg_id(leg);
    if (n->mode == MODE_BUSY)
        must(n, leg_reject(leg, &(struct leg_refusal){.code = 486}));
    else if (n->mode == MODE_MOVED)
        must(n, leg_reject(leg, &(struct leg_refusal){.code = 302, .contact = S("sip:c@10.0.0.3")}));
    else
        must(n, leg_ring(leg, 180, leg_ring_offers(leg) ? slice_z(n->answer) : SLICE_NONE));
    if (n->mode == MODE_ANSWER)
        must(n, leg_accept(leg, slice_z(n->answer)));
}

static inline void t_registration(void *ctx, struct ua_account *a, const struct ua_registration *r)
{
    static const char *kind[] = {"registered", "register-failed", "unregistered"};

    (void)a;
    note(ctx, "%s %u", kind[r->kind], r->code);
}

static inline void t_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    ua_request(((struct node *)ctx)->ua, sh, in);
}

static inline void t_shard_close(void *ctx, struct shard *sh, void *data)
{
    (void)data;
    ua_shard_close(((struct node *)ctx)->ua, sh);
}

static inline void t_log(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find_slice(line, S("ev=stack.leak")) != SIZE_MAX)
        fail_msg("leak: %.*s", SARG(line));
}

static const struct ua_on t_ua_on = {.incoming = t_incoming, .registration = t_registration};
static const struct stack_user t_stack_user = {.request = t_request, .shard_close = t_shard_close};

static inline void t_seen(void *ctx, const struct fake_seen *s)
{
    struct world *w = ctx;
    struct slice rest = s->octets, line, head;

    if (s->fate != FAKE_SENT || !slice_line(&rest, &line))
        return;
    if (buf_room(&w->wire_log) < 256)
        buf_reset(&w->wire_log);
    if (slice_starts(line, S("SIP/2.0 "))) {
        head = slice_to(slice_from(line, 8), 3);
    } else {
        slice_cut(&line, ' ', &head);
    }
    buf_putc(&w->wire_log, (char)('A' + s->from.ip[3] - 1));
    buf_putc(&w->wire_log, '>');
    buf_putc(&w->wire_log, (char)('A' + s->to.ip[3] - 1));
    buf_puts(&w->wire_log, S(" "), head, S("\n"));
}

static inline struct world *world_open(void)
{
    struct world *w;
    struct mem mem;

    heap_mem(&mem);
    w = mem_zalloc(&mem, sizeof *w);
    assert_non_null(w);
    w->plain = mem;
    heap_failing_init(&w->failing, &w->plain, 0);
    heap_counted_init(&w->heap, &w->failing.mem, 0);
    random_seed(&w->random, 7);
    digest_open(&w->digester);
    buf_init(&w->wire_log, w->wire, sizeof w->wire);
    assert_int_equal(fake_open(&(struct fake_config){.mem = &w->plain, .seed = 7}, &w->fake), ERR_OK);
    fake_observe(w->fake, t_seen, w);
    return w;
}

/* Node i has 10.0.0.(i+1):5060 and the user 'a' + i. */
static inline struct node *node_open(struct world *w, const struct stack_times *times)
{
    struct node *n = &w->node[w->n_nodes++];
    int i = (int)w->n_nodes;
    struct transport_listen listen = {.kind = TRANSPORT_UDP};
    struct stack_config sc = {.mem = &w->heap.mem, .n_workers = 1, .key = {1, 2}, .rng = &w->random.rng,
                              .digester = &w->digester, .user = &t_stack_user, .ctx = n, .uas_only = true, .patient = w->patient, .log = &n->stack_log};
    uint8_t index;
    char user[2] = {(char)('a' + i - 1), 0};

    log_to(&n->stack_log, t_log, NULL, LOG_ERROR);
    n->w = w;
    n->mode = MODE_ANSWER;
    buf_init(&n->log, n->diary, sizeof n->diary);
    (void)snprintf(n->answer, sizeof n->answer, "SDP-%s", user);
    (void)snprintf(n->ip, sizeof n->ip, "10.0.0.%d", i);
    (void)snprintf(n->uri, sizeof n->uri, "sip:%s@10.0.0.%d", user, i);
    assert_int_equal(fake_add_node(w->fake, n->ip, 1, &n->fake), ERR_OK);
    n->net = fake_net(n->fake, 0);
    if (times)
        sc.times = *times;
    assert_int_equal(ua_open(&(struct ua_config){.mem = &w->heap.mem, .rng = &w->random.rng, .digester = &w->digester,
                                                 .key = {3, 4}, .user_agent = S("test"), .patient = w->patient, .session_s = w->session_s,
                                                 .reliable = w->reliable, .supported = w->reliable ? S("100rel") : SLICE_NONE,
                                                 .refresher = w->refresher, .on = &t_ua_on,
                                                 .ctx = n},
                             &n->ua), ERR_OK);
    assert_int_equal(stack_open(&sc, &n->st), ERR_OK);
    ua_attach(n->ua, n->st);
    assert_int_equal(stack_add_worker(n->st, 0, n->net, NULL), ERR_OK);
    assert_int_equal(addr_parse(slice_z(n->ip), &listen.local), ERR_OK);
    listen.local.port = 5060;
    assert_int_equal(transport_listen(stack_transport(n->st, 0), &listen, &index), ERR_OK);
    assert_int_equal(ua_account_open(n->ua, &(struct ua_account_config){.user = slice_z(user), .domain = slice_z(n->ip),
                                                                        .password = S("secret"), .display = S("Test \"X\"")},
                                     &n->account), ERR_OK);
    return n;
}

static inline void world_run_ms(struct world *w, uint64_t ms)
{
    fake_run_until(w->fake, fake_now_us(w->fake) + ms * 1000);
}

/* Everything comes to its end: no leg, request, transaction or octet is left. */
static inline void world_close(struct world *w)
{
    world_run_ms(w, 300000);
    for (size_t i = 0; i < w->n_nodes; i++) {
        struct node *n = &w->node[i];
        struct stack_counts c;
        if (!n->ua)
            continue;
        assert_int_equal(ua_legs(n->ua), 0);
        assert_int_equal(ua_pending(n->ua), 0);
        assert_int_equal(n->n_gone, n->n_legs);
        stack_counts(n->st, &c);
        assert_int_equal(c.server_tsx, 0);
        assert_int_equal(c.client_tsx, 0);
        stack_close(n->st);
        ua_close(n->ua);
    }
    fake_close(w->fake);
    assert_int_equal(atomic_load(&w->heap.octets), 0);
    mem_free(&w->plain, w, sizeof *w);
}

/* ---- doing ---- */

static inline struct leg_id node_call(struct node *n, const char *uri, const char *offer)
{
    struct leg_id id = LEG_NONE;

    assert_int_equal(leg_call(n->ua, 0, &(struct leg_call){.account = n->account, .target = slice_z(uri),
                                                           .offer = slice_z(offer), .on = &t_leg_on, .arg = n}, &id), ERR_OK);
    assert_true(n->n_legs < NODE_LEGS);
    n->legs[n->n_legs++] = id;
    return id;
}

enum what { DO_HANG_UP, DO_ACCEPT, DO_OFFER, DO_REFER, DO_STATE, DO_INFO, DO_RING, DO_UPDATE, DO_ACCEPT_OFFER };
struct deed {
    enum what   what;
    const char *text;
    enum err    e;
    bool        done;
    enum leg_state state;
};

static inline void t_do(void *arg, struct leg *leg)
{
    struct deed *d = arg;

    d->done = leg != NULL;
    if (!leg)
        return;
    d->state = leg_state(leg);
    switch (d->what) {
    case DO_HANG_UP:
        leg_hang_up(leg, SLICE_NONE);
        break;
    case DO_ACCEPT:
        d->e = leg_accept(leg, slice_z(d->text));
        break;
    case DO_OFFER:
        d->e = leg_offer(leg, slice_z(d->text));
        break;
    case DO_REFER:
        d->e = leg_refer(leg, slice_z(d->text));
        break;
    case DO_INFO:
        d->e = leg_info(leg, S("application/dtmf"), slice_z(d->text));
        break;
    case DO_RING:
        d->e = leg_ring(leg, 183, slice_z(d->text));
        break;
    case DO_UPDATE:
        d->e = leg_update(leg, slice_z(d->text));
        break;
    case DO_ACCEPT_OFFER:
        d->e = leg_accept_offer(leg, slice_z(d->text));
        break;
    case DO_STATE:
        break;
    }
}

static inline struct deed node_do(struct node *n, size_t leg, enum what what, const char *text)
{
    struct deed d = {.what = what, .text = text};

    assert_int_equal(leg_do(n->ua, 0, n->legs[leg], t_do, &d), ERR_OK);
    return d;
}

static inline unsigned wire_count(const struct world *w, const char *line)
{
    struct slice rest = buf_slice(&w->wire_log), one;
    unsigned n = 0;

    while (slice_line(&rest, &one))
        n += slice_eq(one, slice_z(line));
    return n;
}

/* Lose the first `n` datagrams whose first line begins so. */
struct losing {
    struct slice begins;
    unsigned     n;
};
static inline int64_t t_lose(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct losing *l = ctx;

    (void)from;
    (void)to;
    if (!l->n || !slice_starts(octets, l->begins))
        return 0;
    l->n--;
    return -1;
}

#endif

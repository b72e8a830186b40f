/* matrix_check.c - what must hold after a case: of the stories that trace tells, and of the calls' records. See matrix.h. */
#include "kit/matrix_priv.h"
#include "trace/trace.h"

enum { MESSAGES = 8192, RECORDS = 64 };

static char complaint[400];

static const char *complain(const char *what, struct slice of)
{
    snprintf(complaint, sizeof complaint, "%s: %.*s", what, SARG(of));
    return complaint;
}

/* ---- stories ---- */

static void collect(void *ctx, const struct kit_seen *s)
{
    struct trace_input *in = ctx;

    if (matrix_is_sip(s->octets) && in->n_messages < MESSAGES)
        ((struct trace_message *)in->messages)[in->n_messages++] =
            (struct trace_message){.time_us = s->at_us, .from = s->from, .to = s->to, .octets = s->octets};
}

static const char *judge_story(const struct run *r, const struct trace_story *s)
{
    if (!s->verdict.known || !s->verdict.text.n)
        return complain("a story without verdict", s->verdict.text);
    /* Who has fallen silent, or has begun anew, tells nobody. */
    if (r->fault.mishap < SILENCES && slice_find_slice(s->verdict.text, S("still connected")) != SIZE_MAX)
        return complain("a story without end", s->verdict.text);
    return NULL;
}

const char *matrix_stories(struct run *r)
{
    static struct trace_message list[MESSAGES];
    struct trace_input          in = {.messages = list};
    struct arena                a;
    struct trace               *t;
    const char                 *bad = NULL;

    arena_init(&a, &r->w->plain, 65536, 0);
    kit_each_seen(r->k, collect, &in);
    if (trace_build(&a, &in, &t) || !t->n_stories)
        bad = "no story";
    for (size_t i = 0; !bad && i < t->n_stories; i++)
        bad = judge_story(r, &t->stories[i]);
    arena_close(&a);
    return bad;
}

/* ---- records ---- */

struct record {
    struct store_cdr c;
    bool             answered; /* on the wire: the caller was told 2xx */
};

struct records {
    struct run   *r;
    struct arena  arena;
    struct record of[RECORDS];
    size_t        n;
    const char   *bad;
};

static bool on_record(void *arg, const struct store_cdr *c)
{
    struct records *x = arg;
    struct record  *k = &x->of[x->n++];

    assert_true(x->n <= RECORDS);
    k->c = *c;
    assert_int_equal(arena_dup(&x->arena, c->call_id, &k->c.call_id), ERR_OK);
    assert_int_equal(arena_dup(&x->arena, c->from_tag, &k->c.from_tag), ERR_OK);
    return true;
}

static struct record *find(struct records *x, const struct msg *m, uint32_t cseq)
{
    for (size_t i = 0; i < x->n; i++)
        if (slice_eq(x->of[i].c.call_id, msg_call_id(m)) && slice_eq(x->of[i].c.from_tag, msg_from_tag(m)) && x->of[i].c.cseq == cseq)
            return &x->of[i];
    return NULL;
}

/* What the exchange sends: a call that it puts through to a phone, or tells its caller is up. */
static void on_seen(void *ctx, const struct kit_seen *s)
{
    struct records *x = ctx;
    struct record  *k;
    struct msg     *m;
    struct cseq     cseq;
    bool            asks;

    if (x->bad || !matrix_is_sip(s->octets) || !addr_same_ip(&s->from, &x->r->at[EXCHANGE]) ||
        addr_same_ip(&s->to, &x->r->at[EXCHANGE]) || msg_parse(&x->arena, s->octets, &m) || msg_cseq(m, &cseq) ||
        !slice_eq(cseq.method, S("INVITE")))
        return;
    asks = m->method_id == METHOD_INVITE && !m->status;
    if (asks ? msg_to_tag(m).n || msg_element_count(m, HDR_VIA) < 2 /* its own: no record is kept of those */ : m->status / 100 != 2)
        return;
    k = find(x, m, cseq.number);
    if (k && !asks)
        k->answered = true;
    else if (!k && asks)
        x->bad = complain("a call without record", msg_call_id(m));
}

static const char *judge_record(const struct records *x, size_t i)
{
    const struct record    *k = &x->of[i];
    const struct store_cdr *c = &k->c;

    for (size_t n = 0; n < i; n++)
        if (slice_eq(x->of[n].c.call_id, c->call_id) && slice_eq(x->of[n].c.from_tag, c->from_tag) && x->of[n].c.cseq == c->cseq)
            return complain("a call with two records", c->call_id);
    if (!c->ended_by.n || !c->why.n)
        return complain("a record without end", c->call_id);
    if (c->ended_ms < c->started_ms || (c->answered_ms && (c->answered_ms < c->started_ms || c->ended_ms < c->answered_ms)))
        return complain("a record whose times do not fit", c->call_id);
    if ((c->answered_ms != 0) != (c->code / 100 == 2))
        return complain("a record whose code does not fit its times", c->call_id);
    if (k->answered && !c->answered_ms)
        return complain("the caller was told 200, the record does not know it", c->call_id);
    return NULL;
}

const char *matrix_records(struct run *r)
{
    struct records         x = {.r = r};
    struct store_cdr_query q = {0};

    if (r->fault.mishap == SILENCES && r->fault.who == EXCHANGE)
        return NULL; /* it does not know yet that its calls are over */
    arena_init(&x.arena, &r->w->plain, 65536, 0);
    assert_int_equal(store_each_cdr(kit_exchange(r->k)->store, &q, on_record, &x), ERR_OK);
    kit_each_seen(r->k, on_seen, &x);
    for (size_t i = 0; !x.bad && i < x.n; i++)
        x.bad = judge_record(&x, i);
    arena_close(&x.arena);
    return x.bad;
}

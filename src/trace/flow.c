/* flow.c - a flow made ready for the judge: what each response answers, what causes what, and in which forms it is lawful
 * to meet it.
 *
 * Room      trace (pure). In: a flow as it was written. Out: the flow settled; plans.
 * Where the exchange is two proxies in the flow and one in the capture, and where it stands between phones that speak
 * straight to each other in the flow, the same affair has another form: plan_make() makes it. */
#include "trace/judge_priv.h"

static bool is_status(struct slice m)
{
    return m.n == 3 && ascii_is_digit(m.p[0]);
}

static bool is_final(struct slice m)
{
    return is_status(m) && m.p[0] != '1';
}

static bool is_exchange_name(struct slice name)
{
    char       text[64];
    struct buf b = BUF_ON(text);

    buf_put_lower(&b, slice_to(name, sizeof text));
    if (name.n && name.p[0] == 'P' && (name.n == 1 || (name.n == 2 && ascii_is_digit(name.p[1]))))
        return true;
    return slice_find_slice(buf_slice(&b), S("proxy")) != SIZE_MAX || slice_find_slice(buf_slice(&b), S("alg")) != SIZE_MAX ||
           slice_eq(buf_slice(&b), S("strowger")) || slice_eq(buf_slice(&b), S("exchange"));
}

static bool same_call(const struct trace_step *a, const struct trace_step *b)
{
    return a->call == b->call;
}

/* The request that response k answers: the last before it the other way round that has no final answer yet. */
static size_t find_request(const struct trace_flow *f, size_t k)
{
    const struct trace_step *r = &f->steps[k];
    bool                     answered[TRACE_FLOW_MAX_STEPS] = {false};
    size_t                   best = NONE;

    for (size_t i = 0; i < k; i++) {
        const struct trace_step *s = &f->steps[i];

        if (is_status(s->message) || s->from != r->to || s->to != r->from || !same_call(s, r))
            continue;
        if (slice_eq(s->message, S("ACK")) || (r->of.n && !slice_eq(r->of, s->message)))
            continue;
        for (size_t j = i + 1; j < k && !answered[i]; j++)
            answered[i] = is_final(f->steps[j].message) && f->steps[j].from == s->to && f->steps[j].to == s->from &&
                          same_call(&f->steps[j], s) && slice_eq(f->steps[j].of, s->message);
        if (!answered[i] || best == NONE)
            best = i;
    }
    return best;
}

/* What is passed on of a copy is a copy, and copies are folded away. */
static bool passes_a_copy(const struct trace_flow *f, size_t k)
{
    for (size_t j = k; j-- > 0;)
        if (f->steps[j].to == f->steps[k].from && slice_eq(f->steps[j].message, f->steps[k].message))
            return f->steps[j].optional;
    return false;
}

enum err trace_flow_settle(struct trace_flow *f, size_t *step)
{
    *step = 0;
    if (!f->n_steps || f->n_steps > TRACE_FLOW_MAX_STEPS || f->n_parties > TRACE_FLOW_MAX_PARTIES)
        return ERR_INVALID;
    for (size_t i = 0; i < f->n_parties; i++)
        f->exchange[i] = is_exchange_name(f->parties[i]);
    for (size_t k = 0; k < f->n_steps; k++) {
        struct trace_step *s = &f->steps[k];
        size_t             request;

        *step = k;
        if (s->from >= f->n_parties || s->to >= f->n_parties || !s->message.n || s->call > TRACE_FLOW_MAX_CALLS)
            return ERR_INVALID;
        if (!is_status(s->message))
            continue;
        request = find_request(f, k);
        if (request == NONE && !s->of.n)
            return ERR_INVALID;
        if (!s->of.n)
            s->of = f->steps[request].message;
        if (!s->call && f->exchange[s->from] && passes_a_copy(f, k))
            s->optional = true;
        /* a phone may leave out the 100, since an exchange sends its own (RFC 3261 §17.2.1) */
        if (slice_eq(s->message, S("100")) && !f->exchange[s->from])
            s->optional = true;
    }
    return ERR_OK;
}

/* --- plans --------------------------------------------------------------------------------------------------------------- */

static void add_step(struct plan *p, size_t origin, size_t from, size_t to)
{
    struct trace_step *s = &p->step[p->n];

    *s = p->flow->steps[origin];
    s->from = from;
    s->to = to;
    p->origin[p->n++] = origin;
}

static void add_steps(struct plan *p, bool through)
{
    size_t p_exchange = NONE;

    for (size_t i = 0; i < p->n_parties; i++)
        if (p->exchange[i])
            p_exchange = i;
    if (through && p_exchange == NONE) {
        p_exchange = p->n_parties++;
        p->exchange[p_exchange] = true;
    }
    for (size_t k = 0; k < p->flow->n_steps; k++) {
        const struct trace_step *s = &p->flow->steps[k];
        size_t                   from = p->party[s->from], to = p->party[s->to];

        if (from == to && s->from != s->to)
            continue; /* between two exchanges that are one */
        if (through && !p->exchange[from] && !p->exchange[to]) {
            add_step(p, k, from, p_exchange);
            add_step(p, k, p_exchange, to);
        } else {
            add_step(p, k, from, to);
        }
    }
}

static void number_groups(struct plan *p)
{
    for (size_t k = 0; k < p->n; k++) {
        const struct trace_step *s = &p->step[k];

        p->group[k] = p->n_groups;
        for (size_t j = 0; j < k; j++) {
            const struct trace_step *o = &p->step[j];

            if (same_call(s, o) && ((s->from == o->from && s->to == o->to) || (s->from == o->to && s->to == o->from)))
                p->group[k] = p->group[j];
        }
        if (p->group[k] == p->n_groups)
            p->n_groups++;
        if (s->call > p->n_calls)
            p->n_calls = s->call;
        p->challenges = p->challenges || slice_eq(s->message, S("401")) || slice_eq(s->message, S("407"));
    }
}

/* The step whose request is answered by step k, on its hop; of an ACK the last INVITE of its sender. */
static size_t find_own_request(const struct plan *p, size_t k)
{
    const struct trace_step *s = &p->step[k];
    bool                     ack = slice_eq(s->message, S("ACK"));
    size_t                   best = NONE;

    for (size_t j = k; (ack || is_status(s->message)) && j-- > 0;) {
        const struct trace_step *r = &p->step[j];

        if (!same_call(r, s) || !slice_eq(r->message, ack ? S("INVITE") : s->of))
            continue;
        if (ack ? r->from == s->from && r->to == s->to : r->from == s->to && r->to == s->from)
            return j;
        if (ack && r->from == s->from && best == NONE)
            best = j; /* the ACK goes straight, its INVITE went by an exchange */
    }
    return best;
}

/* Is step k made anew on its hop, whatever came on another (rule 3)? */
static bool hop_by_hop(const struct plan *p, size_t k)
{
    const struct trace_step *s = &p->step[k];

    if (slice_eq(s->message, S("100")) || (is_status(s->message) && slice_eq(s->of, S("CANCEL"))))
        return true;
    if (!slice_eq(s->message, S("ACK")))
        return false;
    for (size_t j = k; j-- > 0;) { /* the ACK of a refusal */
        const struct trace_step *o = &p->step[j];

        if (p->group[j] == p->group[k] && is_final(o->message) && slice_eq(o->of, S("INVITE")))
            return o->message.p[0] >= '3';
    }
    return false;
}

static bool passes_on(const struct trace_step *in, const struct trace_step *out)
{
    return in->to == out->from && in->from != out->to && same_call(in, out) && slice_eq(in->message, out->message) &&
           slice_eq(in->of, out->of) && in->reinvite == out->reinvite;
}

/* The step that is passed on as step k: the last such before it, but each request goes to one place once. */
static size_t find_cause(const struct plan *p, size_t k)
{
    if (!p->exchange[p->step[k].from] || p->step[k].local || hop_by_hop(p, k))
        return NONE;
    for (size_t j = k; j-- > 0;) {
        bool taken = false;

        if (!passes_on(&p->step[j], &p->step[k]))
            continue;
        for (size_t m = j + 1; m < k; m++)
            taken = taken || (p->cause[m] == j && p->step[m].to == p->step[k].to);
        if (!taken)
            return j;
    }
    return NONE;
}

/* The exchange's own response to what step k passes on. */
static size_t find_local_answer(const struct plan *p, size_t k)
{
    if (p->cause[k] == NONE)
        return NONE;
    for (size_t j = p->cause[k] + 1; j < k; j++) {
        const struct trace_step *s = &p->step[j], *cause = &p->step[p->cause[k]];

        if (s->local && s->from == cause->to && s->to == cause->from && slice_eq(s->of, cause->message))
            return j;
    }
    return NONE;
}

static void find_kind(struct plan *p, size_t k)
{
    const struct trace_step *s = &p->step[k];
    unsigned                 status = 0;

    if (!is_status(s->message)) {
        p->kind[k].method = method_find(s->message);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        status = status * 10 + (ascii_is_digit(s->message.p[i]) ? (unsigned)(s->message.p[i] - '0') : 0);
    p->kind[k].low = status;
    p->kind[k].high = slice_eq(slice_from(s->message, 1), S("xx")) ? status + 99 : status;
    if (status == 202 && slice_eq(s->of, S("REFER")) && !s->local)
        p->kind[k].low = 200; /* RFC 7647: it says the same. Of itself the exchange promises 202 */
    p->kind[k].method = method_find(s->of);
}

void plan_make(struct plan *p, const struct trace_flow *f, bool one_exchange, bool through_exchange)
{
    size_t the_exchange = NONE;

    *p = (struct plan){.flow = f, .one_exchange = one_exchange, .through_exchange = through_exchange};
    for (size_t i = 0; i < f->n_parties; i++) {
        if (one_exchange && f->exchange[i] && the_exchange != NONE) {
            p->party[i] = the_exchange;
            continue;
        }
        if (f->exchange[i])
            the_exchange = p->n_parties;
        p->exchange[p->n_parties] = f->exchange[i];
        p->party[i] = p->n_parties++;
    }
    add_steps(p, through_exchange);
    number_groups(p);
    for (size_t k = 0; k < p->n; k++) {
        find_kind(p, k);
        p->request[k] = find_own_request(p, k);
        p->cause[k] = find_cause(p, k);
        p->answer[k] = find_local_answer(p, k);
    }
}

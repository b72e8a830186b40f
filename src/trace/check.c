/* check.c - what counts besides the steps of a flow (trace/flow.h, rules 4 and 5).
 *
 * Room      trace (pure). In: a plan whose steps are all met. Out: the first thing that is wrong, and notes. */
#include "sdp/sdp.h"
#include "trace/judge_priv.h"

struct besides {
    const struct plan      *p;
    const struct unit      *u;
    const struct binding   *b;
    const struct alignment *al;
    struct verdict_out     *out;
};

static const struct item *item_of(const struct besides *s, size_t step)
{
    return s->al->at[step] == NONE ? NULL : &s->u->t->items[s->u->item[s->al->at[step]]];
}

static size_t plan_step(const struct besides *s, size_t flow_step)
{
    for (size_t k = 0; k < s->p->n; k++)
        if (s->p->origin[k] == flow_step)
            return k;
    return NONE;
}

/* The step that this message was taken for. */
static size_t step_of(const struct besides *s, size_t item)
{
    for (size_t k = 0; k < s->p->n; k++)
        if (s->al->at[k] != NONE && s->u->item[s->al->at[k]] == item)
            return k;
    return NONE;
}

static bool bound_end(const struct besides *s, size_t end)
{
    for (size_t i = 0; i < s->p->n_parties; i++)
        if (s->b->end[i] == end)
            return true;
    return false;
}

static bool bound_call(const struct besides *s, size_t call)
{
    for (unsigned i = 1; i <= s->p->n_calls; i++)
        if (s->b->call[i] == call)
            return true;
    return !s->p->n_calls;
}

/* Begin to say what is wrong at that message; only the first fault is told. */
static struct buf *wrong(struct besides *s, size_t item)
{
    size_t step = step_of(s, item);

    s->out->wrong = true;
    s->out->step = step;
    if (step != NONE) {
        put_step(s->out->text, s->p, step);
        buf_put(s->out->text, S(": "));
    }
    return s->out->text;
}

static void note(struct besides *s, const struct buf *b)
{
    struct trace_judgement *j = s->out->j;
    struct slice            text;

    if (j->n_notes < sizeof j->notes / sizeof *j->notes && arena_dup(s->out->a, buf_slice(b), &text) == ERR_OK)
        j->notes[j->n_notes++] = text;
}

/* --- transactions ----------------------------------------------------------------------------------------------------- */

static bool left_open(const struct besides *s, size_t request)
{
    size_t k = step_of(s, request);

    return k != NONE && s->p->step[k].unanswered;
}

static void check_tsx(struct besides *s, size_t n)
{
    const struct trace_inside *t = s->u->t;
    const struct tsx          *x = &t->tsxs[n];
    size_t                     at = x->request;

    if (at == NONE || !bound_call(s, x->call) || !bound_end(s, x->from) || !bound_end(s, x->to) ||
        t->items[at].in->time_us < time_of(&t->items[s->u->item[0]]))
        return;
    if (x->final == NONE && !left_open(s, at)) {
        struct buf *b = wrong(s, at);

        put_item(b, &t->items[at]);
        buf_put(b, S(" never got a final response"));
    } else if (x->final != NONE && left_open(s, at)) {
        struct buf *b = wrong(s, at);

        buf_put(b, S("it should get no final response, and got "));
        put_item(b, &t->items[x->final]);
    } else if (x->other_final != NONE && (x->method != METHOD_INVITE || tsx_status(t, x) >= 300 ||
                                          status_of(&t->items[x->other_final]) >= 300 ||
                                          slice_eq(t->items[x->final].to_tag, t->items[x->other_final].to_tag))) {
        struct buf *b = wrong(s, x->other_final);

        put_item(b, &t->items[x->other_final]);
        buf_put(b, S(" is a second final response, and another one than the first"));
    } else if (x->method == METHOD_INVITE && tsx_status(t, x) >= 300 && x->ack_out == NONE) {
        struct buf *b = wrong(s, x->final);

        put_item(b, &t->items[x->final]);
        buf_put(b, S(" was not acknowledged on its hop"));
    }
}

static void check_items(struct besides *s)
{
    const struct trace_inside *t = s->u->t;
    size_t                     checked = NONE;

    for (size_t i = 0; i < s->u->n && !s->out->wrong; i++) {
        const struct item *m = &t->items[s->u->item[i]];

        if (m->tsx != NONE && m->tsx != checked)
            check_tsx(s, checked = m->tsx);
        if (s->out->wrong || !is_request(m) || m->method_id != METHOD_CANCEL || !bound_call(s, m->call))
            continue;
        if (!item_cancels(t, s->u->item[i]))
            buf_put(wrong(s, s->u->item[i]), S("CANCEL has not the branch of an INVITE on its hop"));
    }
}

/* --- dialogs ------------------------------------------------------------------------------------------------------------ */

/* Does the flow leave this dialog up? A step answers it, and none ends it. */
static bool left_up(const struct besides *s, size_t dialog)
{
    bool answered = false;

    for (size_t k = 0; k < s->p->n; k++) {
        const struct trace_step *step = &s->p->step[k];
        const struct item       *i = item_of(s, k);

        if (!i || i->dialog != dialog)
            continue;
        if (slice_eq(step->message, S("BYE")))
            return false;
        answered = answered || (step->message.p[0] == '2' && slice_eq(step->of, S("INVITE")));
    }
    return answered;
}

static void check_dialogs(struct besides *s)
{
    const struct trace_inside *t = s->u->t;

    size_t                     first = NONE;

    for (unsigned c = 1; c <= s->p->n_calls; c++) {
        if (s->b->call[c] == NONE)
            continue;
        for (size_t n = t->calls[s->b->call[c]].dialogs; n != NONE; n = t->dialogs[n].next)
            if (t->dialogs[n].answer != NONE && t->dialogs[n].bye == NONE && n < first && !left_up(s, n))
                first = n;
    }
    if (first != NONE)
        buf_put(wrong(s, t->dialogs[first].answer), S("its dialog is left over: nobody sent BYE"));
}

/* --- what the flow expects ------------------------------------------------------------------------------------------------- */

static const struct sdp_media *audio_of(const struct item *i, struct sdp *sdp)
{
    struct slice body;

    if (!i || msg_find_body(i->m, S("application"), S("sdp"), &body) || sdp_parse(body, sdp, NULL))
        return NULL;
    return sdp_find(sdp, SDP_AUDIO);
}

/* The 2xx that message i got, as its maker sent it; NONE. */
static size_t answer_to(const struct trace_inside *t, const struct item *i)
{
    size_t x = i->tsx;

    while (x != NONE && t->tsxs[x].child != NONE)
        x = t->tsxs[x].child;
    return x != NONE && tsx_status(t, &t->tsxs[x]) / 100 == 2 ? t->tsxs[x].final : NONE;
}

/* Who takes a hold says that it listens at most (RFC 3264 section 6.1); one by 0.0.0.0 may be answered by anything. */
static void expect_hold_taken(struct besides *s, const struct item *hold, const struct sdp_media *offer)
{
    size_t                  answer = answer_to(s->u->t, hold);
    struct sdp              sdp;
    const struct sdp_media *a = answer == NONE ? NULL : audio_of(&s->u->t->items[answer], &sdp);

    if (!a || sdp_is_blackholed(offer) || !a->port || !(sdp_effective_dir(a) & SDP_SENDONLY))
        return;
    buf_puts(wrong(s, answer), S("its SDP does not take the hold: it says "), a->line_dir.n ? a->line_dir : S("sendrecv"));
}

static void expect_hold(struct besides *s, size_t step)
{
    const struct item      *i = item_of(s, step);
    struct sdp              offer;
    const struct sdp_media *o = audio_of(i, &offer);
    char                    text[TEXT_OCTETS];
    struct buf              b = BUF_ON(text);

    if (!i)
        return;
    if (!o) {
        put_step(&b, s->p, step);
        buf_put(&b, S(" has no SDP, so nobody can see that it is a hold"));
        note(s, &b);
    } else if (!sdp_is_hold(o)) {
        buf_puts(wrong(s, s->u->item[s->al->at[step]]), S("its SDP is no hold: it says "),
                 o->line_dir.n ? o->line_dir : S("sendrecv"));
    } else {
        expect_hold_taken(s, i, o);
    }
}

static void expect_replaces(struct besides *s, const struct trace_expect *e, size_t step)
{
    struct trace_inside *t = s->u->t->t->inside;
    const struct item   *i = item_of(s, step);
    struct dialog_ref    ref;
    struct slice         value;
    enum err             err;

    if (!i)
        return;
    err = refer_replaces(t, i, &value);
    if (e->kind == TRACE_EXPECT_NO_REPLACES) {
        if (!err)
            buf_put(wrong(s, s->u->item[s->al->at[step]]), S("its Refer-To has Replaces, and should have none"));
        return;
    }
    if (err || dialog_ref_parse(HDR_REPLACES, value, &ref)) {
        buf_put(wrong(s, s->u->item[s->al->at[step]]), S("its Refer-To has no Replaces that can be read"));
    } else if (e->call && s->b->call[e->call] != NONE) {
        const struct call *c = &t->calls[s->b->call[e->call]];

        if (!slice_eq(c->call_id, ref.call_id) ||
            dialog_find(t, s->b->call[e->call], ref.to_tag, ref.from_tag) == NONE)
            buf_put(wrong(s, s->u->item[s->al->at[step]]), S("the Replaces in its Refer-To names another dialog"));
    }
}

static void expect_never(struct besides *s, const struct trace_expect *e)
{
    const struct trace_inside *t = s->u->t;
    size_t                     from = s->b->end[s->p->party[e->from]], to = s->b->end[s->p->party[e->to]];
    char                       text[4];

    for (size_t i = 0; i < s->u->n && !s->out->wrong; i++) {
        const struct item *m = &t->items[s->u->item[i]];
        struct buf         b = BUF_ON(text);

        if (m->from != from || m->to != to || (e->call && m->call != s->b->call[e->call]))
            continue;
        if (e->of.n && !slice_eq(e->of, m->method))
            continue;
        buf_putu_wide(&b, status_of(m), 3);
        if (slice_eq(e->message, is_request(m) ? m->method : buf_slice(&b))) {
            put_item(wrong(s, s->u->item[i]), m);
            buf_put(s->out->text, S(" should not have been sent"));
        }
    }
}

static void expect_before(struct besides *s, size_t step, size_t other)
{
    if (other == NONE || s->al->at[step] == NONE || s->al->at[other] == NONE || s->al->at[step] < s->al->at[other])
        return;
    buf_put(wrong(s, s->u->item[s->al->at[step]]), S("it came, but after "));
    put_step(s->out->text, s->p, other);
}

/* An INVITE, as its maker sent it, with a Replaces for that call. */
static bool takes_over(const struct item *i, const struct call *c)
{
    struct dialog_ref ref;

    return is_request(i) && i->method_id == METHOD_INVITE && i->cause == NONE &&
           msg_dialog_ref(i->m, HDR_REPLACES, &ref) == ERR_OK && slice_eq(ref.call_id, c->call_id);
}

static bool is_over(const struct trace_inside *t, const struct call *c)
{
    for (size_t n = c->dialogs; n != NONE; n = t->dialogs[n].next)
        if (t->dialogs[n].answer != NONE && t->dialogs[n].bye == NONE)
            return false;
    return true;
}

static void expect_taken_over(struct besides *s, unsigned call)
{
    const struct trace_inside *t = s->u->t;
    const struct call         *c = s->b->call[call] == NONE ? NULL : &t->calls[s->b->call[call]];
    size_t                     last = NONE;
    char                       text[TEXT_OCTETS];
    struct buf                 b = BUF_ON(text);

    for (size_t i = 0; c && i < s->u->n; i++)
        if (takes_over(&t->items[s->u->item[i]], c) && !challenge_taken_up(t, &t->items[s->u->item[i]]))
            last = s->u->item[i];
    if (last == NONE) {
        buf_put(&b, S("nobody was seen to take over call "));
        buf_putu(&b, call);
        note(s, &b);
    } else if (answer_to(t, &t->items[last]) == NONE) {
        put_item(wrong(s, last), &t->items[last]);
        buf_put(s->out->text, S(" with Replaces should take a call over, and was not answered with 200"));
    } else if (!is_over(t, c)) {
        put_item(wrong(s, last), &t->items[last]);
        buf_put(s->out->text, S(" with Replaces took a call over that nobody ended: its BYE is missing"));
    }
}

static void check_expects(struct besides *s)
{
    for (size_t i = 0; i < s->p->flow->n_expects && !s->out->wrong; i++) {
        const struct trace_expect *e = &s->p->flow->expects[i];
        size_t                     step = plan_step(s, e->step);

        if (e->kind == TRACE_EXPECT_NEVER)
            expect_never(s, e);
        else if (step != NONE && e->kind == TRACE_EXPECT_HOLD)
            expect_hold(s, step);
        else if (step != NONE && e->kind == TRACE_EXPECT_BEFORE)
            expect_before(s, step, plan_step(s, e->other));
        else if (e->kind == TRACE_EXPECT_TAKEN_OVER)
            expect_taken_over(s, e->call);
        else if (step != NONE)
            expect_replaces(s, e, step);
    }
}

/* --- requests within dialogs ----------------------------------------------------------------------------------------------- */

/* The request of the same side before i, in its call; NULL. */
static const struct item *before_it(const struct trace_inside *t, const struct item *i)
{
    for (size_t n = i->prev; n != NONE; n = t->items[n].prev) {
        const struct item *o = &t->items[n];

        if (is_request(o) && o->original == NONE && o->cause == NONE && o->method_id != METHOD_ACK &&
            o->method_id != METHOD_CANCEL && slice_eq(o->from_tag, i->from_tag))
            return o;
    }
    return NULL;
}

/* A re-INVITE, a BYE, a REFER of the flow has both tags of its call, and where it begins a higher CSeq. */
static void check_within(struct besides *s)
{
    const struct trace_inside *t = s->u->t;

    for (size_t k = 0; k < s->p->n && !s->out->wrong; k++) {
        const struct item *i = item_of(s, k), *o;
        bool               within = s->p->step[k].reinvite || (i && i->to_tag.n && (i->method_id == METHOD_BYE || i->method_id == METHOD_REFER));

        if (!i || !is_request(i) || !within || !s->p->n_calls || t->calls[i->call].dialogs == NONE)
            continue;
        if (i->dialog == NONE) {
            buf_put(wrong(s, s->u->item[s->al->at[k]]), S("its tags are not those of its call"));
        } else if (i->cause == NONE && (o = before_it(t, i)) && o->tsx != i->tsx && i->cseq <= o->cseq) {
            buf_put(wrong(s, s->u->item[s->al->at[k]]), S("its CSeq is not higher than that of the request before it: "));
            buf_putu(s->out->text, i->cseq);
            buf_put(s->out->text, S(" after "));
            buf_putu(s->out->text, o->cseq);
        }
    }
}

/* --- what is lawful, but not as the flow has it ------------------------------------------------------------------------------ */

static void tell_excused(struct besides *s)
{
    char text[TEXT_OCTETS];

    for (size_t k = 0; k < s->p->n; k++) {
        const struct item *i = item_of(s, k);
        struct buf         b = BUF_ON(text);

        put_step(&b, s->p, k);
        if (s->al->excused[k])
            buf_put(&b, slice_eq(s->p->step[k].message, S("100"))
                            ? S(" did not come; a phone need not send it (RFC 3261 section 17.2.1)")
                            : S(" did not come; the flow goes without it, too"));
        else if (i && slice_eq(s->p->step[k].message, S("202")) && status_of(i) == 200)
            buf_put(&b, S(" came as 200, which says the same (RFC 7647 section 7)"));
        else
            continue;
        note(s, &b);
    }
    for (unsigned c = 1; c <= s->p->n_calls; c++) {
        struct buf b = BUF_ON(text);

        if (s->b->call[c] == NONE || !s->u->t->calls[s->b->call[c]].kept_call_id)
            continue;
        buf_put(&b, S("call "));
        buf_putu(&b, c);
        buf_put(&b, S(" keeps the Call-ID of the one that was forwarded (RFC 3261 section 8.1.3.4)"));
        note(s, &b);
    }
}

void check_besides(const struct plan *p, const struct unit *u, const struct binding *b, const struct alignment *al,
                   struct verdict_out *out)
{
    struct besides s = {p, u, b, al, out};

    out->wrong = false;
    out->step = NONE;
    check_expects(&s);
    if (!out->wrong)
        check_within(&s);
    if (!out->wrong)
        check_items(&s);
    if (!out->wrong)
        check_dialogs(&s);
    tell_excused(&s);
}

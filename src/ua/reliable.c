/* reliable.c - provisional responses that arrive: RFC 3262, as the one who sends them and as the one who sends PRACK.
 *
 * Room      ua.
 * In        leg_ring() of a leg whose caller wants it so; PRACK; provisional responses to INVITEs of ours.
 * Out       the response again and again until its PRACK has come, 504 when none does; PRACK, in order, once for each.
 * Must hold one is under way at a time (§3); what is to be said after it waits in `next`. An answer to their offer is given
 *           once: from then on the 2xx has none. */
#include "ua/ua_priv.h"

enum { FIRST_RSEQ_MAX = 0x7ffffffe }; /* §3 */

/* ---- as UAS ---- */

void reliable_begin(struct leg *leg, const struct msg *invite)
{
    struct cseq cseq;

    leg->reliable.required = msg_has_token(invite, HDR_REQUIRE, S("100rel"));
    leg->reliable.wanted =
        leg->reliable.required || (leg->ua->config.reliable && msg_has_token(invite, HDR_SUPPORTED, S("100rel")));
    if (!msg_cseq(invite, &cseq))
        leg->reliable.cseq = cseq.number;
}

bool leg_ring_offers(const struct leg *leg)
{
    return !leg->is_uac && leg->reliable.wanted && !leg->server.has_offer && !leg->agreed;
}

static void wait(struct leg *leg)
{
    struct leg_reliable *rel = &leg->reliable;

    rel->interval_ms = shard_times(leg->sh)->t1_ms;
    rel->waited_ms = 0;
    rel->unacked = true;
    shard_timer_start(leg->sh, &rel->timer, rel->interval_ms);
}

/* §5: the answer to the INVITE's offer, or the offer where it made none. */
static void describe(struct leg *leg, struct slice sdp)
{
    leg->reliable.described = sdp.n != 0;
    leg->reliable.offered = sdp.n && !leg->server.has_offer;
    if (!sdp.n)
        return;
    offer_said(leg, sdp);
    leg->oa = leg->reliable.offered ? OA_OURS : OA_IDLE;
    leg->agreed = !leg->reliable.offered;
}

static enum err queue(struct leg *leg, unsigned code, struct slice sdp)
{
    enum err e = text_set(leg_mem(leg), &leg->reliable.next_sdp, sdp);

    if (!e)
        leg->reliable.next = code;
    return e;
}

enum err reliable_ring(struct leg *leg, unsigned code, struct slice sdp)
{
    struct leg_reliable *rel = &leg->reliable;
    char                 room[64];
    struct buf           rows = BUF_ON(room);
    uint32_t             rseq = rel->rseq ? rel->rseq + 1 : 1 + (uint32_t)rng_below(shard_rng(leg->sh), FIRST_RSEQ_MAX);
    enum err             e;

    if (rel->unacked)
        return queue(leg, code, sdp);
    if (leg_ring_offers(leg) && !sdp.n)
        return ERR_INVALID;
    if (leg->agreed)
        sdp = SLICE_NONE;
    msg_put_row(&rows, HDR_REQUIRE, S("100rel"));
    msg_put_row_number(&rows, HDR_RSEQ, rseq);
    if ((e = uas_answer_provisional(leg, code, buf_slice(&rows), sdp)))
        return e;
    rel->rseq = rseq;
    rel->code = code;
    describe(leg, sdp);
    wait(leg);
    return ERR_OK;
}

void reliable_fire(void *arg)
{
    struct leg          *leg = arg;
    struct leg_reliable *rel = &leg->reliable;
    const uint32_t       all_ms = 64 * shard_times(leg->sh)->t1_ms;

    rel->waited_ms += rel->interval_ms;
    if (rel->waited_ms >= all_ms) {
        uas_refuse_and_end(leg, &(struct leg_refusal){.code = 504}, LEG_NO_ACK);
        return;
    }
    (void)stack_respond(leg->sh, leg->server.tsx, text_slice(&leg->provisional));
    rel->interval_ms = 2 * rel->interval_ms < all_ms - rel->waited_ms ? 2 * rel->interval_ms : all_ms - rel->waited_ms;
    shard_timer_start(leg->sh, &rel->timer, rel->interval_ms);
}

bool reliable_holds_2xx(const struct leg *leg)
{
    return (leg->reliable.unacked && leg->reliable.described) || !tsx_is_none(leg->asked.tsx);
}

enum err reliable_accept_later(struct leg *leg, struct slice sdp)
{
    enum err e = text_set(leg_mem(leg), &leg->reliable.next_sdp, sdp);

    if (!e)
        leg->reliable.accepts = true;
    return e;
}

void reliable_next(struct leg *leg)
{
    struct leg_reliable *rel = &leg->reliable;
    const unsigned       code = rel->next;

    if (leg->state != LEG_RINGING || !tsx_is_none(leg->asked.tsx))
        return;
    rel->next = 0;
    if (!rel->accepts) {
        if (code)
            (void)reliable_ring(leg, code, text_slice(&rel->next_sdp)); /* without memory the caller hears less */
        return;
    }
    rel->accepts = false;
    if (leg_accept(leg, text_slice(&rel->next_sdp)))
        (void)leg_reject(leg, &(struct leg_refusal){.code = 500});
}

static bool is_ours(const struct leg_reliable *rel, const struct rack *rack)
{
    return rel->unacked && rack->rseq == rel->rseq && rack->cseq.number == rel->cseq && rack->cseq.method_id == METHOD_INVITE;
}

void reliable_on_prack(struct leg *leg, const struct stack_in *in)
{
    struct leg_reliable *rel = &leg->reliable;
    struct slice         sdp = ua_sdp_of(in->m);
    struct rack          rack;

    if (msg_rack(in->m, &rack)) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 400);
        return;
    }
    if (!is_ours(rel, &rack)) {
        ua_refuse(leg->ua, leg->sh, in->tsx, 481);
        return;
    }
    if (sdp.n && !rel->offered && !offer_may_take(leg, in->tsx))
        return;
    rel->unacked = false;
    shard_timer_stop(leg->sh, &rel->timer);
    if (sdp.n && !rel->offered) {
        offer_take(leg, in->tsx, sdp);
    } else {
        (void)ua_answer(leg->ua, leg->sh, in->tsx, &(struct ua_answer){.code = 200});
        if (rel->offered && leg->state != LEG_OVER) {
            rel->offered = false;
            leg->oa = OA_IDLE;
            leg->agreed = true;
            leg->on->answer(leg->arg, leg, 200, sdp);
        }
    }
    reliable_next(leg);
}

/* ---- as UAC ---- */

static struct leg_early *early_of(struct leg *leg, const struct dialog *d)
{
    for (size_t i = 0; i < leg->n_forks; i++)
        if (leg->forks[i] == d)
            return &leg->early[i];
    return NULL;
}

/* Is it the next of its dialog? Each INVITE counts anew. */
static bool in_order(struct leg_early *early, uint32_t rseq, uint32_t cseq)
{
    const bool first = early->cseq != cseq || !early->rseq;

    if (!first && rseq != early->rseq + 1)
        return false;
    early->rseq = rseq;
    early->cseq = cseq;
    return true;
}

enum reliable_kind reliable_see(struct leg *leg, struct dialog *d, const struct msg *m)
{
    struct leg_early *early = d ? early_of(leg, d) : NULL;
    struct cseq       cseq;
    uint32_t          rseq;

    if (!msg_has_token(m, HDR_REQUIRE, S("100rel")) || msg_rseq(m, &rseq))
        return RELIABLE_NOT;
    return early && !msg_cseq(m, &cseq) && in_order(early, rseq, cseq.number) ? RELIABLE_NEW : RELIABLE_OLD;
}

static void prack_done(struct leg_request *r, const struct msg *m, unsigned code)
{
    (void)r;
    (void)m;
    (void)code; /* who does not take it will not answer the INVITE either */
}

enum err reliable_prack(struct leg *leg, struct dialog *d, struct slice answer)
{
    const struct leg_early *early = early_of(leg, d);
    char                    room[64];
    struct buf              rows = BUF_ON(room);

    buf_puts(&rows, hdr_name(HDR_RACK), S(": "));
    buf_putu(&rows, early->rseq);
    buf_putc(&rows, ' ');
    buf_putu(&rows, early->cseq);
    buf_put(&rows, S(" INVITE\r\n"));
    return leg_request_send(leg,
                            &(struct leg_ask){.method = METHOD_PRACK,
                                              .dialog = d,
                                              .rows = buf_slice(&rows),
                                              .type = answer.n ? S("application/sdp") : SLICE_NONE,
                                              .body = answer,
                                              .done = prack_done},
                            NULL);
}

/* A reliable response with a description, or without, to the INVITE that made this dialog. */
void reliable_take(struct leg *leg, struct dialog *d, struct slice sdp)
{
    struct leg_early *early = early_of(leg, d);
    const bool        offers = !leg->invite->offered && sdp.n && !early->answered;

    if (offers && (leg->agreed || leg->oa != OA_IDLE))
        return; /* two forks that offer: only the first can be answered here */
    if (offers) {
        leg->dialog = d;
        leg->oa = OA_THEIRS;
        leg->oa_place = OA_IN_1XX;
        leg->on->offer(leg->arg, leg, sdp);
        return;
    }
    (void)reliable_prack(leg, d, SLICE_NONE); /* without memory: it is repeated, and comes to nothing in the end */
    if (!sdp.n || early->answered || !leg->invite->offered)
        return;
    reliable_heard(leg, d, sdp);
    if (leg->agreed)
        return;
    leg->agreed = true;
    leg->dialog = d;
    leg->oa = OA_IDLE;
    offer_said(leg, leg->invite->body);
}

void reliable_heard(struct leg *leg, struct dialog *d, struct slice sdp)
{
    struct leg_early *early = early_of(leg, d);

    early->answered = !text_set(leg_mem(leg), &early->answer, sdp);
}

bool reliable_answer(struct leg *leg, const struct dialog *d, struct slice *out)
{
    const struct leg_early *early = early_of(leg, d);

    if (!early || !early->answered)
        return false;
    *out = text_slice(&early->answer);
    return true;
}

bool reliable_is_first_2xx(struct leg *leg, const struct dialog *d)
{
    struct leg_early *early = early_of(leg, d);
    const bool        first = early && !early->dismissed;

    if (early)
        early->dismissed = true;
    return first;
}

void reliable_free(struct leg *leg)
{
    struct mem *mem = leg_mem(leg);

    text_free(mem, &leg->reliable.next_sdp);
    for (size_t i = 0; i < leg->n_forks; i++)
        text_free(mem, &leg->early[i].answer);
}

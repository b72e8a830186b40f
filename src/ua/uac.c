/* uac.c - the INVITE that we send: answers, forks, ACK, CANCEL (RFC 3261 §13.2, §9.1, §15; RFC 6026 §7.2).
 *
 * Room      ua.
 * In        leg_call(); each response to an INVITE of ours; hanging up.
 * Out       ACK, CANCEL, BYE; the leg's user.
 * Must hold the first 2xx wins: its dialog is leg->dialog, confirmed. Every other 2xx is acknowledged and hung up. */
#include <string.h>

#include "ua/ua_priv.h"

/* ---- beginning ---- */

/* What leg_call() was given, on its way into the shard. One block. */
struct start {
    struct ua      *ua;
    struct leg     *leg;   /* made, but in no shard yet */
    struct leg_call call;  /* its slices are in `block` */
    struct text     block;
};

static void free_start(struct start *s)
{
    struct mem *mem = s->ua->config.mem;

    text_free(mem, &s->block);
    mem_free(mem, s, sizeof *s);
}

static void tell_stillborn(struct leg *leg)
{
    leg_tell_end(leg, &(struct leg_end){.why = LEG_BROKEN, .code = 500, .reason = msg_reason(500)});
}

/* From with our tag, To, in the leg's arena. */
static enum err keep_ends(struct leg *leg, const struct leg_call *c)
{
    struct slice from = c->from.n ? c->from : account_identity(leg->account);
    struct buf b = ua_scratch(leg->sh, 3 * (from.n + c->target.n + c->to.n) + 64);
    struct name_addr na;
    enum err e;

    buf_puts(&b, from, S(";tag="));
    stack_put_token(shard_rng(leg->sh), &b);
    if ((e = arena_dup(&leg->arena, buf_slice(&b), &leg->from)))
        return e;
    buf_reset(&b);
    buf_puts(&b, c->to.n ? c->to : S("<"), c->to.n ? SLICE_NONE : c->target, c->to.n ? SLICE_NONE : S(">"));
    if ((e = arena_dup(&leg->arena, buf_slice(&b), &leg->to)) || (e = arena_dup(&leg->arena, c->target, &leg->target)) ||
        (e = name_addr_parse(leg->from, &na)))
        return e;
    leg->local_uri = na.uri;
    if ((e = name_addr_parse(leg->to, &na)))
        return e;
    leg->remote_uri = na.uri;
    return ERR_OK;
}

static enum err keep_call(struct leg *leg, const struct leg_call *c)
{
    struct slice hop = c->next_hop, user = c->contact_user;
    enum err e = keep_ends(leg, c);

    if (!hop.n)
        hop = leg->account && account_server(leg->account).n ? account_server(leg->account) : c->target;
    if (!user.n && leg->account)
        user = ua_account_user(leg->account);
    if (e || (e = arena_dup(&leg->arena, hop, &leg->next_hop)))
        return e;
    return leg_set_contact(leg, user, c->contact_params);
}

static enum err send_invite(struct leg *leg, const struct leg_call *c)
{
    struct buf rows = ua_scratch(leg->sh, c->rows.n + c->referred_by.n + c->replaces.n + 256);
    enum err e;

    if (c->replaces.n) {
        msg_put_row(&rows, HDR_REPLACES, c->replaces);
        msg_put_row(&rows, HDR_REQUIRE, S("replaces"));
    }
    if (c->referred_by.n)
        msg_put_row(&rows, HDR_REFERRED_BY, c->referred_by);
    buf_put(&rows, c->rows);
    if ((e = buf_err(&rows)))
        return e;
    e = leg_request_send(leg,
                         &(struct leg_ask){.method = METHOD_INVITE,
                                           .rows = buf_slice(&rows),
                                           .type = c->offer.n ? S("application/sdp") : SLICE_NONE,
                                           .body = c->offer,
                                           .done = uac_on_response},
                         &leg->invite);
    if (e)
        return e;
    leg->invite->offered = c->offer.n != 0;
    leg->oa = c->offer.n ? OA_OURS : OA_IDLE;
    return ERR_OK;
}

static void begin(void *arg, struct shard *sh)
{
    struct start *s = arg;
    struct leg *leg = s->leg;

    leg_place(leg, sh, (struct slice){leg->token, sizeof leg->token});
    leg->is_uac = true;
    leg->account = s->call.account;
    leg->flow = s->call.flow;
    leg_attach(leg, s->call.on, s->call.arg);
    leg_enter(leg, LEG_CALLING);
    if (keep_call(leg, &s->call) || send_invite(leg, &s->call))
        tell_stillborn(leg);
    free_start(s);
}

/* All slices of the call, copied one behind the other. */
static enum err copy_call(struct start *s, const struct leg_call *c)
{
    struct slice *at[] = {&s->call.target, &s->call.to, &s->call.from,     &s->call.next_hop, &s->call.contact_user, &s->call.contact_params, &s->call.offer,
                          &s->call.referred_by, &s->call.replaces, &s->call.rows};
    size_t n = 0, k = sizeof at / sizeof *at;
    struct buf b;

    s->call = *c;
    for (size_t i = 0; i < k; i++) {
        if (at[i]->n > UA_MAX_TEXT_OCTETS)
            return ERR_LIMIT;
        n += at[i]->n;
    }
    if (!(s->block.p = mem_alloc(s->ua->config.mem, n)))
        return ERR_NOMEM;
    s->block.cap = n;
    buf_init(&b, s->block.p, n);
    for (size_t i = 0; i < k; i++) {
        struct slice from = *at[i];
        *at[i] = (struct slice){b.p + b.n, from.n};
        buf_put(&b, from);
    }
    return ERR_OK;
}

enum err leg_call(struct ua *ua, uint8_t worker, const struct leg_call *c, struct leg_id *out)
{
    struct start *s;
    struct buf token;
    struct uri u;
    unsigned shard;
    enum err e;

    if (uri_parse(c->target, &u, NULL) || (!c->account && !c->from.n))
        return ERR_SYNTAX;
    if (!(s = mem_zalloc(ua->config.mem, sizeof *s)))
        return ERR_NOMEM;
    s->ua = ua;
    if ((e = copy_call(s, c)) || (e = leg_alloc(ua, &s->leg)))
        goto fail;
    buf_init(&token, s->leg->token, sizeof s->leg->token);
    stack_put_token(ua->config.rng, &token);
    shard = stack_shard_of(ua->stack, buf_slice(&token));
    *out = (struct leg_id){s->leg->n, shard};
    if (!(e = stack_run(ua->stack, worker, shard, begin, s)))
        return ERR_OK;
    leg_free(s->leg);
fail:
    free_start(s);
    return e;
}

/* ---- responses ---- */

/* The dialog among the forks that this response belongs to; made when it is new. NULL: it makes none. */
static struct dialog *fork_of(struct leg *leg, const struct msg *m)
{
    struct dialog *d;

    for (size_t i = 0; i < leg->n_forks; i++)
        if (dialog_has_response(leg->forks[i], m))
            return dialog_on_response(leg->forks[i], m) ? NULL : leg->forks[i];
    if (leg->n_forks == UA_MAX_FORKS || !(d = ARENA_NEW(&leg->arena, struct dialog)))
        return NULL;
    if (dialog_from_response(&leg->arena, m, false, d))
        return NULL;
    leg->forks[leg->n_forks++] = d;
    if (!leg->dialog)
        leg->dialog = d;
    return d;
}

static void on_provisional(struct leg *leg, const struct msg *m)
{
    struct dialog *d;
    enum reliable_kind kind;
    bool offers;

    if (m->status == 100 || (leg->state != LEG_CALLING && leg->state != LEG_RINGING))
        return;
    d = fork_of(leg, m); /* without To tag or Contact it is a ringing tone all the same */
    if ((kind = reliable_see(leg, d, m)) == RELIABLE_OLD)
        return;
    offers = kind == RELIABLE_NEW && !leg->invite->offered;
    leg_learn(leg, m);
    leg_enter(leg, LEG_RINGING);
    if (leg->on->progress)
        leg->on->progress(leg->arg, leg, m->status, offers ? SLICE_NONE : ua_sdp_of(m));
    if (kind == RELIABLE_NEW && leg->state == LEG_RINGING)
        reliable_take(leg, d, ua_sdp_of(m));
}

static void bye_done(struct leg_request *r, const struct msg *m, unsigned code)
{
    (void)r;
    (void)m;
    (void)code; /* whatever they say: it is over */
}

void leg_bye(struct leg *leg, struct dialog *d, struct slice reason_row)
{
    struct buf rows = ua_scratch(leg->sh, reason_row.n + 32);

    if (reason_row.n)
        msg_put_row(&rows, HDR_REASON, reason_row);
    /* Where it cannot even be sent, the peer finds out by itself: nothing can be done here. */
    (void)leg_request_send(
        leg, &(struct leg_ask){.method = METHOD_BYE, .dialog = d, .rows = buf_slice(&rows), .done = bye_done}, NULL);
}

/* A 2xx that nobody wants: of another fork, or after we gave up (§13.2.2.4). Repeated ones are acknowledged only. */
static void dismiss(struct leg_request *r, struct dialog *d)
{
    struct leg *leg = r->leg;

    leg_request_ack(r, d);
    if (reliable_is_first_2xx(leg, d))
        leg_bye(leg, d, SLICE_NONE);
}

/* Our offer's answer, and so the call is up. What it says has been said where that was reliable (RFC 3262 §5). */
static void on_answered(struct leg_request *r, const struct msg *m, bool settled)
{
    struct leg *leg = r->leg;
    struct slice sdp = ua_sdp_of(m);

    (void)reliable_answer(leg, leg->dialog, &sdp);
    if (!settled) {
        leg->oa = OA_IDLE;
        offer_said(leg, r->body);
    }
    r->acked = true;
    leg_request_ack(r, leg->dialog);
    leg_enter(leg, LEG_UP);
    if (r->offered)
        leg->on->answer(leg->arg, leg, m->status, sdp);
    if (leg->state == LEG_UP && leg->on->up)
        leg->on->up(leg->arg, leg);
}

static void on_first_2xx(struct leg_request *r, const struct msg *m, struct dialog *d)
{
    struct leg *leg = r->leg;
    const bool settled = leg->agreed && leg->dialog == d;

    r->accepted = true;
    leg->dialog = d;
    leg_learn(leg, m);
    session_on_2xx(leg, m);
    if (r->offered || settled) {
        on_answered(r, m, settled);
        return;
    }
    leg_enter(leg, LEG_UP); /* their offer: the ACK waits for our answer (leg_accept_offer) */
    leg->oa = OA_THEIRS;
    leg->oa_place = OA_IN_2XX;
    leg->on->offer(leg->arg, leg, ua_sdp_of(m));
}

static void on_2xx(struct leg_request *r, const struct msg *m)
{
    struct leg *leg = r->leg;
    struct dialog *d = fork_of(leg, m);
    bool waits = leg->state == LEG_CALLING || leg->state == LEG_RINGING;

    if (!d) {
        if (waits)
            leg_tell_end(leg, &(struct leg_end){.why = LEG_BROKEN, .code = m->status, .reason = m->reason});
    } else if (waits) {
        on_first_2xx(r, m, d);
    } else if (!r->accepted || d != leg->dialog) {
        dismiss(r, d);
    } else if (r->acked) {
        leg_request_ack(r, d); /* theirs again: our ACK was lost */
    }
}

static struct slice best_contact(const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_CONTACT);
    struct slice element, best = SLICE_NONE;
    uint16_t best_q = 0;

    while (msg_list_next(&it, &element)) {
        struct name_addr na;
        uint16_t q;
        if (name_addr_parse(element, &na) || na.star || msg_q(na.params, &q))
            continue;
        if (!best.n || q > best_q) {
            best = na.uri;
            best_q = q;
        }
    }
    return best;
}

static void on_refused(struct leg *leg, const struct msg *m)
{
    struct leg_end end = {.why = LEG_REFUSED, .code = m->status, .reason = m->reason};
    struct retry_after retry;

    if (m->status < 400)
        end.contact = best_contact(m);
    if (!msg_retry_after(m, &retry))
        end.retry_after_s = retry.seconds;
    leg_learn(leg, m);
    leg_tell_end(leg, &end);
}

void uac_on_response(struct leg_request *r, const struct msg *m, unsigned code)
{
    struct leg *leg = r->leg;

    if (!m)
        leg_tell_end(leg, &(struct leg_end){.why = LEG_NO_ANSWER, .code = code, .reason = msg_reason(code)});
    else if (code < 200)
        on_provisional(leg, m);
    else if (code < 300)
        on_2xx(r, m);
    else
        on_refused(leg, m);
}

void uac_cancel(struct leg *leg, struct slice reason_row)
{
    struct buf rows = ua_scratch(leg->sh, reason_row.n + 32);

    if (reason_row.n)
        msg_put_row(&rows, HDR_REASON, reason_row);
    if (leg->invite) /* a 2xx that crosses it is hung up by on_2xx */
        (void)stack_cancel(leg->sh, leg->invite->tsx, buf_slice(&rows));
}

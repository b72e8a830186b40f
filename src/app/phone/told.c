/* told.c - what the phone's calls and its account tell, made into events; and what the phone does about it by itself: it
 * answers automatically, follows a 302, obeys a REFER, hangs up when its own is accepted.
 *
 * Room      app/phone.
 * In        struct call_on, struct ua_on.
 * Out       events; calls. */
#include <string.h>

#include "app/phone/phone_priv.h"

/* ---- the account ---- */

static void on_registration(void *ctx, struct ua_account *a, const struct ua_registration *r)
{
    static const char *const names[] = {"registered", "registration-failed", "unregistered"};
    struct phone *p = ctx;
    struct phone_event e;

    p->registered = r->kind == UA_REGISTERED;
    event_begin(&e, names[r->kind], NULL);
    event_text(&e, "aor", ua_account_aor(a));
    if (r->code)
        event_number(&e, "code", r->code);
    event_text(&e, "reason", r->reason);
    if (r->kind == UA_REGISTERED)
        event_number(&e, "expires", r->expires_s);
    if (r->kind == UA_REGISTER_FAILED)
        event_number(&e, "retry", r->retry_ms / 1000);
    event_tell(p, &e);
    if (r->kind == UA_UNREGISTERED)
        p->unbound = true;
}

static void tell_incoming(struct phone *p, struct call *c, const struct leg_incoming *in)
{
    struct phone_event e;

    event_begin(&e, "incoming", c);
    event_text(&e, "from", call_peer(c));
    event_text(&e, "name", call_peer_name(c));
    event_text(&e, "to", in->to_uri);
    event_text(&e, "call_id", call_id_text(c));
    event_text(&e, "referred_by", in->referred_by);
    if (in->replaces.n)
        event_bool(&e, "replaces", true);
    if (in->joins.n)
        event_bool(&e, "joins", true);
    event_tell(p, &e);
}

static void on_incoming(void *ctx, struct leg *leg, const struct leg_incoming *in)
{
    struct phone *p = ctx;
    struct phone_call *pc;
    struct call *c;

    (void)leg_ring(leg, 100, SLICE_NONE); /* the guide's phone does (flow 01, F3); nothing hangs on it */
    if (settings_take(p, leg, in))
        return;
    if (call_in(p->calls, leg, in, &c))
        return; /* refused */
    if (phone_adopt(p, c, 0)) {
        (void)call_reject(c, 480, SLICE_NONE);
        return;
    }
    pc = call_data(c);
    if (!calls_find(p->calls, p->current) || phone_calls(p) == 1)
        p->current = call_number(c);
    (void)call_ring(c);
    settings_ring(p, pc);
    if (in->joins.n)
        lines_join(p, in->joins, c); /* who is there already decides, by answering it */
    tell_incoming(p, c, in);
    if (call_state(c) != CALL_INCOMING)
        return; /* somebody has dealt with it right there */
    if (in->replaces.n) {
        lines_replace(p, in->replaces, c);
        (void)call_answer(c); /* it takes the place of a call that was answered, or of ours: RFC 3891 §3 */
    } else if (p->config.auto_answer) {
        net_timer_set(p->config.net, &pc->timer, net_now_us(p->config.net) + p->config.auto_answer_ms * 1000ull);
    }
}

const struct ua_on phone_ua_on = {.incoming = on_incoming, .registration = on_registration};

/* ---- calls ---- */

static void tell_simple(struct phone *p, const struct call *c, const char *name)
{
    struct phone_event e;

    event_begin(&e, name, c);
    event_tell(p, &e);
}

static void tell_rings(struct phone *p, const struct call *c, const struct call_event *ce)
{
    struct phone_event e;

    event_begin(&e, "ringing", c);
    event_number(&e, "code", ce->code);
    event_text(&e, "reason", ce->reason);
    event_bool(&e, "early", ce->early);
    event_text(&e, "call_id", call_id_text(c));
    event_tell(p, &e);
}

static void tell_answered(struct phone *p, const struct call *c)
{
    struct phone_event e;

    event_begin(&e, "answered", c);
    event_text(&e, "peer", call_peer(c));
    event_text(&e, "call_id", call_id_text(c));
    event_tell(p, &e);
}

static void tell_sound(struct phone *p, const struct call *c, const struct call_event *ce, const char *name)
{
    struct phone_event e;
    char digit = ce->digit;

    event_begin(&e, name, c);
    if (ce->kind == CALL_DIGIT)
        event_text(&e, "digit", (struct slice){&digit, 1});
    else
        event_number(&e, "hz", ce->hz);
    event_number(&e, "ms", ce->ms);
    event_tell(p, &e);
}

static void tell_failed(struct phone *p, const struct call *c, const struct call_event *ce)
{
    struct phone_event e;

    event_begin(&e, "failed", c);
    event_text(&e, "what", slice_z(ce->what));
    event_text(&e, "error", slice_z(err_text(ce->error)));
    if (ce->code) {
        event_number(&e, "code", ce->code);
        event_text(&e, "reason", ce->reason);
    }
    event_tell(p, &e);
}

/* ---- transfer ---- */

void phone_leave(void *arg)
{
    struct phone_call *pc = arg;

    (void)call_hang_up(pc->c); /* or the other end was faster */
}

/* The guide's way (F13): who sends somebody elsewhere hangs up when that is accepted, and does not wait for the outcome,
 * which is told all the same. */
static void on_transfer(struct phone *p, struct call *c, const struct leg_refer_status *s)
{
    struct phone_call *pc = call_data(c);
    struct phone_event e;
    bool ok = s->code >= 200 && s->code < 300;

    event_begin(&e, s->accepted ? "transfer-accepted" : s->final ? "transfer-result" : "transfer-progress", c);
    if (s->final) {
        event_bool(&e, "ok", ok);
        event_text(&e, "words", ok ? S("done") : s->code ? S("it failed") : S("nobody said how it went"));
    }
    if (s->code)
        event_number(&e, "code", s->code);
    event_text(&e, "reason", s->reason);
    event_tell(p, &e);
    if (s->accepted && p->config.leave_ms && pc)
        net_timer_set(p->config.net, &pc->leave, net_now_us(p->config.net) + p->config.leave_ms * 1000ull);
    else if (s->accepted)
        (void)call_hang_up(c); /* or the other end was faster */
    if (s->final && ok)
        lines_connected(p, c);
}

static unsigned refuse_refer(struct phone *p, struct call *c, const struct leg_refer_in *refer)
{
    unsigned code = p->config.refer_code == PHONE_REFER_SILENT ? 0 : p->config.refer_code;
    struct phone_event e;

    event_begin(&e, "transfer-refused", c);
    event_text(&e, "to", refer->target);
    event_text(&e, "by", refer->referred_by);
    if (code)
        event_number(&e, "code", code);
    event_tell(p, &e);
    return code;
}

static unsigned on_refer(void *ctx, struct call *c, const struct leg_refer_in *refer)
{
    struct phone *p = ctx;
    struct phone_dial d = {.target = refer->target,
                           .referred_by = refer->referred_by,
                           .replaces = refer->replaces,
                           .member = call_is_joined(c),
                           .report = {call_leg(c), refer->id}};
    struct phone_event e;
    struct call *fresh;
    enum err err;

    if (p->config.refer_code)
        return refuse_refer(p, c, refer);
    if ((err = phone_dial(p, &d, &fresh)))
        return err == ERR_SYNTAX ? 400 : err == ERR_FULL ? 486 : 500;
    event_begin(&e, "transfer-asked", c);
    event_text(&e, "to", refer->target);
    event_text(&e, "by", refer->referred_by);
    event_number(&e, "new_call", call_number(fresh));
    event_tell(p, &e);
    return 202;
}

/* ---- the end ---- */

static void put_heard(struct buf *b, const struct call_sound *s)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < s->n_heard; i++) {
        buf_put(b, i ? S(",{\"hz\":") : S("{\"hz\":"));
        buf_putu(b, s->heard[i].hz);
        buf_put(b, S(",\"ms\":"));
        buf_putu(b, s->heard[i].heard_ms);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void tell_statistics(struct phone *p, const struct call *c, const struct call_sound *s)
{
    char room[64 * MEDIA_MAX_HEARD], far[ADDR_MAX_TEXT];
    struct buf heard = BUF_ON(room), from = BUF_ON(far);
    const struct media_stats *m = &s->stats;
    struct phone_event e;

    put_heard(&heard, s);
    if (m->far.family != ADDR_NONE)
        addr_put(&from, &m->far);
    event_begin(&e, "call-statistics", c);
    event_text(&e, "codec", s->codec);
    event_text(&e, "srtp", s->srtp);
    event_number(&e, "sent", m->sent_packets);
    event_number(&e, "received", m->received_packets);
    event_number(&e, "lost", m->lost);
    event_number(&e, "late", m->late);
    event_millis(&e, "jitter", m->jitter_us / 1000);
    if (m->round_trip_us)
        event_millis(&e, "round_trip", m->round_trip_us / 1000);
    if (m->reported) {
        event_number(&e, "far_lost", m->far_lost);
        event_millis(&e, "far_jitter", m->far_jitter_us / 1000);
    }
    event_millis(&e, "concealed", m->concealed_ms);
    event_number(&e, "foreign", m->foreign);
    event_text(&e, "far", buf_slice(&from));
    event_json(&e, "heard", buf_slice(&heard));
    event_tell(p, &e);
}

static void tell_not_followed(struct phone *p, const struct call *c, const struct call_report *report, enum err err)
{
    struct leg_refer_report r = {report->leg, report->refer, 503, SLICE_NONE};
    struct phone_event e;

    if (r.leg.n)
        (void)leg_refer_report(p->ua, 0, &r); /* who sent us there must not wait for ever */
    event_begin(&e, "failed", c);
    event_text(&e, "what", S("follow"));
    event_text(&e, "error", slice_z(err_text(err)));
    event_tell(p, &e);
}

/* A 302 (any 3xx with a Contact) is followed by a new call, which has its own Call-ID as all of ours do. */
static void follow(struct phone *p, struct call *c, const struct leg_end *end)
{
    struct phone_call *pc = call_data(c);
    struct phone_dial d = {.target = end->contact, .redirects = pc ? pc->redirects + 1 : 1, .member = pc && pc->member};
    struct phone_event e;
    struct call *fresh;
    enum err err;

    if (end->why != LEG_REFUSED || end->code >= 400 || !end->contact.n || p->quitting)
        return;
    if (d.redirects > PHONE_MAX_REDIRECTS)
        return;
    d.report = call_take_report(c);
    if ((err = phone_dial(p, &d, &fresh))) {
        tell_not_followed(p, c, &d.report, err);
        return;
    }
    event_begin(&e, "redirected", c);
    event_text(&e, "to", end->contact);
    event_number(&e, "new_call", call_number(fresh));
    event_tell(p, &e);
}

static void on_ended(struct phone *p, struct call *c, const struct call_event *ce)
{
    static const char *const why[] = {"hung-up", "far-hung-up", "rejected", "refused", "no-answer", "no-ack", "replaced", "lost", "broken"};
    static const char *const words[] = {"we have hung up", "the other end has hung up", "rejected", "refused", "no answer",
                                        "not confirmed", "another call took its place", "the other end has forgotten it",
                                        "it could not go on"};
    struct phone_event e;
    uint64_t answered = call_answered_ms(c);

    event_begin(&e, "ended", c);
    event_text(&e, "why", slice_z(why[ce->end->why]));
    event_text(&e, "words", slice_z(words[ce->end->why]));
    if (ce->end->code) {
        event_number(&e, "code", ce->end->code);
        event_text(&e, "reason", ce->end->reason);
    }
    event_text(&e, "row", ce->end->reason_row);
    event_text(&e, "peer", call_peer(c));
    event_text(&e, "call_id", call_id_text(c));
    event_millis(&e, "seconds", answered ? net_now_ms(p->config.net) - answered : 0);
    event_tell(p, &e);
    if (ce->sound->any) {
        tell_statistics(p, c, ce->sound);
        (void)phone_tell_quality(p, c, &ce->sound->here, &ce->sound->there);
        phone_report(p, c, ce->sound);
    }
    follow(p, c, ce->end);
}

static void on_gone(struct phone *p, struct call *c)
{
    struct phone_call *pc = call_data(c);

    if (pc) {
        net_timer_cancel(p->config.net, &pc->timer);
        net_timer_cancel(p->config.net, &pc->no_answer);
        net_timer_cancel(p->config.net, &pc->leave);
        lines_gone(p, call_number(c));
        mem_free(p->config.mem, pc, sizeof *pc);
    }
}

static void on_event(void *ctx, struct call *c, const struct call_event *ce)
{
    static const char *const simple[] = {
        [CALL_CONFIRMED] = "confirmed", [CALL_HELD] = "held",           [CALL_RESUMED] = "resumed",
        [CALL_ON_HOLD] = "on-hold",     [CALL_OFF_HOLD] = "off-hold",   [CALL_DIGITS_SENT] = "dtmf-sent",
        [CALL_SOUND] = "sound",         [CALL_SILENCE] = "silence",     [CALL_PLAYED] = "played",
    };
    struct phone *p = ctx;

    switch (ce->kind) {
    case CALL_RINGS:
        tell_rings(p, c, ce);
        break;
    case CALL_ANSWERED:
        tell_answered(p, c);
        lines_take_part(p, c);
        break;
    case CALL_TRANSFER:
        on_transfer(p, c, ce->refer);
        break;
    case CALL_DIGIT:
    case CALL_HEARS:
        tell_sound(p, c, ce, ce->kind == CALL_DIGIT ? "dtmf" : "hears");
        break;
    case CALL_FAILED:
        tell_failed(p, c, ce);
        if (!strcmp(ce->what, "hold"))
            lines_give_up(p, ce->error);
        break;
    case CALL_ENDED:
        on_ended(p, c, ce);
        lines_member_gone(p, c);
        lines_go_on(p);
        break;
    case CALL_GONE:
        on_gone(p, c);
        break;
    default:
        tell_simple(p, c, simple[ce->kind]);
        if (ce->kind == CALL_ON_HOLD)
            lines_go_on(p);
        break;
    }
}

const struct call_on phone_call_on = {.event = on_event, .refer = on_refer};

/* stray.c - answers to INVITEs that went out before a restart: they still reach who sent the INVITE (PROTOCOL 4.1).
 *
 * Room      server/proxy.
 * In        server/core, from the stack: a response that no transaction waits for.
 * Out       stray_refusal() for what must be acknowledged (refusal.c).
 * Touches   the dialog's record; sends.
 *
 * RFC 6026 §8.9 drops such responses, since nobody can tell whether the request was ever sent, and by their Via alone
 * (RFC 3261 §16.11) anybody could have us send anything anywhere. Here somebody can tell. Whoever accepts an INVITE copies
 * our Record-Route, and the cookie in it is signed and names the flows of both ends. A refusal brings none, and the answer
 * to a re-INVITE neither: then the dialog's record, which has outlived the process, says who sent it, and who may answer.
 * All others are dropped; so is what belongs to this run: its transaction has ended, and what the caller was told stands. */
#include "server/proxy/proxy_priv.h"

/* ---- whose answer is it? ---- */

/* Does it come from where that side is, by its record or by a binding? The side's target is what an ACK will have. *places:
 * how many bindings it has. Of a side that is not ours, and has not been heard of, nothing is known. */
static bool is_from(struct lost_invite *l, const struct dialog_party *p, const struct flow *from, size_t *places)
{
    struct location_binding *list;
    struct flow              flow;
    int64_t                  now = (int64_t)proxy_wall_ms(l->gone.sh);
    bool                     found = proxy_flow_of(p->flow, &flow) ? addr_same_ip(&flow.remote, &from->remote) : !p->number.n;

    *places = 0;
    l->target = p->target;
    l->route = p->route;
    if (!p->number.n || location_lookup(l->gone.px->location, p->number, now, shard_scratch(l->gone.sh), &list, places))
        return found;
    for (size_t i = 0; i < *places; i++)
        if (proxy_flow_of(list[i].flow, &flow) && addr_same_ip(&flow.remote, &from->remote)) {
            found = true;
            if (!l->target.n)
                l->target = list[i].contact;
        }
    return found;
}

/* The signed route of an answer that makes a dialog. */
static bool find_cookie(struct lost_invite *l, const struct msg *m, const struct flow *from)
{
    struct msg_list     it = msg_list_begin(m, HDR_RECORD_ROUTE);
    struct slice        element;
    struct name_addr    na;
    struct proxy_cookie c;
    struct flow         callee;

    while (msg_list_next(&it, &element)) {
        if (name_addr_parse(element, &na) ||
            proxy_cookie_read(l->gone.px, m, na.uri, DIALOG_CALLER, proxy_wall_ms(l->gone.sh) / 1000, &c) || !c.from_caller)
            continue;
        return proxy_cookie_made_s(&c) <= l->gone.px->started_s && proxy_cookie_flow(&c, DIALOG_CALLEE, &callee) == ERR_OK &&
               addr_same_ip(&callee.remote, &from->remote) && proxy_cookie_flow(&c, DIALOG_CALLER, &l->gone.upstream) == ERR_OK;
    }
    return false;
}

static void take_caller(struct lost_invite *l, const struct dialog_party *p)
{
    struct flow flow;

    l->aor = p->number;
    l->contact = p->target;
    if (flow_is_none(&l->gone.upstream) && proxy_flow_of(p->flow, &flow))
        l->gone.upstream = flow;
}

/* To the INVITE that began a call. */
static bool find_attempt(struct lost_invite *l, const struct msg *m, const struct flow *from)
{
    struct dialogs      *d = l->gone.px->dialogs;
    struct dialog_record r = {0};
    size_t               places = 0;
    bool                 is_signed = find_cookie(l, m, from), is_known, is_theirs = false;

    is_known = dialogs_find_attempt(d, msg_call_id(m), msg_from_tag(m), l->cseq, &l->gone.record) == ERR_OK &&
               dialogs_get(d, l->gone.record, shard_scratch(l->gone.sh), &r) == ERR_OK;
    if (!is_known)
        l->gone.record.gen = 0;
    else if (!(is_theirs = is_from(l, &r.side[DIALOG_CALLEE], from, &places)) && !is_signed)
        return false;
    if (is_signed && m->status < 300)
        l->passes = true;
    else if (is_known) /* one that was asked before, or besides, does not refuse for who is asked now */
        l->passes = is_theirs && r.state == DIALOG_EARLY && (uint64_t)r.started_ms / 1000 <= l->gone.px->started_s;
    if (l->passes && m->status >= 300 && m->status < 600 && places > 1) {
        proxy_say(l->gone.sh, msg_call_id(m), S("the INVITE was sent before this exchange was restarted, and to several phones: one "
                                                "of them refuses, another may still accept"));
        l->passes = false;
    }
    take_caller(l, &r.side[DIALOG_CALLER]);
    l->own = is_known && proxy_called_itself(l->gone.sh, &r);
    return is_signed || is_known;
}

/* To one within it. The record's CSeq is the sender's own, that of the response is what the other side has seen. */
static bool find_within(struct lost_invite *l, const struct msg *m, const struct flow *from)
{
    struct dialog_key    key = {.call_id = msg_call_id(m), .from_tag = msg_from_tag(m), .to_tag = msg_to_tag(m)};
    struct fork         *f = &l->gone;
    struct dialog_record r;
    size_t               places;

    if (dialogs_find(f->px->dialogs, &key, shard_scratch(f->sh), &f->record, &f->from, &r) || r.state != DIALOG_CONFIRMED ||
        (f->from == DIALOG_CALLER && l->cseq == r.invite_cseq))
        return false;
    f->shift = r.side[f->from].shift;
    f->shift_other = r.side[dialogs_other(f->from)].shift;
    if (l->cseq <= f->shift || l->cseq - f->shift > r.side[f->from].cseq || !is_from(l, &r.side[dialogs_other(f->from)], from, &places))
        return false;
    l->cseq -= f->shift;
    f->within = true;
    l->passes = true;
    take_caller(l, &r.side[f->from]);
    return true;
}

/* ---- passing it back ---- */

enum err stray_pass(struct lost_invite *l, const struct msg *m)
{
    struct fork *f = &l->gone;
    struct slice octets;
    enum err     e = compose_response(f, NULL, m, &octets);

    if (e)
        return e;
    proxy_say(f->sh, f->call_id, S("the INVITE was sent before this exchange was restarted: its answer goes to where the call's "
                                   "record or signed route says that it came from"));
    again_prefer(f->px, f->sh, l->aor, l->contact, &f->upstream); /* its connection went with the restart */
    return flow_send(shard_transport(f->sh), &f->upstream, octets);
}

void proxy_stray(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from)
{
    struct lost_invite l = {.gone = {.px = px, .sh = sh, .method = METHOD_INVITE}};
    struct cseq        cseq;

    if (m->status <= 100 || msg_cseq(m, &cseq) || cseq.method_id != METHOD_INVITE || msg_element_count(m, HDR_VIA) < 2 ||
        stray_is_repeat(px, sh, m, from))
        return;
    l.cseq = cseq.number;
    l.gone.call_id = msg_call_id(m);
    l.gone.caller_tag = msg_from_tag(m);
    if (!find_within(&l, m, from) && !find_attempt(&l, m, from))
        return;
    if (m->status >= 300) {
        l.passes = l.passes && !l.own;
        stray_refusal(&l, m, from);
        if (l.own && !l.gone.within)
            keep_failure(&l.gone, m->status, msg_reason(m->status)); /* nobody is there to be told */
    } else if (l.passes) {
        keep_response(&l.gone, m, from);
        if (!l.own || l.gone.within || proxy_abandon(px, sh, l.gone.record))
            stray_pass(&l, m);
    }
}

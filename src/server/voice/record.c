/* record.c - what is known of a party's call: a record in server/dialogs, as any call has, so that lamps show it, an
 * administrator sees and ends it, and its CDR is written.
 *
 * Room      server/voice.
 * In        party.c: a leg's turning points, in its shard.
 * Touches   p->record. Of a call that comes the proxy has begun it, and server/core ends it when it was refused; one of our
 *           own begins when it rings, or ends without. A call without a record is carried all the same. */
#include "server/voice/voice_priv.h"

enum { NUMBER_OCTETS = 3 * URI_MAX_OCTETS };

static int64_t wall_ms(struct shard *sh)
{
    return (int64_t)(net_wall_us(shard_net(sh)) / 1000);
}

static enum dialog_side own_side(const struct leg *leg)
{
    return leg_is_uac(leg) ? DIALOG_CALLER : DIALOG_CALLEE;
}

enum err party_record_of_invite(struct voice *v, struct shard *sh, const struct msg *m, struct dialog_id *id, struct dialog_record *out)
{
    struct cseq cseq;
    enum err    e;

    if ((e = msg_cseq(m, &cseq)) || (e = dialogs_find_attempt(v->config.dialogs, msg_call_id(m), msg_from_tag(m), cseq.number, id)))
        return e;
    return dialogs_get(v->config.dialogs, *id, shard_scratch(sh), out);
}

void party_record_set(struct party *p, struct dialog_id record)
{
    spin_lock(&p->v->lock);
    p->record = record;
    spin_unlock(&p->v->lock);
}

static struct slice flow_octets(const struct leg *leg)
{
    const struct flow *f = leg_flow(leg);

    return f ? (struct slice){(const char *)f, sizeof *f} : SLICE_NONE;
}

/* Both sides of a call that we make, as far as they are known. */
static void fill(const struct party *p, const struct leg *leg, struct dialog_record *r, struct buf *number)
{
    const struct dialog *d = leg_dialog(leg);
    struct dialog_party *own = &r->side[DIALOG_CALLER], *peer = &r->side[DIALOG_CALLEE];
    struct uri           u;

    if (!uri_parse(leg_local_uri(leg), &u, NULL))
        uri_put_user_key(number, &u);
    own->number = buf_slice(number);
    own->uri = leg_local_uri(leg);
    own->own = true;
    peer->number = p->call->way.number;
    peer->uri = leg_remote_uri(leg);
    peer->target = p->call->way.target;
    peer->flow = flow_octets(leg);
    if (!d)
        return;
    own->tag = d->local_tag;
    own->cseq = r->invite_cseq = d->local_cseq;
    peer->tag = d->remote_tag;
    peer->target = d->target;
}

/* A call that we make: its record as it is now, begun where there is none. */
static void put_ours(struct party *p, const struct leg *leg, unsigned code)
{
    struct dialogs      *d = p->v->config.dialogs;
    char                 text[NUMBER_OCTETS];
    struct buf           number = BUF_ON(text);
    struct shard        *sh = leg_shard(leg);
    struct dialog_id     id = p->record;
    struct dialog_record r;

    if (!id.gen || dialogs_get(d, id, shard_scratch(sh), &r)) {
        id.gen = 0;
        r = (struct dialog_record){.call_id = leg_call_id(leg), .writes_cdr = true,
                                   .started_ms = wall_ms(sh)};
    }
    fill(p, leg, &r, &number);
    r.seen_ms = wall_ms(sh);
    r.code = (uint16_t)code;
    if (code >= 200 && code < 300) {
        r.state = DIALOG_CONFIRMED;
        r.answered_ms = r.seen_ms;
    }
    if (id.gen)
        (void)dialogs_put(d, id, &r);
    else if (dialogs_begin(d, &r, &id) == ERR_OK)
        party_record_set(p, id);
}

void party_record_rings(struct party *p, const struct leg *leg, unsigned code)
{
    if (code > 100 && leg_is_uac(leg) && leg_dialog(leg))
        put_ours(p, leg, code);
}

void party_record_number(struct party *p, struct shard *sh, struct slice number)
{
    struct dialog_record r;

    if (!p->record.gen || dialogs_get(p->v->config.dialogs, p->record, shard_scratch(sh), &r))
        return;
    r.side[r.side[DIALOG_CALLER].own ? DIALOG_CALLER : DIALOG_CALLEE].number = number;
    (void)dialogs_put(p->v->config.dialogs, p->record, &r);
}

void party_record_answered(struct party *p, const struct leg *leg)
{
    const struct dialog *d = leg_dialog(leg);
    struct shard        *sh = leg_shard(leg);
    struct dialog_record r;

    if (leg_is_uac(leg)) {
        put_ours(p, leg, 200);
        return;
    }
    if (!p->record.gen || dialogs_get(p->v->config.dialogs, p->record, shard_scratch(sh), &r))
        return;
    r.side[DIALOG_CALLER].no_replaces = r.side[DIALOG_CALLER].no_replaces || p->no_replaces;
    r.side[DIALOG_CALLEE].tag = d->local_tag;
    r.state = DIALOG_CONFIRMED;
    r.code = 200;
    r.answered_ms = wall_ms(sh);
    (void)dialogs_put(p->v->config.dialogs, p->record, &r);
}

void party_record_seen(struct party *p, const struct leg *leg)
{
    const struct dialog *d = leg_dialog(leg);

    if (p->record.gen && d)
        (void)dialogs_seen(p->v->config.dialogs, p->record, own_side(leg), d->local_cseq, wall_ms(leg_shard(leg)));
}

static struct slice ended_by(const struct leg *leg, const struct leg_end *end)
{
    bool theirs = end->why == LEG_FAR_HUNG_UP || end->why == LEG_REFUSED || end->why == LEG_LOST || end->why == LEG_NO_ACK;

    if (!theirs)
        return S("exchange");
    return leg_is_uac(leg) ? S("callee") : S("caller");
}

static struct slice why(const struct leg_end *end)
{
    switch (end->why) {
    case LEG_HUNG_UP:
    case LEG_FAR_HUNG_UP: return S("bye");
    case LEG_REPLACED: return S("replaced");
    case LEG_NO_ANSWER: return S("no answer");
    case LEG_NO_ACK: return S("no ACK");
    case LEG_LOST: return S("gone");
    case LEG_REFUSED:
    case LEG_REJECTED: return end->reason.n ? end->reason : msg_reason(end->code);
    case LEG_BROKEN: break;
    }
    return S("broken");
}

void party_record_ended(struct party *p, const struct leg *leg, const struct leg_end *end)
{
    struct dialog_end e = {.now_ms = wall_ms(leg_shard(leg)), .by = ended_by(leg, end), .why = why(end)};

    if (!p->begun) {
        if (!leg_is_uac(leg))
            return; /* refused: who gave us the INVITE hears of it */
        if (!p->record.gen)
            put_ours(p, leg, 0);
        e.code = (uint16_t)(end->code ? end->code : 487);
        if (end->why == LEG_HUNG_UP)
            e.why = S("cancel");
    }
    if (p->record.gen)
        (void)dialogs_end(p->v->config.dialogs, p->record, &e); /* an administrator may have ended it before */
    party_record_set(p, (struct dialog_id){0});
}

/* ---- an administrator ---- */

void voice_hang_up(struct voice *v, struct shard *sh, struct dialog_id record, struct slice reason_row)
{
    struct map_cursor cursor = {0};
    struct map_node  *node;
    struct leg_id     id = LEG_NONE;
    struct leg       *leg;

    spin_lock(&v->lock);
    while (!id.n && (node = map_walk(&v->parties, &cursor))) {
        const struct party *p = MAP_OF(node, struct party, by_number);

        if (p->record.gen == record.gen && p->record.slot == record.slot)
            id = p->leg;
    }
    spin_unlock(&v->lock);
    if (id.n && (leg = leg_find(v->config.ua, sh, id)))
        leg_hang_up(leg, reason_row);
}

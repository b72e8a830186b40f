/* execute.c - the transferee cannot, will not, or is silent: the exchange executes the transfer itself (PROTOCOL 5.4, 5.6, §6).
 *
 * Room      server/transfer.
 * In        transfer.c: the carried REFER's answer, or none; note.c after a restart.
 * Touches   the dialog's record: it says so. Both dialogs are server/bridge's from then on. */
#include <string.h>

#include "server/transfer/transfer_priv.h"

bool refer_wants_execution(unsigned code)
{
    return code == 405 || code == 420 || code == 481 || code == 501 || code == 603;
}

static void on_silence(void *arg)
{
    struct refer *r = arg;

    if (r->state != REFER_CARRIED)
        return;
    if (proxy_carry_waits(r->t->proxy, r->sh, r))
        refer_execute_on_silence(r); /* it has not even been asked */
    else
        refer_execute(r, S("the transferee has not answered the REFER in 4 s"));
}

void refer_execute_on_silence(struct refer *r)
{
    r->hold_timer.fire = on_silence;
    r->hold_timer.arg = r;
    shard_timer_start(r->sh, &r->hold_timer, TRANSFER_HOLD_MS);
}

static struct flow flow_of(const struct dialog_party *p)
{
    struct flow f = {0};

    if (p->flow.n == sizeof f)
        memcpy(&f, p->flow.p, sizeof f);
    return f;
}

/* The end at `side` of the record, as the exchange speaks to it in the other's place: it has seen the other's CSeqs shifted. */
static struct bridge_end end_at(const struct refer *r, const struct dialog_record *rec, enum dialog_side side)
{
    const struct dialog_party *it = &rec->side[side], *away = &rec->side[dialogs_other(side)];
    bool                       is_transferor = side == r->from;

    return (struct bridge_end){.dialog = {.call_id = r->call_id,
                                          .local = is_transferor ? r->to_value : r->from_value,
                                          .remote = is_transferor ? r->from_value : r->to_value,
                                          .target = it->target.n ? it->target : is_transferor ? r->contact : r->uri,
                                          .routes = it->route,
                                          .local_cseq = away->cseq + away->shift,
                                          .remote_cseq = it->cseq,
                                          .is_uac = side == DIALOG_CALLEE},
                               .flow = flow_of(it),
                               .number = it->number,
                               .origin = away->origin};
}

static void on_absorbed(void *arg)
{
    struct refer *r = arg;

    if (r->open) {
        shard_timer_start(r->sh, &r->timer, REFER_BUSY_MS);
        return;
    }
    refer_free(r);
}

static void absorb(struct refer *r, uint64_t ms)
{
    r->timer.fire = on_absorbed;
    r->timer.arg = r;
    shard_timer_start(r->sh, &r->timer, ms);
}

static void on_told(void *ctx, struct shard *sh, uint64_t key, unsigned code)
{
    struct refer *r = refer_by_serial(ctx, sh, key);

    if (!r)
        return;
    r->code = code;
    refer_log(r, LOG_EVENT("transfer.executed"), code);
    refer_note_drop(r);
    absorb(r, REFER_ABSORB_MS);
}

static uint32_t recall_of(struct refer *r, struct slice number)
{
    const struct directory_view *view = directory_take(proxy_directory(r->t->proxy));
    const struct directory_user *user = number.n ? directory_user(view, number) : NULL;
    struct slice                 text = user ? directory_setting(user, S("transfer.recall_s")) : SLICE_NONE;
    uint64_t                     s;

    if (slice_u64(text, 600, &s))
        s = BRIDGE_RECALL_S;
    directory_give(view);
    return (uint32_t)s;
}

static void note_mode(struct refer *r, struct dialog_record *rec)
{
    rec->mode = DIALOG_MODE_EXECUTE;
    (void)dialogs_put(proxy_dialogs(r->t->proxy), r->dialog, rec); /* only for people */
}

/* "<sip:1003@example.com>;tag=x": the name beside it is not kept, and nobody goes by it. */
static struct slice value_of(struct refer *r, const struct dialog_party *p)
{
    size_t      cap = p->uri.n + p->tag.n + 16;
    char       *room = arena_alloc(shard_scratch(r->sh), cap);
    struct buf  b;

    buf_init(&b, room, room ? cap : 0);
    buf_puts(&b, S("<"), p->uri, S(">;tag="));
    buf_put(&b, p->tag);
    return buf_err(&b) ? SLICE_NONE : buf_slice(&b);
}

/* Both ends of the call between transferor and target. Without it the target is called. */
static void find_target(struct refer *r, struct bridge_transfer *t)
{
    struct dialog_record rec;
    struct slice         value[2];

    if (!r->named.gen || dialogs_get(proxy_dialogs(r->t->proxy), r->named, shard_scratch(r->sh), &rec))
        return;
    for (int i = 0; i < 2; i++)
        value[i] = value_of(r, &rec.side[i]);
    for (int i = 0; i < 2; i++) {
        const struct dialog_party *it = &rec.side[i], *away = &rec.side[1 - i];
        struct bridge_end         *e = (enum dialog_side)i == r->named_side ? &t->target : &t->target_from;

        *e = (struct bridge_end){.dialog = {.call_id = rec.call_id, .local = value[1 - i], .remote = value[i], .target = it->target,
                                            .routes = it->route, .local_cseq = away->cseq + away->shift, .remote_cseq = it->cseq,
                                            .is_uac = i == DIALOG_CALLEE},
                                 .flow = flow_of(it), .number = it->number, .origin = away->origin};
    }
    t->target_record = r->named;
    t->no_replaces = r->no_replaces;
}

/* Above all that was said in these dialogs before a restart. */
static void leap(struct bridge_transfer *t, uint32_t by)
{
    struct bridge_end *ends[] = {&t->transferee, &t->transferor, &t->target, &t->target_from};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        ends[i]->dialog.local_cseq += by;
}

/* RFC 3892, where his phone has not written it: the exchange calls in his name. */
static struct slice by_transferor(struct refer *r)
{
    struct name_addr na;
    struct buf       b;
    char            *room;

    if (name_addr_parse(r->from_value, &na) || !(room = arena_alloc(shard_scratch(r->sh), na.uri.n + 2)))
        return SLICE_NONE;
    buf_init(&b, room, na.uri.n + 2);
    buf_puts(&b, S("<"), na.uri, S(">"));
    return buf_slice(&b);
}

static enum err begin(struct refer *r)
{
    struct dialog_record   rec;
    struct bridge_transfer t = {.record = r->dialog, .from = r->from, .refer = r->refer_cseq, .first = r->first,
                                .told = on_told, .ctx = r->t, .key = r->serial};
    enum err               e;

    if ((e = dialogs_get(proxy_dialogs(r->t->proxy), r->dialog, shard_scratch(r->sh), &rec)))
        return e;
    t.transferor = end_at(r, &rec, r->from);
    t.transferee = end_at(r, &rec, dialogs_other(r->from));
    if (t.transferor.dialog.local_cseq < r->seen_cseq)
        t.transferor.dialog.local_cseq = r->seen_cseq;
    if (flow_is_none(&t.transferor.flow))
        t.transferor.flow = r->flow;
    t.refer_to = r->refer_to.n ? r->refer_to : r->refer_to_value;
    t.referred_by = r->referred_by.n ? r->referred_by : by_transferor(r);
    find_target(r, &t);
    leap(&t, r->cseq_leap);
    t.recall_s = recall_of(r, t.transferor.number);
    if ((e = bridge_execute(r->t->bridge, r->sh, &t, &r->call)) == ERR_OK)
        note_mode(r, &rec);
    return e;
}

void refer_execute(struct refer *r, struct slice why)
{
    enum err e;

    refer_reason(r, why);
    shard_timer_stop(r->sh, &r->hold_timer);
    r->state = REFER_EXECUTED;
    refer_note_write(r);
    if ((e = begin(r))) {
        refer_reason(r, S("and the exchange cannot execute the transfer: the transferor is told so by NOTIFY"));
        r->state = REFER_CARRIED;
        refer_tell(r, e == ERR_SYNTAX ? 400 : 500);
        refer_release(r);
        return;
    }
    spin_lock(&r->t->lock);
    r->executed = true;
    spin_unlock(&r->t->lock);
    refer_watch_own(r);
    refer_end_early(r);
    if (bridge_noted(r->t->bridge, r->sh, r->call))
        refer_note_hand_on(r);
    absorb(r, 2 * BRIDGE_RING_MS); /* until it is told */
    refer_release(r);
}

bool refer_withdraws(struct refer *r)
{
    if (!bridge_withdraw(r->t->bridge, r->sh, r->call))
        return false;
    shard_timer_stop(r->sh, &r->timer);
    spin_lock(&r->t->lock);
    r->executed = false;
    spin_unlock(&r->t->lock);
    refer_unwatch(r);
    r->state = REFER_CARRIED; /* as if it had answered in time */
    refer_note_write(r);
    return true;
}

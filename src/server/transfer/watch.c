/* watch.c - does the transferee do what it has promised (PROTOCOL 5.5, 5.6)?
 *
 * Room      server/transfer.
 * In        the carried REFER's 2xx; NOTIFYs and requests of that dialog; new INVITEs, by way of server/core.
 * Touches   the table of watched calls, shared by all shards under a spin lock. The new call has another Call-ID, so it
 *           lives in another shard: what happens to it is posted to the refer's shard, by serial number, never by pointer
 *           (PROTOCOL 3.4). */
#include "server/transfer/transfer_priv.h"

/* What another shard tells a refer. */
struct tiding {
    struct transfer *t;
    uint64_t         serial;
    unsigned         shard; /* the refer's */
    unsigned         code;  /* 0: the call has begun; else its final status */
    struct mem      *mem;
};

static int64_t now_ms(const struct refer *r)
{
    return (int64_t)(net_wall_us(shard_net(r->sh)) / 1000);
}

static void on_silence(void *arg);

static void start_timer(struct refer *r, uint64_t in_ms)
{
    r->timer.fire = on_silence;
    r->timer.arg = r;
    shard_timer_start(r->sh, &r->timer, in_ms);
}

/* The transferee's call to the target, by the dialogs' records: one that was begun while nobody listened (a restart). */
struct look {
    const struct refer *r;
    bool                ringing, up;
};

static bool look_at(void *arg, struct dialog_id id, const struct dialog_record *d)
{
    struct look *l = arg;

    (void)id;
    if (d->started_ms < l->r->accepted_ms || !slice_eq(d->side[DIALOG_CALLER].number, l->r->transferee) ||
        !slice_eq(d->side[DIALOG_CALLEE].number, l->r->target))
        return true;
    l->up = l->up || d->state == DIALOG_CONFIRMED;
    l->ringing = l->ringing || d->state == DIALOG_EARLY;
    return true;
}

/* Nothing was heard of that call: is there one? True: that is dealt with. */
static bool look_it_up(struct refer *r)
{
    struct look l = {.r = r};

    if (!r->transferee.n || !r->target.n || dialogs_each_of(proxy_dialogs(r->t->proxy), r->transferee, look_at, &l))
        return false;
    if (!l.up && !l.ringing && !r->seen_ringing)
        return false;
    r->seen_ringing = l.ringing;
    if (l.ringing)
        start_timer(r, REFER_LOOK_MS);
    else
        refer_tell(r, l.up ? 200 : 480);
    return true;
}

static void on_silence(void *arg)
{
    struct refer *r = arg;

    if (r->told) {
        refer_silent(r);
        return;
    }
    if (r->state == REFER_WATCHED && look_it_up(r))
        return;
    if (r->state == REFER_WATCHED) {
        refer_reason(r, S("the transferee has accepted, but neither calls the target nor says anything: "
                          "the transferor is told 408 by NOTIFY"));
        refer_tell(r, 408);
    } else if (r->state == REFER_ANSWERED) {
        refer_reason(r, S("the transferee has called the target but sends no NOTIFY: the exchange tells its outcome"));
        refer_tell(r, r->code);
    }
}

static void list_watched(struct refer *r)
{
    struct transfer *t = r->t;

    if (r->listed || !r->transferee.n || !r->target.n)
        return;
    spin_lock(&t->lock);
    map_insert(&t->watched, &r->watched, hash_pair(&refer_plain, r->transferee, r->target));
    spin_unlock(&t->lock);
    r->listed = true;
    atomic_fetch_add(&t->n_watched, 1);
}

void refer_watch(struct refer *r)
{
    if (r->state != REFER_CARRIED) /* its NOTIFY came before its 2xx */
        return;
    r->state = REFER_WATCHED;
    r->until_ms = now_ms(r) + TRANSFER_WATCH_MS;
    start_timer(r, TRANSFER_WATCH_MS);
    if (!r->told)
        refer_note_write(r);
    list_watched(r);
}

void refer_watch_relayed(struct refer *r)
{
    r->state = REFER_WATCHED;
    r->told = r->answered = true; /* what there is to tell the two tell each other, and no BYE waits */
    start_timer(r, TRANSFER_WATCH_MS);
}

void refer_watch_again(struct refer *r)
{
    int64_t left = r->until_ms - now_ms(r);

    if (r->state != REFER_ANSWERED)
        r->state = REFER_WATCHED; /* how the new call goes was another run's to hear: it is looked up */
    start_timer(r, r->state == REFER_ANSWERED || left < REFER_LOOK_MS ? REFER_LOOK_MS : (uint64_t)left);
    list_watched(r);
}

void refer_unwatch(struct refer *r)
{
    if (!r->listed)
        return;
    spin_lock(&r->t->lock);
    map_remove(&r->t->watched, &r->watched);
    spin_unlock(&r->t->lock);
    r->listed = false;
    atomic_fetch_sub(&r->t->n_watched, 1);
}

struct refer *refer_by_serial(struct transfer *t, struct shard *sh, uint64_t serial)
{
    return MAP_OF(map_find(&t->shard[shard_index(sh)].by_serial, serial), struct refer, by_serial);
}

static void on_tiding(void *arg, struct shard *sh)
{
    struct tiding *g = arg;
    struct refer  *r = refer_by_serial(g->t, sh, g->serial);
    unsigned       code = g->code;

    mem_free(g->mem, g, sizeof *g);
    if (!r)
        return;
    if (r->told) {
        refer_end_early(r);
        refer_silent(r);
    } else if (!code && r->state == REFER_WATCHED) {
        shard_timer_stop(sh, &r->timer);
        r->state = REFER_CALLING;
        refer_note_write(r);
        refer_end_early(r);
    } else if (code && (r->state == REFER_CALLING || r->state == REFER_WATCHED)) {
        r->state = REFER_ANSWERED;
        r->code = code;
        start_timer(r, REFER_GRACE_MS);
        refer_note_write(r);
    }
}

/* The Replaces that this INVITE should have and lacks: some phones drop it (PROTOCOL 7.1). Under the lock: `room` is the
 * caller's. */
static void copy_replaces(const struct refer *r, const struct msg *m, struct buf *room)
{
    if (!msg_has(m, HDR_REPLACES))
        buf_put(room, r->replaces);
}

/* Who has transferred it, as a URI. Under the lock. */
static void copy_transferor(const struct refer *r, struct buf *room)
{
    struct name_addr na;

    if (name_addr_parse(r->from_value, &na) == ERR_OK)
        buf_put(room, na.uri);
}

static struct tiding *tiding_new(struct transfer *t, uint64_t serial, unsigned shard)
{
    struct tiding *g = mem_alloc(t->mem, sizeof *g);

    if (g)
        *g = (struct tiding){t, serial, shard, 0, t->mem};
    return g;
}

static void post(struct shard *sh, struct tiding *g)
{
    if (stack_run(shard_stack(sh), shard_worker(sh), g->shard, on_tiding, g))
        mem_free(g->mem, g, sizeof *g);
}

static void on_call_answered(void *arg, struct shard *sh, unsigned code)
{
    struct tiding *g = arg;

    g->code = code;
    post(sh, g);
}

static void on_call_dropped(void *arg)
{
    struct tiding *g = arg;

    mem_free(g->mem, g, sizeof *g);
}

void refer_watch_own(struct refer *r)
{
    list_watched(r);
}

static void refuse_own_call(struct shard *sh, const struct stack_in *in)
{
    struct stack_reply no = {.code = 403, .reason = S("The Exchange Makes This Call")};

    proxy_say(sh, msg_call_id(in->m), S("the transferee calls the target too late: the exchange has the transfer in hand (it did not "
                                        "answer the REFER in time)"));
    stack_reply(sh, in->tsx, &no);
}

static void add_replaces(struct shard *sh, const struct msg *m, struct slice replaces, struct proxy_caller *call)
{
    if (!replaces.n || arena_dup(shard_scratch(sh), replaces, &call->replaces))
        return;
    proxy_say(sh, msg_call_id(m), S("the transferee has dropped the Replaces that the REFER asked for: it is added"));
}

bool transfer_expects_calls(const struct transfer *t)
{
    return atomic_load_explicit(&t->n_watched, memory_order_relaxed) || atomic_load_explicit(&t->chain.until_ms, memory_order_relaxed);
}

bool transfer_sees_call(struct transfer *t, struct shard *sh, const struct stack_in *in, struct slice caller,
                        struct slice target, struct proxy_caller *call)
{
    struct tiding *begun = NULL, *later = NULL;
    bool           ours = false;
    uint64_t       pair;
    char           text[REFER_REPLACES_OCTETS];
    struct buf     replaces = BUF_ON(text);
    char           uri[URI_MAX_OCTETS];
    struct buf     transferor = BUF_ON(uri);

    if (in->m->method_id == METHOD_INVITE)
        refer_chain_sees(t, sh, &(struct chain_call){msg_call_id(in->m), caller, target});
    if (in->m->method_id != METHOD_INVITE || atomic_load_explicit(&t->n_watched, memory_order_relaxed) == 0)
        return false;
    pair = hash_pair(&refer_plain, caller, target);
    spin_lock(&t->lock);
    for (struct map_node *n = map_find(&t->watched, pair); n && !begun && !ours; n = map_find_next(n)) {
        struct refer *r = MAP_OF(n, struct refer, watched);

        if (!slice_eq(r->transferee, caller) || !slice_eq(r->target, target))
            continue;
        if ((ours = r->executed))
            continue;
        begun = tiding_new(t, r->serial, shard_index(r->sh));
        later = tiding_new(t, r->serial, shard_index(r->sh));
        copy_replaces(r, in->m, &replaces);
        copy_transferor(r, &transferor);
    }
    spin_unlock(&t->lock);
    if (begun && later) {
        post(sh, begun);
        call->watch = (struct proxy_watch){on_call_answered, on_call_dropped, later};
        add_replaces(sh, in->m, buf_slice(&replaces), call);
        if (arena_dup(shard_scratch(sh), buf_slice(&transferor), &call->transferred_by))
            call->transferred_by = SLICE_NONE;
        return false;
    }
    mem_free(t->mem, begun, sizeof *begun);
    mem_free(t->mem, later, sizeof *later);
    if (ours)
        refuse_own_call(sh, in);
    return ours;
}

/* --- what is seen in the dialog itself --- */

static bool is_of(const struct refer *r, const struct msg *m, bool *from_transferee)
{
    if (!slice_eq(r->call_id, msg_call_id(m)))
        return false;
    *from_transferee = slice_eq(msg_from_tag(m), r->to_tag) && slice_eq(msg_to_tag(m), r->from_tag);
    return *from_transferee || (slice_eq(msg_from_tag(m), r->from_tag) && slice_eq(msg_to_tag(m), r->to_tag));
}

/* With an id it is that REFER's; without, that of the dialog's first (RFC 3515 §2.4.6). */
static bool is_notify_for(const struct refer *r, const struct msg *m)
{
    struct event ev;
    uint32_t     id;

    if (m->method_id != METHOD_NOTIFY || msg_event(m, &ev) || !slice_ieq(ev.package, S("refer")))
        return false;
    if (ev.id.n == 0)
        return r->first;
    return slice_u32(ev.id, &id) == ERR_OK && id == r->refer_cseq;
}

/* A first NOTIFY comes before the call to the target, with most phones: that call is still waited for where something is to be
 * done with it (its Replaces, a call that only rings). One that says it failed, before it was begun, is not believed at once:
 * baresip says so when the transferor hangs up, and calls all the same. False: not so, or the NOTIFY is the last. */
static bool still_waits(struct refer *r, const struct msg *m)
{
    struct subscription_state state;
    struct sipfrag            frag = {0};
    bool                      last;

    if ((r->state != REFER_CARRIED && r->state != REFER_WATCHED) || (!r->replaces.n && !r->early.gen))
        return false;
    last = (!sipfrag_parse(m->body, &frag) && frag.status >= 200) ||
           (!msg_subscription_state(m, &state) && state.state == SUBSCRIPTION_TERMINATED);
    if (last && (frag.status < 300 || r->state == REFER_CARRIED))
        return false;
    if (last)
        start_timer(r, REFER_GRACE_MS);
    if (!r->told)
        refer_log(r, LOG_EVENT("transfer.done"), 0);
    r->told = true;
    refer_note_drop(r);
    return true;
}

/* The transferee has told the transferor itself: nothing is left for us to say. */
void refer_silent(struct refer *r)
{
    refer_unwatch(r);
    shard_timer_stop(r->sh, &r->timer);
    if (r->state != REFER_DONE && !r->told) /* a NOTIFY may be one of several */
        refer_log(r, LOG_EVENT("transfer.done"), 0);
    r->state = REFER_DONE;
    refer_note_drop(r);
    if (!r->open)
        refer_free(r);
}

/* It has taken the transfer after all, when the exchange had taken its dialog over: the exchange tells in its place. */
static void pass_report(struct refer *r, const struct stack_in *in)
{
    struct sipfrag frag;

    stack_reply_code(r->sh, in->tsx, 200);
    if (sipfrag_parse(in->m->body, &frag) || frag.status < 200)
        return;
    bridge_report(r->t->bridge, r->sh, r->call, frag.status);
    refer_silent(r);
}

static void note_cseq(struct refer *r, const struct msg *m, const struct proxy_within *w)
{
    struct cseq cseq;
    uint32_t    seen;

    if (msg_cseq(m, &cseq))
        return;
    seen = cseq.number + (w->id.gen ? w->record.side[w->from].shift : 0);
    if (seen <= r->seen_cseq)
        return;
    r->seen_cseq = seen;
    if (!r->told)
        refer_note_write(r);
}

bool transfer_sees(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    refer_note_revive(t, sh);
    for (struct refer *r = refer_first(t, sh, msg_call_id(in->m)), *next; r; r = next) {
        bool from_transferee;

        next = refer_next(r);
        if (!is_of(r, in->m, &from_transferee))
            continue;
        if (!from_transferee) {
            if (refer_holds(r, in))
                return true;
            continue;
        }
        note_cseq(r, in->m, w);
        if (!is_notify_for(r, in->m))
            continue;
        if (r->state == REFER_SPEAKING || r->state == REFER_SPOKEN || r->state == REFER_EXECUTED) { /* PROTOCOL 5.6: absorbed */
            stack_reply_code(sh, in->tsx, 200);
            return true;
        }
        if (r->call) {
            pass_report(r, in);
            return true;
        }
        if (!still_waits(r, in->m))
            refer_silent(r);
        return false;
    }
    return false;
}

/* side.c - the legs of a join: what they tell is posted to its shard, what it wants is run in theirs (PROTOCOL 3.4).
 *
 * Room      server/bridge.
 * In        the ua's callbacks; the other files.
 * Touches   the room's list of blocks; a shard's list of dialogs that were taken over. */
#include <string.h>

#include "server/bridge/bridge_priv.h"

void *bridge_block_new(struct bridge *b, size_t octets)
{
    struct block *k = mem_zalloc(b->config.mem, octets);

    if (!k)
        return NULL;
    k->octets = octets;
    spin_lock(&b->lock);
    list_append(&b->blocks, &k->node);
    spin_unlock(&b->lock);
    return k;
}

void bridge_block_free(struct bridge *b, void *block)
{
    struct block *k = block;

    if (!k)
        return;
    spin_lock(&b->lock);
    list_remove(&k->node);
    spin_unlock(&b->lock);
    mem_free(b->config.mem, k, k->octets);
}

/* Texts that come behind a struct: copied to `at` one after the other, *out[i] is where in[i] stands now. */
static void copy_behind(void *at, const struct slice *in, struct slice *const *out, size_t n)
{
    char *p = at;

    for (size_t i = 0; i < n; i++) {
        *out[i] = (struct slice){p, in[i].n};
        if (in[i].n)
            memcpy(p, in[i].p, in[i].n);
        p += in[i].n;
    }
}

/* ---- to the join ---- */

static void run_tiding(void *arg, struct shard *sh)
{
    struct tiding *t = arg;
    struct bridge *b = t->b;
    struct join   *j = join_find(b, sh, t->call);

    if (j)
        join_take(j, t);
    bridge_block_free(b, t);
}

/* Without memory the join waits for this in vain; its timer ends it. */
static void post(struct side *s, struct shard *sh, const struct tiding *what)
{
    struct tiding     *t = bridge_block_new(s->b, sizeof *t + what->text.n + what->more.n + what->last.n);
    const struct slice in[] = {what->text, what->more, what->last};
    struct block       block;

    if (!t)
        return;
    block = t->block;
    *t = *what;
    t->block.octets = block.octets;
    t->block.node = block.node;
    copy_behind(t + 1, in, (struct slice *[]){&t->text, &t->more, &t->last}, 3);
    t->b = s->b;
    t->call = s->call;
    t->key = s->key;
    if (stack_run(s->b->stack, shard_worker(sh), s->home, run_tiding, t))
        bridge_block_free(s->b, t);
}

static void tell(void *arg, struct leg *leg, const struct tiding *what)
{
    post(arg, leg_shard(leg), what);
}

/* How its dialog stands now, for the note. */
static void tell_dialog(void *arg, struct leg *leg)
{
    char       room[BRIDGE_END_OCTETS];
    struct buf b = BUF_ON(room);

    join_note_of_leg(leg, &b);
    if (b.n && !buf_err(&b))
        tell(arg, leg, &(struct tiding){.kind = TIDING_DIALOG, .text = buf_slice(&b)});
}

static void on_offer(void *arg, struct leg *leg, struct slice sdp)
{
    tell_dialog(arg, leg);
    tell(arg, leg, &(struct tiding){.kind = TIDING_OFFER, .text = sdp});
}

static void on_answer(void *arg, struct leg *leg, unsigned code, struct slice sdp)
{
    tell_dialog(arg, leg);
    tell(arg, leg, &(struct tiding){.kind = TIDING_ANSWER, .code = code, .text = sdp});
}

static void on_offer_again(void *arg, struct leg *leg)
{
    tell(arg, leg, &(struct tiding){.kind = TIDING_AGAIN});
}

static void on_up(void *arg, struct leg *leg)
{
    tell_dialog(arg, leg);
}

static unsigned on_refer(void *arg, struct leg *leg, const struct leg_refer_in *r)
{
    if (r->bye) /* there is nobody beside it to hang up on */
        return 603;
    tell(arg, leg, &(struct tiding){.kind = TIDING_REFER, .code = r->id, .text = r->target, .more = r->replaces,
                                    .last = r->referred_by});
    return 202;
}

static void on_info(void *arg, struct leg *leg, struct slice type, struct slice body)
{
    tell(arg, leg, &(struct tiding){.kind = TIDING_INFO, .text = type, .more = body});
}

static void on_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    tell(arg, leg, &(struct tiding){.kind = TIDING_ENDED, .code = end->why, .status = end->code, .text = end->contact,
                                    .more = end->reason_row});
}

static void side_free(struct side *s)
{
    if (s->direct) {
        list_remove(&s->node);
        atomic_fetch_sub(&s->b->n_direct, 1);
    }
    bridge_block_free(s->b, s);
}

static void on_gone(void *arg, struct leg *leg)
{
    (void)leg;
    side_free(arg);
}

/* No progress: early sound of the target is not passed on, the transferee hears our ringback. It would take a re-INVITE of the
 * transferee before it is sure who answers: its answer could not be told to the target before that one's 2xx, and there would
 * be no way back to the ringback when the target refuses and the transferor is rung. */
const struct leg_on side_on = {.offer = on_offer, .answer = on_answer, .offer_again = on_offer_again,
                               .up = on_up, .refer = on_refer, .info = on_info, .ended = on_ended, .gone = on_gone};

/* ---- legs ---- */

static struct side *side_new(struct bridge *b, const struct side_of *of, size_t more)
{
    struct side *s = bridge_block_new(b, sizeof *s + more);

    if (!s)
        return NULL;
    s->b = b;
    s->call = of->call;
    s->home = of->home;
    s->key = of->key;
    return s;
}

/* Requests in that dialog are the leg's from now on, whatever route they bring. */
static void list_direct(struct side *s, struct shard *sh, const struct dialog *d)
{
    const struct slice in[] = {d->call_id, d->local_tag, d->remote_tag};

    copy_behind(s + 1, in, (struct slice *[]){&s->call_id, &s->local_tag, &s->remote_tag}, 3);
    s->direct = true;
    list_append(&s->b->shard[shard_index(sh)].direct, &s->node);
    atomic_fetch_add(&s->b->n_direct, 1);
}

static struct side_of side_for(struct join *j, bool direct)
{
    return (struct side_of){j->serial, atomic_fetch_add(&j->b->serial, 1) + 1, shard_index(j->sh), direct};
}

static enum err adopt(struct bridge *b, struct shard *sh, const struct side_of *of, const struct bridge_end *from,
                      const struct leg_adopted *more, struct leg **out)
{
    struct side       *s = side_new(b, of, from->dialog.call_id.n + from->dialog.local.n + from->dialog.remote.n);
    struct leg_adopted a = *more;
    enum err           e;

    if (!s)
        return ERR_NOMEM;
    a.dialog = from->dialog;
    a.flow = from->flow;
    a.on = &side_on;
    a.arg = s;
    if ((e = leg_adopt(b->config.ua, sh, &a, out))) {
        bridge_block_free(b, s);
        return e;
    }
    if (of->direct)
        list_direct(s, sh, leg_dialog(*out));
    return ERR_OK;
}

enum err side_adopt(struct join *j, struct end *e, const struct bridge_end *from, const struct leg_adopted *more)
{
    struct side_of of = side_for(j, true);
    struct leg    *leg;
    enum err       err = adopt(j->b, j->sh, &of, from, more, &leg);

    if (err)
        return err;
    e->key = of.key;
    e->leg = leg_id(leg);
    e->there = true;
    e->flow = from->flow;
    tell_dialog(leg_arg(leg), leg);
    return ERR_OK;
}

void side_restore(struct bridge *b, struct shard *sh, const struct side_of *of, const struct bridge_end *from,
                  const struct leg_adopted *more)
{
    struct leg_adopted returned = *more;
    struct leg        *leg;
    struct side lost = {.b = b, .call = of->call, .key = of->key, .home = of->home};

    returned.returned = true;
    if (adopt(b, sh, of, from, &returned, &leg)) {
        post(&lost, sh, &(struct tiding){.kind = TIDING_ENDED, .code = LEG_BROKEN});
        return;
    }
    post(leg_arg(leg), sh, &(struct tiding){.kind = TIDING_ADOPTED, .leg = leg_id(leg)});
    tell_dialog(leg_arg(leg), leg);
}

void side_abandon(struct join *j, struct end *e)
{
    struct leg *leg = e->there ? leg_find(j->b->config.ua, j->sh, e->leg) : NULL;

    if (!leg)
        return;
    side_free(leg_arg(leg));
    leg_unadopt(leg);
    e->there = false;
}

enum err side_call(struct join *j, struct end *e, const struct leg_call *what)
{
    struct side_of  of = side_for(j, false);
    struct side    *s = side_new(j->b, &of, 0);
    struct leg_call c = *what;
    enum err        err;

    if (!s)
        return ERR_NOMEM;
    e->key = of.key;
    c.on = &side_on;
    c.arg = s;
    e->there = true;
    if ((err = leg_call(j->b->config.ua, shard_worker(j->sh), &c, &e->leg))) {
        bridge_block_free(j->b, s);
        e->key = 0;
        e->there = false;
    }
    return err;
}

bool bridge_has(struct bridge *b, struct shard *sh, const struct stack_in *in)
{
    struct slice       call_id = msg_call_id(in->m), from, to;
    const struct list *l = &b->shard[shard_index(sh)].direct;

    join_notes_revive(b, sh, call_id);
    if (atomic_load_explicit(&b->n_direct, memory_order_relaxed) == 0)
        return false;
    from = msg_from_tag(in->m);
    to = msg_to_tag(in->m);
    for (const struct list_node *n = list_first(l); n; n = list_next(l, n)) {
        const struct side *s = LIST_OF(n, struct side, node);

        if (slice_eq(s->call_id, call_id) && slice_eq(s->remote_tag, from) && slice_eq(s->local_tag, to))
            return true;
    }
    return false;
}

/* ---- to the legs ---- */

static void offer(struct leg *leg, const struct errand *x)
{
    enum err     e = leg_offer(leg, x->text);
    struct side *s;

    if (!e)
        return;
    s = leg_arg(leg);
    post(s, leg_shard(leg), &(struct tiding){.kind = e == ERR_BUSY ? TIDING_BUSY : TIDING_ANSWER, .code = 500});
}

static void run_errand(void *arg, struct leg *leg)
{
    struct errand *x = arg;

    if (leg)
        switch (x->kind) {
        case ERRAND_OFFER: offer(leg, x); break;
        case ERRAND_ACCEPT: (void)leg_accept_offer(leg, x->text); break; /* one that it has withdrawn meanwhile needs none */
        case ERRAND_REFUSE: (void)leg_refuse_offer(leg, x->code); break;
        case ERRAND_INFO: (void)leg_info(leg, x->text, x->more); break; /* it was answered 200: nobody waits for more */
        case ERRAND_END: leg_hang_up(leg, x->text); break;
        }
    bridge_block_free(x->b, x);
}

static struct errand *errand_new(struct bridge *b, struct slice text, struct slice more)
{
    struct errand     *x = bridge_block_new(b, sizeof *x + text.n + more.n);
    const struct slice in[] = {text, more};

    if (!x)
        return NULL;
    x->b = b;
    copy_behind(x + 1, in, (struct slice *[]){&x->text, &x->more}, 2);
    return x;
}

void join_end_do(struct join *j, struct end *e, enum errand_kind kind, unsigned code, struct slice text, struct slice more)
{
    struct errand *x;

    if (!e->key || !e->there || !(x = errand_new(j->b, text, more)))
        return;
    x->kind = kind;
    x->code = code;
    if (leg_id_eq(e->leg, LEG_NONE)) { /* not back yet: the last wish counts */
        bridge_block_free(j->b, e->waiting);
        e->waiting = x;
        return;
    }
    if (leg_do(j->b->config.ua, shard_worker(j->sh), e->leg, run_errand, x))
        bridge_block_free(j->b, x);
}

void side_resume(struct join *j, struct end *e)
{
    struct errand *x = e->waiting;

    e->waiting = NULL;
    if (x && leg_do(j->b->config.ua, shard_worker(j->sh), e->leg, run_errand, x))
        bridge_block_free(j->b, x);
}

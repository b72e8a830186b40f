/* bring.c - a call that rings is brought to who picks it up, where its caller cannot do Replaces: his phone becomes one more
 * target of the caller's INVITE.
 *
 * Room      server/proxy.
 * In        new.c (the caller has shown that it cannot, or is no phone of ours), answer.c (it has said so: 420).
 * Touches   forks of two shards, each in its own: what one has to tell the other is an errand, posted. px->errands: those that
 *           are on their way, or belong to a branch.
 *
 *   who picks up           strowger            caller
 *     |-- INVITE *8... ----->|<---- INVITE ------|   which rings elsewhere
 *     |<-- 180 --------------|                   |
 *     |<-- INVITE -----------|                   |   the caller's, with Replaces of that 180's dialog: the phone takes it, and
 *     |--- 200 ------------->|------ 200 ------->|   gives its own up (RFC 3891 §3: it has begun that dialog). One that cannot
 *     |--- CANCEL, 487 ----->|                   |   do that either is refused first, and told to answer by itself */
#include <string.h>

#include "server/proxy/proxy_priv.h"

enum { TAG_OCTETS = STACK_TOKEN_OCTETS, FORGOTTEN_MS = 240000 }; /* longer than a branch rings */

/* To the shard of the call that rings, and with `code` back to who picks it up. */
struct errand {
    struct list_node node;  /* of px->errands */
    struct proxy    *px;
    struct mem      *mem;
    unsigned         home;  /* shard of who picks up, */
    struct tsx_id    server; /* and its INVITE; none: that has its answer */
    struct dialog_id record; /* of the call that rings */
    unsigned         code;
    struct flow      flow;   /* to the phone that picks up */
    struct slice     aor, contact, replaces; /* behind it; replaces empty: it is to answer by itself */
    size_t           octets;
};

static void errand_free(struct errand *e)
{
    spin_lock(&e->px->errands_lock);
    list_remove(&e->node);
    spin_unlock(&e->px->errands_lock);
    mem_free(e->mem, e, e->octets);
}

void bring_close(struct proxy *px)
{
    for (struct list_node *n; (n = list_first(&px->errands));)
        errand_free(LIST_OF(n, struct errand, node));
}

static struct errand *errand_new(struct fork *f, struct slice contact, struct slice replaces)
{
    size_t         octets = sizeof(struct errand) + f->caller.n + contact.n + replaces.n;
    struct errand *e = mem_zalloc(f->px->mem, octets);
    struct slice   texts[3] = {f->caller, contact, replaces}, *to[3];
    struct buf     b;

    if (!e)
        return NULL;
    *e = (struct errand){.px = f->px, .mem = f->px->mem, .home = shard_index(f->sh), .server = f->server, .record = f->picked,
                         .flow = f->upstream, .octets = octets};
    to[0] = &e->aor, to[1] = &e->contact, to[2] = &e->replaces;
    buf_init(&b, (char *)(e + 1), octets - sizeof *e);
    for (size_t i = 0; i < 3; i++) {
        *to[i] = (struct slice){b.p + b.n, texts[i].n};
        buf_put(&b, texts[i]);
    }
    spin_lock(&f->px->errands_lock);
    list_append(&f->px->errands, &e->node);
    spin_unlock(&f->px->errands_lock);
    return e;
}

/* ---- how it went: in the shard of who picks up ---- */

static void answer(struct fork *f, unsigned code)
{
    fork_own_answer(f, code);
    fork_release(f);
}

static void on_told(void *arg, struct shard *sh)
{
    struct errand *e = arg;
    struct fork   *f = fork_find(e->px, sh, e->server);
    unsigned       code = e->code;

    errand_free(e);
    if (!f || f->state != FORK_OPEN || !f->bring)
        return; /* it has given its own call up, as it should */
    f->bring = false;
    answer(f, code < 300 ? 487 : code == 487 ? 480 : code);
}

/* Nobody has said how it went, for want of memory. */
static void on_forgotten(void *arg)
{
    struct fork *f = arg;

    if (f->state == FORK_OPEN && f->bring)
        answer(f, 480);
}

static void tell(struct errand *e, struct shard *sh, unsigned code)
{
    struct stack *st = shard_stack(sh);

    e->code = code;
    if (tsx_is_none(e->server) || stack_run(st, shard_worker(sh), e->home, on_told, e))
        errand_free(e);
}

void pickup_brought(struct branch *b, unsigned code)
{
    struct errand *e = b->errand;

    b->errand = NULL;
    if (e)
        tell(e, b->fork->sh, code);
}

/* ---- brought: in the shard of the call that rings ---- */

static bool is_record(struct dialog_id a, struct dialog_id b)
{
    return a.gen == b.gen && a.slot == b.slot;
}

static bool has_record(const struct fork *f, struct dialog_id id)
{
    if (is_record(f->record, id))
        return true;
    for (size_t i = 0; i < f->n_branches; i++)
        if (is_record(f->branch[i]->record, id))
            return true;
    return false;
}

/* The INVITE that rings there; NULL: not any more. */
static struct fork *ringing(struct proxy *px, struct shard *sh, struct dialog_id record)
{
    struct list *forks = &px->shard[shard_index(sh)].forks;

    for (struct list_node *n = list_first(forks); n; n = list_next(forks, n)) {
        struct fork *f = LIST_OF(n, struct fork, node);

        if (!f->within && f->state == FORK_OPEN && has_record(f, record))
            return f;
    }
    return NULL;
}

static enum err add_target(struct fork *f, struct errand *e)
{
    struct plan_binding pb = {.aor = e->aor, .contact = e->contact, .flow = proxy_flow_octets(&e->flow), .q = 1000};
    struct branch      *b;
    enum err            err = fork_add_binding(f, &pb, f->group);

    if (err)
        return err;
    b = f->branch[f->n_branches - 1];
    b->intercom = e->replaces.n == 0;
    b->breadth = 1;
    if (!(err = branch_keep(b, FORK_PICKED_UP, e->replaces)))
        err = fork_start_branch(f, b);
    if (err)
        b->state = BRANCH_DONE;
    else
        b->errand = e;
    return err;
}

static void on_brought(void *arg, struct shard *sh)
{
    struct errand *e = arg;
    struct fork   *f = ringing(e->px, sh, e->record);

    if (!f || add_target(f, e)) {
        tell(e, sh, 480);
        return;
    }
    proxy_say(sh, f->call_id, S("somebody picks this call up, and the caller's phone cannot do Replaces: the phone of who picks up "
                                "is called too"));
}

static void on_withdrawn(void *arg, struct shard *sh)
{
    struct errand *e = arg;
    struct fork   *f = ringing(e->px, sh, e->record);

    for (size_t i = 0; f && i < f->n_branches; i++) {
        struct branch *b = f->branch[i];

        if (b->errand && b->errand->home == e->home && tsx_eq(b->errand->server, e->server))
            branch_cancel(b, SLICE_NONE);
    }
    errand_free(e);
}

/* ---- asked for: in the shard of who picks up ---- */

/* It rings, so that there is a dialog which the call can take the place of. *replaces is that, in the scratch arena. */
static enum err make_dialog(struct fork *f, const struct msg *m, struct slice *replaces)
{
    char              tag[TAG_OCTETS];
    struct buf        t = BUF_ON(tag), row, value;
    struct dialog_ref ref = {.call_id = f->call_id, .to_tag = f->caller_tag, .early_only = true};
    enum err          e;

    stack_put_token(shard_rng(f->sh), &t);
    ref.from_tag = buf_slice(&t);
    if ((e = proxy_scratch(f->sh, m->uri.n + 32, &row)) ||
        (e = proxy_scratch(f->sh, ref.call_id.n + ref.to_tag.n + ref.from_tag.n + 64, &value)))
        return e;
    buf_puts(&row, S("Contact: <"), m->uri, S(">\r\n"));
    dialog_ref_put(&value, HDR_REPLACES, &ref);
    *replaces = buf_slice(&value);
    if ((e = buf_err(&row)) || (e = buf_err(&value)))
        return e;
    return stack_reply(f->sh, f->server, &(struct stack_reply){.code = 180, .to_tag = ref.from_tag, .rows = buf_slice(&row)});
}

static enum err post(struct fork *f, struct slice contact, struct slice replaces, bool withdraw)
{
    struct stack  *st = shard_stack(f->sh);
    struct errand *e = errand_new(f, contact, replaces);
    enum err       err;

    if (!e)
        return ERR_NOMEM;
    if (!withdraw && !replaces.n)
        e->server = (struct tsx_id){0};
    err = stack_run(st, shard_worker(f->sh), stack_shard_of(st, fork_text(f, FORK_PICKED_CALL)), withdraw ? on_withdrawn : on_brought, e);
    if (err)
        errand_free(e);
    return err;
}

bool pickup_bring(struct fork *f)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    struct slice           replaces = SLICE_NONE;
    struct name_addr       contact;

    if (!in || msg_name_addr(in->m, HDR_CONTACT, &contact))
        return false;
    if (msg_has_token(in->m, HDR_SUPPORTED, S("replaces")) && make_dialog(f, in->m, &replaces))
        return false;
    if (post(f, contact.uri, replaces, false))
        return false;
    proxy_say(f->sh, f->call_id, S("the phone of the call that rings cannot do Replaces: that call is brought here, as a call to this phone"));
    f->bring = true;
    f->best = SLICE_NONE;
    f->best_code = 0;
    f->ring_timer.fire = on_forgotten;
    f->ring_timer.arg = f;
    if (replaces.n)
        shard_timer_start(f->sh, &f->ring_timer, FORGOTTEN_MS);
    else
        answer(f, 480);
    return true;
}

void pickup_withdraw(struct fork *f)
{
    f->bring = false;
    (void)post(f, SLICE_NONE, SLICE_NONE, true); /* without memory it rings at the phone until somebody answers */
}

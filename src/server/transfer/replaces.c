/* replaces.c - the call that an attended transfer names: found, put right, or left out (RFC 3891; PROTOCOL 7.1, 7.2).
 *
 * Room      server/transfer.
 * In        transfer.c, with the REFER.
 * Touches   r->refer_to, r->replaces, r->early; server/dialogs only to read. */
#include "server/transfer/transfer_priv.h"

struct named {
    struct slice         cur;      /* the Refer-To value as it goes on so far    */
    struct uri           uri;
    struct slice         escaped;  /* value of its Replaces, in `cur`            */
    struct dialog_ref    ref;
    struct dialog_id     id;
    struct dialog_record rec;
    enum dialog_side     target;   /* the side that is to be called              */
};

static enum err read_refer_to(struct refer *r, struct named *n)
{
    struct arena    *a = shard_scratch(r->sh);
    struct name_addr na;
    struct buf       b;
    char            *room;

    n->cur = r->refer_to.n ? r->refer_to : r->refer_to_value;
    if (name_addr_parse(n->cur, &na) || uri_parse(na.uri, &n->uri, NULL) || uri_header(&n->uri, S("Replaces"), &n->escaped))
        return ERR_NOTFOUND;
    if (!(room = arena_alloc(a, n->escaped.n)))
        return ERR_NOMEM;
    buf_init(&b, room, n->escaped.n);
    uri_put_unescaped(&b, n->escaped);
    if (dialog_ref_parse(HDR_REPLACES, buf_slice(&b), &n->ref))
        n->ref = (struct dialog_ref){.call_id = slice_to(buf_slice(&b), slice_find(buf_slice(&b), ';'))};
    return ERR_OK;
}

/* Is there such a call, and is it not the transferor's own end that the tags would have called (they are swapped then)? */
static bool is_right(struct refer *r, struct slice transferor, struct named *n)
{
    struct dialog_key   key = {.call_id = n->ref.call_id, .from_tag = n->ref.to_tag, .to_tag = n->ref.from_tag};
    const struct slice *to, *from;

    if (!n->ref.to_tag.n || !n->ref.from_tag.n ||
        dialogs_find(proxy_dialogs(r->t->proxy), &key, shard_scratch(r->sh), &n->id, &n->target, &n->rec))
        return false;
    to = &n->rec.side[n->target].number;
    from = &n->rec.side[dialogs_other(n->target)].number;
    return !transferor.n || !slice_eq(*to, transferor) || slice_eq(*from, transferor);
}

/* ---- which one may have been meant ---- */

struct search {
    struct refer    *r;
    struct slice     transferor, call_id; /* call_id empty: any, with the target's number */
    size_t           n_found;
    struct dialog_id id;
};

static bool look_at(void *arg, struct dialog_id id, const struct dialog_record *d)
{
    struct search   *s = arg;
    enum dialog_side its = slice_eq(d->side[DIALOG_CALLER].number, s->transferor) ? DIALOG_CALLER : DIALOG_CALLEE;
    struct slice     other = d->side[dialogs_other(its)].number;

    if ((id.slot == s->r->dialog.slot && id.gen == s->r->dialog.gen) || d->state == DIALOG_ENDED || !d->side[DIALOG_CALLEE].tag.n ||
        (s->call_id.n ? !slice_eq(d->call_id, s->call_id) : !slice_eq(other, s->r->target)))
        return true;
    s->n_found++;
    s->id = id;
    return true;
}

/* Exactly one call of the transferor's fits: by its Call-ID, else by whom it is with. */
static bool find_meant(struct refer *r, struct slice transferor, struct named *n)
{
    struct dialogs *d = proxy_dialogs(r->t->proxy);
    struct search   s = {.r = r, .transferor = transferor, .call_id = n->ref.call_id};

    if (!transferor.n || dialogs_each_of(d, transferor, look_at, &s))
        return false;
    if (s.n_found == 0 && r->target.n) {
        s.call_id = SLICE_NONE;
        if (dialogs_each_of(d, transferor, look_at, &s))
            return false;
    }
    if (s.n_found != 1 || dialogs_get(d, s.id, shard_scratch(r->sh), &n->rec))
        return false;
    n->id = s.id;
    n->target = slice_eq(n->rec.side[DIALOG_CALLER].number, transferor) ? DIALOG_CALLEE : DIALOG_CALLER;
    return true;
}

/* ---- as it goes on ---- */

/* `cur` with other octets in place of `span` of it. */
static void change(struct refer *r, const struct named *n, struct slice span, struct slice with)
{
    size_t      cap = n->cur.n + with.n;
    char       *room = arena_alloc(&r->arena, cap);
    struct buf  b;

    if (!room)
        return;
    buf_init(&b, room, cap);
    buf_puts(&b, slice_between(n->cur.p, span.p), with, slice_between(span.p + span.n, n->cur.p + n->cur.n));
    r->refer_to = buf_slice(&b);
}

static void repair(struct refer *r, struct named *n)
{
    const struct dialog_party *to = &n->rec.side[n->target], *from = &n->rec.side[dialogs_other(n->target)];
    size_t                     cap = 4 * (n->rec.call_id.n + to->tag.n + from->tag.n) + 64;
    char                      *room = arena_alloc(shard_scratch(r->sh), 2 * cap);
    struct buf                 plain, escaped;

    if (!room)
        return;
    n->ref = (struct dialog_ref){.call_id = n->rec.call_id, .to_tag = to->tag, .from_tag = from->tag, .early_only = n->ref.early_only};
    buf_init(&plain, room, cap);
    buf_init(&escaped, room + cap, cap);
    dialog_ref_put(&plain, HDR_REPLACES, &n->ref);
    uri_put_escaped_header(&escaped, buf_slice(&plain));
    change(r, n, n->escaped, buf_slice(&escaped));
    refer_reason(r, S("the Replaces in Refer-To names no call as it is written: exactly one call of the transferor's fits, and it is put "
                      "right (RFC 3891 section 3)"));
}

/* RFC 3891 §3: a call that rings cannot be taken over from its callee: it is called like anyone, and rings on. */
static void leave_out(struct refer *r, struct named *n)
{
    struct slice span = slice_between(n->escaped.p - sizeof "Replaces", n->escaped.p + n->escaped.n);
    const char  *end = n->cur.p + n->cur.n;

    if (span.p + span.n < end && span.p[span.n] == '&')
        span.n++; /* others follow */
    else
        span = slice_between(span.p - 1, span.p + span.n); /* with the '?' or '&' before it */
    change(r, n, span, SLICE_NONE);
    r->early = n->id;
    if (arena_dup(&r->arena, n->rec.call_id, &r->early_call_id))
        r->early.gen = 0;
    refer_reason(r, S("the call that is to be replaced only rings: it is left out, the target is called, and the transferor's own call "
                      "to it ends when that begins (RFC 3891 section 3)"));
}

static void keep_replaces(struct refer *r, const struct named *n)
{
    char       text[REFER_REPLACES_OCTETS];
    struct buf b = BUF_ON(text);

    dialog_ref_put(&b, HDR_REPLACES, &n->ref);
    if (!buf_err(&b))
        (void)arena_dup(&r->arena, buf_slice(&b), &r->replaces); /* then it only cannot be added where it is dropped */
}

void refer_fit_replaces(struct refer *r)
{
    struct dialog_record own;
    struct named        *n = arena_zalloc(shard_scratch(r->sh), sizeof *n);
    struct slice         transferor = SLICE_NONE;

    if (!n || read_refer_to(r, n))
        return;
    if (dialogs_get(proxy_dialogs(r->t->proxy), r->dialog, shard_scratch(r->sh), &own) == ERR_OK)
        transferor = own.side[r->from].number;
    if (!is_right(r, transferor, n)) {
        if (!find_meant(r, transferor, n))
            return; /* none of ours, perhaps: the target will know */
        repair(r, n);
        if (read_refer_to(r, n) || !is_right(r, transferor, n))
            return;
    }
    if (n->rec.state == DIALOG_EARLY && n->target == DIALOG_CALLEE)
        leave_out(r, n);
    else
        keep_replaces(r, n);
    if (n->rec.state != DIALOG_CONFIRMED || n->rec.side[n->target].own) /* an end of our own is called by its number */
        return;
    r->named = n->id;
    r->named_side = n->target;
    r->no_replaces = n->rec.side[n->target].no_replaces;
}

/* ---- a call that rings, and is given up ---- */

struct giving_up {
    struct proxy    *proxy;
    struct mem      *mem;
    struct dialog_id id;
};

static void run_giving_up(void *arg, struct shard *sh)
{
    struct giving_up *g = arg;

    (void)proxy_give_up(g->proxy, sh, g->id, S("transfer")); /* it may have ended by itself */
    mem_free(g->mem, g, sizeof *g);
}

void refer_end_early(struct refer *r)
{
    struct giving_up *g = r->early.gen ? mem_alloc(r->t->mem, sizeof *g) : NULL;
    struct stack     *st = shard_stack(r->sh);

    if (!g)
        return; /* its caller gives it up, or it is not answered */
    *g = (struct giving_up){r->t->proxy, r->t->mem, r->early};
    r->early.gen = 0;
    if (stack_run(st, shard_worker(r->sh), stack_shard_of(st, r->early_call_id), run_giving_up, g))
        mem_free(r->t->mem, g, sizeof *g);
}

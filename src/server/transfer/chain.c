/* chain.c - transfers that only come round: a call that has been transferred so often that no person does it, and one that is
 * sent to itself. They end with a clear refusal (482), and not when the phones are tired of it.
 *
 * Room      server/transfer.
 * In        transfer.c with each REFER, and with each new call of a phone.
 * Touches   t->chain: the calls that came of a transfer, the oldest forgotten first, under a lock of its own. Not kept over a
 *           restart: then a circle is counted anew.
 *
 * Two machines that transfer to each other make a call of each REFER: that call is as deep as the one which was transferred,
 * and one more. Which call a REFER has made is known by who calls whom, in any mode (Referred-By can be left out, or be old). */
#include "server/transfer/transfer_priv.h"

static int64_t now_ms(struct shard *sh)
{
    return (int64_t)(net_wall_us(shard_net(sh)) / 1000);
}

enum err refer_chain_open(struct transfer *t)
{
    enum err e = map_init(&t->chain.expected, t->mem, CHAIN_LINKS);

    return e ? e : map_init(&t->chain.calls, t->mem, CHAIN_LINKS);
}

void refer_chain_close(struct transfer *t)
{
    map_close(&t->chain.expected);
    map_close(&t->chain.calls);
}

static unsigned depth_of(struct transfer *t, struct slice call_id)
{
    struct chain            *c = &t->chain;
    const struct chain_link *l;
    uint64_t                 call;
    unsigned                 depth;

    if (!atomic_load(&c->until_ms))
        return 0; /* there has been no transfer yet */
    call = hash_name(&refer_plain, call_id);
    spin_lock(&c->lock);
    l = MAP_OF(map_find(&c->calls, call), const struct chain_link, node);
    depth = l ? l->depth : 0;
    spin_unlock(&c->lock);
    return depth;
}

static void expect(struct transfer *t, struct shard *sh, uint64_t pair, unsigned depth)
{
    struct chain      *c = &t->chain;
    struct chain_link *l = &c->link[c->next];
    int64_t            until = now_ms(sh) + CHAIN_WAIT_MS;

    spin_lock(&c->lock);
    if (l->depth)
        map_remove(l->has_come ? &c->calls : &c->expected, &l->node);
    *l = (struct chain_link){.until_ms = until, .depth = depth};
    map_insert(&c->expected, &l->node, pair);
    c->next = (c->next + 1) % CHAIN_LINKS;
    atomic_store(&c->until_ms, until);
    spin_unlock(&c->lock);
}

/* Has that number no phone but the one that would call it? */
static bool has_one_phone(struct transfer *t, struct shard *sh, struct slice number)
{
    struct location_binding *list;
    size_t                   n = 0;

    return location_lookup(proxy_location(t->proxy), number, now_ms(sh), shard_scratch(sh), &list, &n) == ERR_OK && n == 1;
}

static void refuse(struct shard *sh, const struct stack_in *in, struct slice reason, struct slice why)
{
    struct stack_reply no = {.code = 482, .reason = reason};

    proxy_say(sh, msg_call_id(in->m), why);
    stack_reply(sh, in->tsx, &no);
}

bool refer_goes_round(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                   const struct uri *target)
{
    struct slice transferee = w->id.gen ? w->record.side[dialogs_other(w->from)].number : SLICE_NONE, method, replaces;
    char         number[DIRECTORY_MAX_NUMBER * 3];
    struct buf   b = BUF_ON(number);
    unsigned     depth;

    refer_put_number(t, target, &b);
    if (!b.n || !transferee.n || (uri_param(target, S("method"), &method) == ERR_OK && !slice_ieq(method, S("INVITE"))))
        return false;
    if (slice_eq(buf_slice(&b), transferee) && uri_header(target, S("Replaces"), &replaces) && has_one_phone(t, sh, transferee)) {
        refuse(sh, in, S("Loop Detected: It Would Call Itself"),
               S("the REFER sends the transferee to its own number, where there is no other phone: it is refused with 482, since the call "
                 "could only come round (RFC 3515 section 2.4.2)"));
        return true;
    }
    if ((depth = depth_of(t, msg_call_id(in->m))) >= CHAIN_MAX) {
        refuse(sh, in, S("Loop Detected: Transferred Too Often"),
               S("this call has been transferred ten times already: the REFER is refused with 482, since it goes in a circle (RFC 3515 "
                 "section 2.4.2)"));
        return true;
    }
    expect(t, sh, hash_pair(&refer_plain, transferee, buf_slice(&b)), depth + 1);
    return false;
}

void refer_chain_sees(struct transfer *t, struct shard *sh, const struct chain_call *call)
{
    struct chain *c = &t->chain;
    int64_t       now;
    uint64_t      pair, its;

    if (!call->caller.n || !atomic_load(&c->until_ms) || (now = now_ms(sh)) > atomic_load(&c->until_ms))
        return;
    pair = hash_pair(&refer_plain, call->caller, call->target);
    its = hash_name(&refer_plain, call->call_id);
    spin_lock(&c->lock);
    for (struct map_node *n = map_find(&c->expected, pair); n; n = map_find_next(n)) {
        struct chain_link *l = MAP_OF(n, struct chain_link, node);

        if (l->until_ms < now)
            continue;
        map_remove(&c->expected, n);
        map_insert(&c->calls, n, its);
        l->has_come = true;
        break;
    }
    spin_unlock(&c->lock);
}

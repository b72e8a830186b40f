/* again.c - a phone whose connection has gone: where it is back, and waiting until it is (PROTOCOL 4.4).
 *
 * Room      server/proxy.
 * In        fork.c, within.c, answer.c: before something is sent by a stream, and when that has failed.
 * Touches   a branch: its state AWAY, its timer. Datagrams need none of this: they reach the phone where it was.
 *
 * After a restart of the exchange, or a break in the network, phones open new connections and register there. Until then
 * what is for them inside a dialog waits, as long as a transaction may; a new call waits only for a binding that was found
 * at the start, since a phone that has just closed its connection may as well be switched off. */
#include "server/proxy/proxy_priv.h"

static bool is_same_phone(const struct again *a, const struct flow *gone, const struct location_binding *b, const struct flow *flow)
{
    struct uri ua, ub;

    if (a->instance.n)
        return slice_ieq(a->instance, b->instance);
    if (slice_eq(a->contact, b->contact))
        return true;
    if (uri_parse(a->contact, &ua, NULL) == ERR_OK && uri_parse(b->contact, &ub, NULL) == ERR_OK && uri_equal(&ua, &ub))
        return true;
    return addr_same_ip(&gone->remote, &flow->remote); /* its Contact names the port of its connection */
}

enum err again_find(struct proxy *px, struct shard *sh, const struct again *a, struct flow *flow)
{
    struct location_binding *list, one;
    int64_t                  now = (int64_t)proxy_wall_ms(sh), newest = -1;
    struct flow              found = {0};
    size_t                   n = 0;
    enum err                 e;

    if (!a->aor.n) {
        if ((e = location_by_contact(px->location, a->contact, now, shard_scratch(sh), &one)))
            return e;
        list = &one;
        n = 1;
    } else if ((e = location_lookup(px->location, a->aor, now, shard_scratch(sh), &list, &n)))
        return e;
    for (size_t i = 0; i < n; i++) {
        struct flow f;

        if (list[i].flow_state != LOCATION_FLOW_LIVE || list[i].registered_ms <= newest || !proxy_flow_of(list[i].flow, &f) ||
            !is_same_phone(a, flow, &list[i], &f))
            continue;
        newest = list[i].registered_ms;
        found = f;
    }
    if (newest < 0 || flow_eq(&found, flow)) /* not back: it is still thought to be there */
        return ERR_NOTFOUND;
    *flow = found;
    return ERR_OK;
}

static bool is_stream(const struct flow *f)
{
    return !flow_is_none(f) && transport_is_reliable((enum transport_kind)f->kind);
}

void again_prefer(struct proxy *px, struct shard *sh, struct slice aor, struct slice contact, struct flow *flow)
{
    if (is_stream(flow))
        again_find(px, sh, &(struct again){.aor = aor, .contact = contact}, flow);
}

/* ---- a branch waits ---- */

static void look(struct branch *b);

static void on_timer(void *arg)
{
    look(arg);
}

static void wait(struct branch *b)
{
    b->timer.fire = on_timer;
    b->timer.arg = b;
    shard_timer_start(b->fork->sh, &b->timer, RETRY_FLOW_MS);
}

static void look(struct branch *b)
{
    struct fork *f = b->fork;

    if (again_find(f->px, f->sh, &b->again, &b->flow) == ERR_OK) {
        proxy_say(f->sh, f->call_id, S("the phone is back on another connection"));
        b->state = BRANCH_WAITING;
        if ((f->within ? within_start_again(f) : fork_start_branch(f, b)) != ERR_OK)
            branch_done(b, 430);
        return;
    }
    if (shard_now_ms(f->sh) >= b->again.until_ms)
        branch_done(b, 430);
    else
        wait(b);
}

bool again_wait(struct branch *b)
{
    struct fork *f = b->fork;
    uint64_t     now = shard_now_ms(f->sh);

    if (!b->again.may || !is_stream(&b->flow) || f->state != FORK_OPEN)
        return false;
    if (!b->again.until_ms)
        b->again.until_ms = now + AGAIN_MS;
    if (now >= b->again.until_ms)
        return false;
    proxy_say(f->sh, f->call_id, S("the phone's connection is gone: its return is waited for"));
    b->state = BRANCH_AWAY;
    wait(b);
    return true;
}

/* leg.c - a leg's life: made, found, over, gone.
 *
 * Room      ua. What happens in between is in uac.c, uas.c, within.c, offer.c, refer.c.
 * Touches   legs and the tables of their shard.
 * Must hold a leg is freed from its own timer only (leg_settle), never from inside a function that works on it. */
#include "ua/ua_priv.h"

static uint64_t hash_id(uint64_t n)
{
    return n * 0x9e3779b97f4a7c15u; /* our own numbers, one after the other: spread them over the buckets */
}

static void bury(void *arg);

static void again(void *arg)
{
    struct leg *leg = arg;

    if (leg->state == LEG_RINGING)
        uas_ring_again(leg);
    else if (leg->state == LEG_UP && leg->glare_refresh)
        session_refresh(leg);
    else if (leg->state == LEG_UP)
        offer_again(leg);
}

enum err leg_alloc(struct ua *ua, struct leg **out)
{
    struct leg *leg;

    if (atomic_load(&ua->n_legs) >= UA_MAX_LEGS)
        return ERR_FULL;
    if (!(leg = mem_zalloc(ua->config.mem, sizeof *leg)))
        return ERR_NOMEM;
    leg->ua = ua;
    leg->n = atomic_fetch_add(&ua->last_id, 1) + 1;
    leg->bury = (struct wheel_timer){.fire = bury, .arg = leg};
    leg->again = (struct wheel_timer){.fire = again, .arg = leg};
    leg->patience = (struct wheel_timer){.fire = leg_out_of_patience, .arg = leg};
    leg->accepted.timer = (struct wheel_timer){.fire = uas_accepted_again, .arg = leg};
    leg->reliable.timer = (struct wheel_timer){.fire = reliable_fire, .arg = leg};
    leg->session.timer = (struct wheel_timer){.fire = session_fire, .arg = leg};
    list_init(&leg->requests);
    list_init(&leg->refers);
    atomic_fetch_add(&ua->n_legs, 1);
    *out = leg;
    return ERR_OK;
}

void leg_place(struct leg *leg, struct shard *sh, struct slice call_id)
{
    struct ua_shard *us = ua_shard_of(leg->ua, sh);

    leg->sh = sh;
    leg->call_id = call_id;
    arena_init(&leg->arena, shard_mem(sh), LEG_ARENA_OCTETS, LEG_MAX_ARENA_OCTETS);
    map_insert(&us->by_call, &leg->by_call, hash_octets(&leg->ua->config.key, call_id));
    map_insert(&us->by_id, &leg->by_id, hash_id(leg->n));
}

static void stop_timers(struct leg *leg)
{
    shard_timer_stop(leg->sh, &leg->again);
    shard_timer_stop(leg->sh, &leg->accepted.timer);
    shard_timer_stop(leg->sh, &leg->reliable.timer);
    shard_timer_stop(leg->sh, &leg->session.timer);
    shard_timer_stop(leg->sh, &leg->patience);
    shard_timer_stop(leg->sh, &leg->bury);
}

static void free_lists(struct leg *leg)
{
    struct list_node *node;

    while ((node = list_first(&leg->refers)))
        refer_close(LIST_OF(node, struct refer, node));
    while ((node = list_first(&leg->requests)))
        leg_request_free(LIST_OF(node, struct leg_request, node));
}

static void displace(struct leg *leg)
{
    struct ua_shard *us = ua_shard_of(leg->ua, leg->sh);
    struct mem *mem = leg_mem(leg);

    stop_timers(leg);
    free_lists(leg);
    map_remove(&us->by_call, &leg->by_call);
    map_remove(&us->by_id, &leg->by_id);
    text_free(mem, &leg->accepted.octets);
    text_free(mem, &leg->provisional);
    text_free(mem, &leg->said);
    reliable_free(leg);
    text_free(mem, &leg->peer_supported);
    arena_close(&leg->arena);
}

void leg_free(struct leg *leg)
{
    struct ua *ua = leg->ua;

    if (leg->sh)
        displace(leg);
    text_free(ua->config.mem, &leg->call_id_room);
    mem_free(ua->config.mem, leg, sizeof *leg);
    atomic_fetch_sub(&ua->n_legs, 1);
}

static void bury(void *arg)
{
    struct leg *leg = arg;

    if (leg->attached && leg->on->gone)
        leg->on->gone(leg->arg, leg);
    leg_free(leg);
}

void leg_enter(struct leg *leg, enum leg_state state)
{
    leg->state = state;
    shard_timer_stop(leg->sh, &leg->again);
    shard_timer_stop(leg->sh, &leg->patience);
    if (state == LEG_CALLING || state == LEG_RINGING)
        shard_timer_start(leg->sh, &leg->patience, 1000 * (leg->is_uac ? UA_PATIENCE_S : UA_ALERT_S));
    if (state != LEG_RINGING)
        shard_timer_stop(leg->sh, &leg->reliable.timer);
    if (state == LEG_OVER)
        shard_timer_stop(leg->sh, &leg->session.timer);
}

void leg_tell_end(struct leg *leg, const struct leg_end *end)
{
    if (leg->told)
        return;
    leg->told = true;
    uac_cancel(leg, SLICE_NONE); /* an INVITE of ours that is still out would wait for its answer for ever */
    leg_enter(leg, LEG_OVER);
    leg->oa = OA_IDLE;
    if (leg->attached)
        leg->on->ended(leg->arg, leg, end);
    leg_settle(leg);
}

void leg_settle(struct leg *leg)
{
    if (!leg->told || !list_empty(&leg->requests) || !list_empty(&leg->refers) || leg->accepted.waiting)
        return;
    if (!wheel_running(&leg->bury)) /* a later turn of the loop: whoever works on it now has let go of it then */
        shard_timer_start(leg->sh, &leg->bury, 1);
}

static void learn_allow(struct leg *leg, const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_ALLOW);
    struct slice name;

    if (!msg_has(m, HDR_ALLOW))
        return;
    leg->knows_allow = true;
    leg->peer_allow = 0;
    while (msg_list_next(&it, &name))
        leg->peer_allow |= 1u << method_find(name);
}

void leg_learn(struct leg *leg, const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_SUPPORTED);
    struct slice option;
    char room[512];
    struct buf b = BUF_ON(room);

    learn_allow(leg, m);
    if (!msg_has(m, HDR_SUPPORTED))
        return;
    while (msg_list_next(&it, &option) && option.n + 2 <= buf_room(&b))
        buf_puts(&b, option, S(","));
    leg->knows_supported = !text_set(leg_mem(leg), &leg->peer_supported, buf_slice(&b));
}

void leg_came_by(struct leg *leg, const struct flow *from)
{
    if (leg->ua->config.by_flow)
        leg->flow = *from;
}

bool leg_peer_allows(const struct leg *leg, enum method method)
{
    return !leg->knows_allow || (leg->peer_allow & 1u << method);
}

bool leg_peer_supports(const struct leg *leg, struct slice option)
{
    struct slice rest = text_slice(&leg->peer_supported), one;

    if (!leg->knows_supported)
        return true;
    while (slice_cut(&rest, ',', &one))
        if (slice_ieq(one, option))
            return true;
    return false;
}

struct leg *leg_of_call(struct ua *ua, struct shard *sh, struct slice call_id, struct leg *after)
{
    struct ua_shard *us = ua_shard_of(ua, sh);
    struct map_node *node;

    node = after ? map_find_next(&after->by_call) : map_find(&us->by_call, hash_octets(&ua->config.key, call_id));
    for (; node; node = map_find_next(node)) {
        struct leg *leg = MAP_OF(node, struct leg, by_call);
        if (slice_eq(leg->call_id, call_id))
            return leg;
    }
    return NULL;
}

struct leg *leg_find(struct ua *ua, struct shard *sh, struct leg_id id)
{
    struct ua_shard *us = ua_shard_of(ua, sh);

    if (shard_index(sh) != id.shard)
        return NULL;
    for (struct map_node *node = map_find(&us->by_id, hash_id(id.n)); node; node = map_find_next(node)) {
        struct leg *leg = MAP_OF(node, struct leg, by_id);
        if (leg->n == id.n)
            return leg;
    }
    return NULL;
}

void leg_attach(struct leg *leg, const struct leg_on *on, void *arg)
{
    leg->on = on;
    leg->arg = arg;
    leg->attached = true;
}

enum err leg_set_contact(struct leg *leg, struct slice user, struct slice params)
{
    struct slice u, p;
    enum err     e;

    if ((e = arena_dup(&leg->arena, user, &u)) || (e = arena_dup(&leg->arena, params, &p)))
        return e;
    leg->contact_user = u;
    leg->contact_params = p;
    return ERR_OK;
}

enum leg_state leg_state(const struct leg *leg) { return leg->state; }
struct ua *leg_ua(const struct leg *leg) { return leg->ua; }
struct shard *leg_shard(const struct leg *leg) { return leg->sh; }
bool leg_is_uac(const struct leg *leg) { return leg->is_uac; }
struct slice leg_call_id(const struct leg *leg) { return leg->call_id; }
const struct dialog *leg_dialog(const struct leg *leg) { return leg->dialog; }
struct slice leg_local_uri(const struct leg *leg) { return leg->local_uri; }
struct slice leg_remote_uri(const struct leg *leg) { return leg->remote_uri; }
const struct flow *leg_flow(const struct leg *leg) { return &leg->flow; }
void *leg_arg(const struct leg *leg) { return leg->arg; }

struct leg_id leg_id(const struct leg *leg)
{
    return (struct leg_id){leg->n, shard_index(leg->sh)};
}

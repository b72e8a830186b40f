/* stream.c - connections: made, accepted, found again, timed, ended (RFC 3261 §18; RFC 5923 in spirit).
 *
 * Room      sip/transport.
 * In        stream_connect(), stream_send(); what net tells of connections.
 * Out       stream_cut() with what arrives; flow_on_lost() at the end.
 * Touches   tp->streams. Owns each stream and its input.
 *
 * A stream is ended only from a callback of net, never inside a call from above: so whoever sends, or is given a message,
 * finds it in place afterwards. Slots are shared with other workers' threads in one thing: a slot's gen says whether its
 * stream can be sent on. Generations begin anywhere and never come again soon, so that a flow token of a former run does
 * not name a stream of this one. */
#include <assert.h>
#include <string.h>

#include "sip/transport/transport_priv.h"

static const struct net_tcp_on on_tcp;

static struct stream_slot *slot_at(const struct streams *st, uint32_t slot)
{
    struct stream_slot *chunk;

    if (slot >= TRANSPORT_MAX_STREAMS)
        return NULL;
    chunk = __atomic_load_n(&st->chunk[slot / SLOT_CHUNK], __ATOMIC_ACQUIRE);
    return chunk ? &chunk[slot % SLOT_CHUNK] : NULL;
}

static enum err slots_grow(struct transport *tp)
{
    struct streams     *st = &tp->streams;
    struct stream_slot *chunk;

    if (st->n_slots == TRANSPORT_MAX_STREAMS)
        return ERR_FULL;
    if (!(chunk = mem_zalloc(tp->mem, SLOT_CHUNK * sizeof *chunk)))
        return ERR_NOMEM;
    for (uint32_t i = 0; i + 1 < SLOT_CHUNK; i++)
        chunk[i].next_free = st->n_slots + i + 2;
    st->free = st->n_slots + 1;
    __atomic_store_n(&st->chunk[st->n_slots / SLOT_CHUNK], chunk, __ATOMIC_RELEASE);
    st->n_slots += SLOT_CHUNK;
    return ERR_OK;
}

/* It stays 0 to others until slot_publish(). */
static enum err slot_take(struct transport *tp, struct stream *s)
{
    struct streams     *st = &tp->streams;
    struct stream_slot *at;
    enum err            e;

    if (!st->free && (e = slots_grow(tp)))
        return e;
    s->flow.slot = st->free - 1;
    at = slot_at(st, s->flow.slot);
    st->free = at->next_free;
    if (!++st->next_gen)
        st->next_gen = 1;
    s->flow.gen = st->next_gen;
    at->s = s;
    __atomic_store_n(&st->n, st->n + 1, __ATOMIC_RELAXED);
    return ERR_OK;
}

static void slot_give(struct streams *st, const struct stream *s)
{
    struct stream_slot *at = slot_at(st, s->flow.slot);

    assert(at); /* slot_take gave it */
    __atomic_store_n(&at->gen, 0, __ATOMIC_RELEASE);
    at->s = NULL;
    at->next_free = st->free;
    st->free = s->flow.slot + 1;
    __atomic_store_n(&st->n, st->n - 1, __ATOMIC_RELAXED);
}

bool stream_is_usable(struct transport *owner, const struct flow *f)
{
    const struct stream_slot *at = slot_at(&owner->streams, f->slot);

    return at && f->gen && __atomic_load_n(&at->gen, __ATOMIC_ACQUIRE) == f->gen;
}

struct transport *stream_owner(struct transport *tp, const struct flow *f)
{
    if (f->worker == tp->config.worker)
        return tp;
    if (!tp->config.all || f->worker >= tp->config.n_workers)
        return NULL;
    return __atomic_load_n(&tp->config.all[f->worker], __ATOMIC_ACQUIRE);
}

/* From now on the slot's flow can be sent on. Its address was written before, while gen was 0, so that a reader who finds
 * the same gen before and after has read the address of that gen. */
static void slot_publish(struct streams *st, const struct stream *s)
{
    struct stream_slot *at = slot_at(st, s->flow.slot);
    uint64_t            word[SLOT_ADDR_WORDS];

    assert(at); /* slot_take gave it */
    memcpy(word, &s->local, sizeof word);
    for (size_t i = 0; i < SLOT_ADDR_WORDS; i++)
        __atomic_store_n(&at->local[i], word[i], __ATOMIC_RELEASE);
    __atomic_store_n(&at->gen, s->flow.gen, __ATOMIC_RELEASE);
}

bool stream_local(struct transport *owner, const struct flow *f, struct addr *out)
{
    const struct stream_slot *at = slot_at(&owner->streams, f->slot);
    uint64_t                  word[SLOT_ADDR_WORDS];
    struct addr               a;

    if (!stream_is_usable(owner, f))
        return false;
    for (size_t i = 0; i < SLOT_ADDR_WORDS; i++)
        word[i] = __atomic_load_n(&at->local[i], __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&at->gen, __ATOMIC_RELAXED) != f->gen)
        return false;
    memcpy(&a, word, sizeof a);
    if (a.family == ADDR_NONE || addr_is_any(&a))
        return false;
    *out = a;
    return true;
}

struct stream *stream_find(struct transport *tp, const struct flow *f)
{
    struct stream *s = stream_is_usable(tp, f) ? slot_at(&tp->streams, f->slot)->s : NULL;

    return s && s->flow.kind == f->kind && addr_eq(&s->flow.remote, &f->remote) ? s : NULL;
}

/* By IP and port; IPv4 within IPv6 as IPv4, as addr_eq() has it. */
static uint64_t remote_hash(struct transport *tp, enum transport_kind kind, const struct addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct slice         ip = {(const char *)a->ip, a->family == ADDR_IP6 ? 16 : 4};
    char                 rest[3] = {(char)kind, (char)(a->port >> 8), (char)(a->port & 0xff)};

    if (a->family == ADDR_IP6 && slice_starts(ip, (struct slice){(const char *)mapped, sizeof mapped}))
        ip = slice_from(ip, sizeof mapped);
    return hash_pair(&tp->key, ip, (struct slice){rest, sizeof rest});
}

/* Ours to use again: one that we opened (for that name, if there is one), or that its peer opened and has shown to be alive. The
 * newest one. */
struct stream *stream_find_remote(struct transport *tp, enum transport_kind kind, const struct addr *to, struct slice name)
{
    struct map_node *n = map_find(&tp->streams.by_remote, remote_hash(tp, kind, to));

    for (; n; n = map_find_next(n)) {
        struct stream *s = MAP_OF(n, struct stream, by_remote);

        if (s->flow.kind == kind && addr_eq(&s->flow.remote, to) && (!name.n || slice_ieq(s->name, name)) &&
            (s->alive || s->flow.listener == LISTENER_NONE))
            return s;
    }
    return NULL;
}

/* --- time: one timer of the net, a wheel of limits ---------------------------------------------------------------- */

static void on_timer(void *arg);

static void timer_arm(struct transport *tp)
{
    struct streams *st = &tp->streams;
    uint64_t        next = wheel_next_ms(&st->wheel);

    if (next >= st->timer_ms)
        return;
    st->timer_ms = next;
    st->timer.fire = on_timer;
    st->timer.arg = tp;
    net_timer_set(tp->net, &st->timer, next * 1000);
}

static void on_timer(void *arg)
{
    struct transport *tp = arg;

    tp->streams.timer_ms = UINT64_MAX;
    wheel_advance(&tp->streams.wheel, transport_now_ms(tp));
    timer_arm(tp);
}

static uint64_t limit_ms(const struct stream *s)
{
    uint64_t idle = s->active_ms + TRANSPORT_IDLE_MS, head = s->begun_ms + TRANSPORT_HEAD_MS;
    uint64_t quiet = s->heard_ms + TRANSPORT_QUIET_MS;

    if (s->state == STREAM_LINGERING)
        return s->active_ms + LINGER_MS;
    if (s->state == STREAM_HALF)
        return s->active_ms + (s->asked ? (uint64_t)TRANSPORT_HALF_MS : HALF_REST_MS);
    if (!s->begun_ms || s->paused) /* then it is we who are slow */
        return idle;
    return !s->looked && quiet < head ? quiet : head;
}

/* Limits move with every octet, the wheel's timer does not: when it fires too early it is set again. */
static void on_due(void *arg)
{
    struct stream *s = arg;
    uint64_t       now = transport_now_ms(s->tp), limit = limit_ms(s);

    if (now < limit) {
        wheel_start(&s->tp->streams.wheel, &s->due, limit);
    } else if (s->state == STREAM_HALF) {
        stream_linger(s, ERR_CLOSED);
    } else if (s->state == STREAM_LINGERING) {
        stream_end(s, ERR_CLOSED);
    } else if (s->begun_ms && !s->paused && now >= s->begun_ms + TRANSPORT_HEAD_MS) {
        transport_count(&s->tp->counts.slow); /* whose head is whole can be told so */
        stream_refuse(s, msg_frame_wants(&s->framer) ? (struct slice){s->in, s->in_n} : SLICE_NONE, 400, ERR_TIMEOUT);
    } else if (s->begun_ms && !s->paused) {
        s->looked = true;
        if (!stream_doubt(s))
            stream_watch(s);
    } else {
        transport_count(&s->tp->counts.idle);
        stream_end(s, ERR_TIMEOUT);
    }
}

void stream_watch(struct stream *s)
{
    uint64_t limit = limit_ms(s);

    if (wheel_running(&s->due) && s->due.at_ms <= limit)
        return;
    s->due.fire = on_due;
    s->due.arg = s;
    wheel_start(&s->tp->streams.wheel, &s->due, limit);
    timer_arm(s->tp);
}

/* --- begin and end ------------------------------------------------------------------------------------------------ */

/* Not yet with its connection, so that one which cannot be kept is never opened. */
static enum err stream_new(struct transport *tp, enum transport_kind kind, struct stream **out)
{
    struct stream *s = mem_zalloc(tp->mem, sizeof *s);
    enum err       e;

    if (!s)
        return ERR_NOMEM;
    s->tp = tp;
    s->flow = (struct flow){.kind = (uint8_t)kind, .set = 1, .worker = tp->config.worker, .listener = LISTENER_NONE};
    if ((e = slot_take(tp, s))) {
        mem_free(tp->mem, s, sizeof *s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

static void stream_free(struct stream *s)
{
    struct transport *tp = s->tp;

    list_remove(&s->pausing);
    slot_give(&tp->streams, s);
    mem_free(tp->mem, s->in, s->in_cap);
    mem_free(tp->mem, (void *)(size_t)s->name.p, s->name.n);
    mem_free(tp->mem, s, sizeof *s);
}

static void stream_start(struct stream *s)
{
    s->active_ms = transport_now_ms(s->tp);
    slot_publish(&s->tp->streams, s);
    map_insert(&s->tp->streams.by_remote, &s->by_remote,
               remote_hash(s->tp, (enum transport_kind)s->flow.kind, &s->flow.remote));
    stream_watch(s);
}

static enum err keep_name(struct stream *s, struct slice name)
{
    char *p = name.n ? mem_alloc(s->tp->mem, name.n) : NULL;

    if (!name.n)
        return ERR_OK;
    if (!p)
        return ERR_NOMEM;
    memcpy(p, name.p, name.n);
    s->name = (struct slice){p, name.n};
    return ERR_OK;
}

/* Without a name of its own it is the address that the peer's certificate must be for. */
static enum err secure(struct stream *s, struct net_tls *tls)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put_ip(&b, &s->flow.remote);
    return net_tcp_secure(s->tp->net, s->tcp, tls, s->name.n ? s->name : buf_slice(&b));
}

/* ERR_...: nothing is open. */
static enum err dial(struct stream *s, const struct listener *l, const struct addr *local)
{
    struct transport *tp = s->tp;
    enum err          e = net_tcp_connect(tp->net, local, &s->flow.remote, TRANSPORT_CONNECT_MS, &on_tcp, s, &s->tcp);

    if (!e && l->tls && (e = secure(s, l->tls)))
        net_tcp_close(tp->net, s->tcp);
    return e;
}

enum err stream_connect(struct transport *tp, uint8_t listener, const struct addr *to, struct slice name, struct stream **out)
{
    const struct listener *l = &tp->listener[listener];
    struct addr            local = {0};
    struct stream         *s;
    enum err               e;

    if (!l->any) { /* from the address that our Via will name, from any port */
        local = l->local;
        local.port = 0;
    }
    if ((e = stream_new(tp, l->kind, &s)))
        return e;
    s->state = STREAM_CONNECTING;
    s->framer.opened_by_us = true;
    s->flow.remote = *to;
    if ((e = keep_name(s, name)) || (e = dial(s, l, &local))) {
        stream_free(s);
        return e;
    }
    net_tcp_ends(tp->net, s->tcp, &s->local, NULL);
    stream_start(s);
    *out = s;
    return ERR_OK;
}

void stream_linger(struct stream *s, enum err why)
{
    struct transport *tp = s->tp;
    struct flow       f = s->flow;
    bool              told = s->state == STREAM_HALF;

    s->state = STREAM_LINGERING;
    s->active_ms = transport_now_ms(tp);
    s->begun_ms = 0;
    __atomic_store_n(&slot_at(&tp->streams, f.slot)->gen, 0, __ATOMIC_RELEASE);
    net_tcp_finish(tp->net, s->tcp); /* when the peer has too, net tells the end */
    stream_watch(s);
    if (told)
        return;
    map_remove(&tp->streams.by_remote, &s->by_remote);
    flow_on_lost(tp, &f, why);
}

void stream_end(struct stream *s, enum err why)
{
    struct transport *tp = s->tp;
    struct flow       f = s->flow;
    struct kept      *kept = s->kept;
    bool              told = s->state == STREAM_LINGERING || s->state == STREAM_HALF;

    if (!told)
        map_remove(&tp->streams.by_remote, &s->by_remote);
    wheel_stop(&tp->streams.wheel, &s->due);
    net_tcp_close(tp->net, s->tcp);
    stream_free(s);
    stream_answer_again(tp, &f, kept, why == ERR_IO);
    if (!told)
        flow_on_lost(tp, &f, why);
}

enum err stream_send(struct transport *tp, const struct flow *f, struct slice octets)
{
    struct stream *s = stream_find(tp, f);
    enum err       e;

    if (!s || (s->state == STREAM_HALF && !stream_is_answer(octets)))
        return ERR_CLOSED;
    if ((e = net_tcp_send(tp->net, s->tcp, octets)))
        return e;
    s->active_ms = transport_now_ms(tp);
    stream_note_answer(s, octets);
    return ERR_OK;
}

/* --- what net tells ----------------------------------------------------------------------------------------------- */

static void on_open(void *arg, struct net_tcp *t)
{
    struct stream *s = arg;

    (void)t;
    s->state = STREAM_OPEN;
    s->active_ms = transport_now_ms(s->tp);
}

static void on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    struct stream *s = arg;

    (void)t;
    if (s->state != STREAM_OPEN)
        return;
    s->active_ms = s->heard_ms = transport_now_ms(s->tp);
    stream_cut(s, octets);
}

static void on_ended(void *arg, struct net_tcp *t)
{
    (void)t;
    stream_half(arg);
}

static void on_closed(void *arg, struct net_tcp *t, enum err why)
{
    (void)t;
    stream_end(arg, why);
}

static const struct net_tcp_on on_tcp = {.open = on_open, .octets = on_octets, .closed = on_closed, .ended = on_ended};

static void on_accepted(void *arg, struct net_listener *nl, struct net_tcp *t)
{
    struct listener  *l = arg;
    struct transport *tp = l->tp;
    struct stream    *s;

    (void)nl;
    if (stream_new(tp, l->kind, &s)) {
        transport_count(&tp->counts.refused);
        net_tcp_close(tp->net, t);
        return;
    }
    if (l->tls && net_tcp_secure(tp->net, t, l->tls, SLICE_NONE)) {
        transport_count(&tp->counts.refused);
        net_tcp_close(tp->net, t);
        stream_free(s);
        return;
    }
    s->tcp = t;
    s->state = l->tls ? STREAM_CONNECTING : STREAM_OPEN;
    s->flow.listener = l->index;
    net_tcp_ends(tp->net, t, &s->local, &s->flow.remote);
    net_tcp_attach(tp->net, t, &on_tcp, s);
    stream_start(s);
}

static void on_accept_error(void *arg, struct net_listener *nl, enum err e)
{
    struct listener *l = arg;

    (void)nl;
    (void)e;
    transport_count(&l->tp->counts.refused);
}

static const struct net_listener_on on_listener = {.accepted = on_accepted, .error = on_accept_error};

enum err stream_listen(struct listener *l)
{
    enum err e = net_tcp_listen(l->tp->net, &l->local, l->tp->config.n_workers > 1, &on_listener, l, &l->tcp);

    if (e)
        return e;
    net_listener_local(l->tp->net, l->tcp, &l->local);
    return ERR_OK;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

enum err streams_open(struct streams *st, struct transport *tp)
{
    wheel_init(&st->wheel, transport_now_ms(tp));
    st->timer_ms = UINT64_MAX;
    list_init(&st->paused);
    st->next_gen = (uint32_t)rng_u64(tp->config.rng);
    return map_init(&st->by_remote, tp->mem, SLOT_CHUNK);
}

void streams_close(struct transport *tp)
{
    struct streams *st = &tp->streams;

    for (uint32_t i = 0; i < st->n_slots; i++)
        if (slot_at(st, i)->s)
            stream_end(slot_at(st, i)->s, ERR_CLOSED);
    net_timer_cancel(tp->net, &st->timer);
    for (uint32_t i = 0; i < st->n_slots; i += SLOT_CHUNK)
        mem_free(tp->mem, st->chunk[i / SLOT_CHUNK], SLOT_CHUNK * sizeof *st->chunk[0]);
    map_close(&st->by_remote);
}

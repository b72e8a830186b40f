/* sound.c - the room opened and closed, and what is asked of it.
 *
 * Room      server/sound.
 * In        whoever holds a shard.
 * Out       letters to media threads. */
#include <string.h>

#include "server/sound/sound_priv.h"

static void open_threads(struct sound *s)
{
    for (unsigned i = 0; i < s->config.n_nets; i++) {
        struct sound_thread *t = &s->thread[i];

        t->s = s;
        t->index = i;
        t->net = s->config.net[i];
        t->late_timer = (struct net_timer){.fire = letters_try_late, .arg = t};
        list_init(&t->late);
    }
}

enum err sound_room_open(const struct sound_config *config, struct sound **out)
{
    size_t        n = config->music ? strlen(config->music) : 0;
    struct sound *s = n > SOUND_MAX_PATH ? NULL : mem_zalloc(config->mem, sizeof *s);
    enum err      e;

    if (!s)
        return n > SOUND_MAX_PATH ? ERR_LIMIT : ERR_NOMEM;
    s->config = *config;
    list_init(&s->letters);
    if (n)
        memcpy(s->music, config->music, n);
    if (!config->port_min && !config->port_max) {
        s->config.port_min = SOUND_PORT_MIN;
        s->config.port_max = SOUND_PORT_MAX;
    }
    open_threads(s);
    if ((e = map_init(&s->ends, config->mem, 16)) || (e = map_init(&s->mixes, config->mem, 4))) {
        sound_room_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void sound_room_attach(struct sound *s, struct stack *st)
{
    s->stack = st;
}

void sound_room_quiet(struct sound *s)
{
    if (s)
        atomic_store(&s->quiet, true);
}

void sound_room_close(struct sound *s)
{
    struct map_cursor cursor = {0};
    struct map_node  *node;

    if (!s)
        return;
    while ((node = map_walk(&s->ends, &cursor)))
        sound_end_free(MAP_OF(node, struct end, by_number));
    map_close(&s->ends);
    cursor = (struct map_cursor){0};
    while ((node = map_walk(&s->mixes, &cursor)))
        mix_free(MAP_OF(node, struct mix, by_number));
    map_close(&s->mixes);
    for (unsigned i = 0; i < s->config.n_nets; i++)
        net_timer_cancel(s->thread[i].net, &s->thread[i].late_timer);
    for (struct list_node *n; (n = list_first(&s->letters));)
        letter_free(LIST_OF(n, struct letter, node));
    mem_free(s->config.mem, s, sizeof *s);
}

size_t sound_ends(const struct sound *s)
{
    return atomic_load(&s->n_ends);
}

/* ---- asking ---- */

enum err sound_local_for(struct shard *sh, const struct flow *flow, struct addr *out)
{
    struct addr a = {0};

    flow_local(shard_transport(sh), flow, &a);
    if (a.family == ADDR_NONE || addr_is_any(&a))
        if (net_source_for(shard_net(sh), &flow->remote, &a))
            return ERR_NOTFOUND;
    *out = a;
    return ERR_OK;
}

uint64_t sound_hash(uint64_t n)
{
    return n * 0x9e3779b97f4a7c15u; /* our own numbers, one after the other: spread over the buckets */
}

uint64_t sound_number(struct sound *s, uint64_t thread)
{
    return (atomic_fetch_add(&s->serial, 1) + 1) * s->config.n_nets + thread;
}

static struct end *find_locked(struct sound *s, uint64_t n)
{
    for (struct map_node *node = map_find(&s->ends, sound_hash(n)); node; node = map_find_next(node))
        if (MAP_OF(node, struct end, by_number)->n == n)
            return MAP_OF(node, struct end, by_number);
    return NULL;
}

struct end *sound_find(struct sound *s, uint64_t n)
{
    struct end *e;

    spin_lock(&s->lock);
    e = find_locked(s, n);
    spin_unlock(&s->lock);
    return e;
}

static enum err end_new(struct sound *s, const struct sound_ask *ask, struct end **out)
{
    struct end *e;

    if (atomic_fetch_add(&s->n_ends, 1) >= SOUND_MAX_ENDS || !(e = mem_zalloc(s->config.mem, sizeof *e))) {
        return atomic_fetch_sub(&s->n_ends, 1) > SOUND_MAX_ENDS ? ERR_FULL : ERR_NOMEM;
    }
    e->n = sound_number(s, (ask->mix.n ? ask->mix.n : atomic_load(&s->serial)) % s->config.n_nets);
    e->t = &s->thread[e->n % s->config.n_nets];
    e->ask = *ask;
    e->ask.call_id = (struct slice){e->call_id, ask->call_id.n <= SOUND_MAX_CALL_ID ? ask->call_id.n : 0};
    if (e->ask.call_id.n)
        memcpy(e->call_id, ask->call_id.p, e->ask.call_id.n);
    e->close = (struct letter){.s = s, .t = e->t, .kind = LETTER_CLOSE, .end = e->n, .opened = e};
    spin_lock(&s->lock);
    map_insert(&s->ends, &e->by_number, sound_hash(e->n));
    spin_unlock(&s->lock);
    *out = e;
    return ERR_OK;
}

void sound_end_free(struct end *e)
{
    struct sound *s = e->t->s;

    media_close(e->media);
    spin_lock(&s->lock);
    map_remove(&s->ends, &e->by_number);
    spin_unlock(&s->lock);
    mem_free(s->config.mem, e, sizeof *e);
    atomic_fetch_sub(&s->n_ends, 1);
}

static enum err play_letter(struct sound *s, enum letter_kind kind, const struct sound_play *play, struct letter **out)
{
    struct slice path = play->what == SOUND_FILE ? play->path : SLICE_NONE;
    struct letter *l;
    enum err       e;

    if (path.n > SOUND_MAX_PATH)
        return ERR_LIMIT;
    if ((e = letter_new(s, kind, path.n + 1, &l)))
        return e;
    l->play = *play;
    if (path.n)
        memcpy(l->text, path.p, path.n);
    l->text[path.n] = 0;
    *out = l;
    return ERR_OK;
}

enum err sound_end_open(struct sound *s, const struct sound_ask *ask, struct sound_end *out)
{
    struct letter *l;
    struct end    *end;
    enum err       e = play_letter(s, LETTER_OPEN, &ask->play, &l);

    if (e)
        return e;
    if ((e = end_new(s, ask, &end))) {
        letter_free(l);
        return e;
    }
    l->end = out->n = end->n;
    l->opened = end;
    letter_to_thread(l);
    return ERR_OK;
}

void sound_end_close(struct sound *s, struct sound_end end)
{
    struct end *e;

    spin_lock(&s->lock);
    e = find_locked(s, end.n);
    if (e && e->closing)
        e = NULL;
    if (e)
        e->closing = true; /* from here on its thread alone ends it */
    spin_unlock(&s->lock);
    if (e)
        letter_to_thread(&e->close);
}

/* A description there or back: room for either. */
static enum err ask_description(struct sound *s, enum letter_kind kind, struct sound_end end, struct slice sdp)
{
    struct letter *l;
    enum err       e;

    if (sdp.n > SDP_MAX_OCTETS)
        sdp.n = 0; /* no description: the end says so in its turn */
    if ((e = letter_new(s, kind, sdp.n > SDP_MAX_WRITTEN ? sdp.n : SDP_MAX_WRITTEN, &l)))
        return e;
    if (sdp.n)
        memcpy(l->text, sdp.p, sdp.n);
    l->n = sdp.n;
    l->end = end.n;
    letter_to_thread(l);
    return ERR_OK;
}

enum err sound_end_offer(struct sound *s, struct sound_end end)
{
    return ask_description(s, LETTER_OFFER, end, SLICE_NONE);
}

enum err sound_end_answer(struct sound *s, struct sound_end end, struct slice offer)
{
    return ask_description(s, LETTER_ANSWER, end, offer);
}

enum err sound_end_take(struct sound *s, struct sound_end end, struct slice answer)
{
    return ask_description(s, LETTER_TAKE, end, answer);
}

enum err sound_end_play(struct sound *s, struct sound_end end, const struct sound_play *play)
{
    struct letter *l;
    enum err       e = play_letter(s, LETTER_PLAY, play, &l);

    if (e)
        return e;
    l->end = end.n;
    letter_to_thread(l);
    return ERR_OK;
}

enum err sound_end_follow(struct sound *s, struct sound_end end, unsigned shard)
{
    struct letter *l;
    enum err       e = letter_new(s, LETTER_FOLLOW, 0, &l);

    if (e)
        return e;
    l->end = end.n;
    l->ask.shard = shard;
    letter_to_thread(l);
    return ERR_OK;
}

/* letter.c - letters between shards and media threads.
 *
 * Room      server/sound.
 * Touches   s->letters, under its lock: what is on its way when the exchange ends is freed from there.
 * Must hold a letter to a shard is never lost while the exchange runs: where there is no memory to post it, it is tried again. */
#include "server/sound/sound_priv.h"

enum err letter_new(struct sound *s, enum letter_kind kind, size_t cap, struct letter **out)
{
    size_t         octets = sizeof(struct letter) + cap;
    struct letter *l = mem_alloc(s->config.mem, octets);

    if (!l)
        return ERR_NOMEM;
    *l = (struct letter){.s = s, .kind = kind, .octets = octets, .cap = cap, .text = (char *)(l + 1)};
    spin_lock(&s->lock);
    list_append(&s->letters, &l->node);
    spin_unlock(&s->lock);
    *out = l;
    return ERR_OK;
}

void letter_free(struct letter *l)
{
    struct sound *s = l->s;

    spin_lock(&s->lock);
    list_remove(&l->node);
    spin_unlock(&s->lock);
    mem_free(s->config.mem, l, l->octets);
}

static void on_thread(void *arg)
{
    struct letter *l = arg;

    if (l->kind == LETTER_SIGNAL || l->kind == LETTER_MIX_CLOSE)
        mix_do(l);
    else
        end_do(l);
}

void letter_to_thread(struct letter *l)
{
    if (atomic_load(&l->s->quiet))
        return; /* the room's end frees it */
    l->t = &l->s->thread[l->end % l->s->config.n_nets];
    net_post(l->t->net, on_thread, l);
}

static void in_shard(void *arg, struct shard *sh)
{
    struct letter     *l = arg;
    struct sound_event e = l->event;

    e.sdp = (struct slice){l->text, l->n};
    l->ask.on->event(l->ask.ctx, sh, l->ask.key, &e);
    letter_free(l);
}

static void post(struct letter *l)
{
    struct sound_thread *t = l->t;

    if (stack_post(l->s->stack, l->ask.shard, in_shard, l) == ERR_OK)
        return;
    if (list_empty(&t->late))
        net_timer_set(t->net, &t->late_timer, net_now_us(t->net) + SOUND_LATE_MS * 1000u);
    list_append(&t->late, &l->waiting);
}

/* In their order: one that fails again puts itself and the timer back, and those behind it follow. */
void letters_try_late(void *arg)
{
    struct sound_thread *t = arg;
    struct list          now;
    struct list_node    *n;

    list_init(&now);
    while ((n = list_pop(&t->late)))
        list_append(&now, n);
    while ((n = list_pop(&now)))
        post(LIST_OF(n, struct letter, waiting));
}

void letter_to_shard(struct letter *l, const struct end *e)
{
    if (!e->ask.on) {
        letter_free(l);
        return;
    }
    l->kind = LETTER_EVENT;
    l->t = e->t;
    l->ask = e->ask;
    if (!list_empty(&e->t->late)) /* behind those that wait */
        list_append(&e->t->late, &l->waiting);
    else
        post(l);
}

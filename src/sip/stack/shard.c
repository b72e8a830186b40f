/* shard.c - one shard: its memory, its table of transactions' slots, and what its users ask it for (DESIGN §6).
 *
 * Room      sip/stack.
 * In        the door's shard_*(); slots for server.c and client.c.
 * Touches   the shard, by its holder only.
 * Not here  its memory (pool.c); taking and letting go (steer.c); deadlines (timer.c). */
#include "sip/stack/stack_priv.h"

#include <assert.h>
#include <string.h>

/* ---- memory ---- */

struct mem *shard_heap(struct shard *sh)
{
    return &sh->heap.mem;
}

enum err shard_dup(struct shard *sh, struct slice s, struct slice *out)
{
    char *p;

    if (s.n == 0) {
        *out = SLICE_NONE;
        return ERR_OK;
    }
    if (!(p = mem_alloc(shard_heap(sh), s.n)))
        return ERR_NOMEM;
    memcpy(p, s.p, s.n);
    *out = (struct slice){p, s.n};
    return ERR_OK;
}

void shard_free(struct shard *sh, struct slice *s)
{
    mem_free(shard_heap(sh), (void *)(size_t)s->p, s->n);
    *s = SLICE_NONE;
}

/* ---- open and close ---- */

enum err shard_open(struct stack *st, struct shard *sh, unsigned index)
{
    enum err e;

    sh->st = st;
    sh->index = index;
    sh->home = (uint8_t)(index % st->config.n_workers);
    shard_heap_open(sh);
    sh->next_ms = &st->workers[sh->home].deadlines[index / st->config.n_workers];
    wheel_init(&sh->wheel, 0);
    txn_timers_open(sh);
    for (unsigned i = 0; i < FLOW_LISTS; i++)
        list_init(&sh->flows[i]);
    keyring_init(&sh->keys, shard_heap(sh));
    if (st->config.user->shard_open && (e = st->config.user->shard_open(st->config.ctx, sh, &sh->data)))
        return e;
    sh->opened = true;
    return ERR_OK;
}

static void tell_leak(const struct shard *sh)
{
    struct log_line l;

    log_begin(&l, sh->st->config.log, LOG_ERROR, LOG_EVENT("stack.leak"), SLICE_NONE);
    log_number(&l, "shard", sh->index);
    log_number(&l, "octets", atomic_load(&sh->heap.octets));
    log_end(&l);
}

void shard_close(struct shard *sh)
{
    keyring_close(&sh->keys);
    mem_free(shard_heap(sh), sh->slots, sh->n_slots * sizeof *sh->slots);
    sh->slots = NULL;
    sh->n_slots = 0;
    if (atomic_load(&sh->heap.octets))
        tell_leak(sh);
}

void shard_scratch_reset(struct shard *sh)
{
    arena_reset(&sh->holder->scratch);
    sh->epoch++;
}

/* ---- slots ---- */

static enum err slots_grow(struct shard *sh)
{
    uint32_t     n = sh->n_slots ? sh->n_slots * 2 : FIRST_SLOTS;
    struct slot *bigger;

    if (sh->n_slots >= 2 * STACK_MAX_TSX)
        return ERR_FULL;
    if (!(bigger = mem_zalloc(shard_heap(sh), n * sizeof *bigger)))
        return ERR_NOMEM;
    if (sh->slots)
        memcpy(bigger, sh->slots, sh->n_slots * sizeof *bigger);
    for (uint32_t i = n; i > sh->n_slots; i--) {
        bigger[i - 1].gen = 1;
        bigger[i - 1].next = sh->free_slot;
        sh->free_slot = i;
    }
    mem_free(shard_heap(sh), sh->slots, sh->n_slots * sizeof *sh->slots);
    sh->slots = bigger;
    sh->n_slots = n;
    return ERR_OK;
}

static size_t keys_of(const struct txn *t)
{
    return t->is_server ? SERVER_KEYS : CLIENT_KEYS;
}

enum err txn_slot_take(struct shard *sh, struct txn *t)
{
    struct slot *slot;
    enum err     e;

    if ((!sh->free_slot && (e = slots_grow(sh))) || (e = keyring_promise(&sh->keys, keys_of(t))))
        return e;
    slot = &sh->slots[sh->free_slot - 1];
    t->id = (struct tsx_id){sh->free_slot, slot->gen};
    sh->free_slot = slot->next;
    if (sh->free_slot)
        ahead_fetch(&sh->slots[sh->free_slot - 1], 1); /* nobody has touched it since it was given up */
    slot->t = t;
    return ERR_OK;
}

void txn_slot_give(struct shard *sh, struct txn *t)
{
    struct slot *slot = &sh->slots[t->id.slot - 1];

    assert(slot->gen == t->id.gen);
    slot->t = NULL;
    slot->gen++;
    slot->next = sh->free_slot;
    sh->free_slot = t->id.slot;
    keyring_give_back(&sh->keys, keys_of(t));
}

void txn_slot_move(struct shard *sh, struct txn *from, struct txn *to)
{
    struct tsx_id id = from->id;

    from->id = to->id;
    to->id = id;
    sh->slots[from->id.slot - 1].t = from;
    sh->slots[to->id.slot - 1].t = to;
}

struct txn *txn_slot_find(struct shard *sh, struct tsx_id id)
{
    struct slot *slot;

    if (id.slot == 0 || id.slot > sh->n_slots)
        return NULL;
    slot = &sh->slots[id.slot - 1];
    return slot->gen == id.gen ? slot->t : NULL;
}

/* ---- what users ask for ---- */

unsigned shard_index(const struct shard *sh) { return sh->index; }
struct stack *shard_stack(struct shard *sh) { return sh->st; }
void *shard_data(struct shard *sh) { return sh->data; }
struct transport *shard_transport(struct shard *sh) { return sh->holder->tp; }
struct net *shard_net(struct shard *sh) { return sh->holder->net; }
uint8_t shard_worker(const struct shard *sh) { return sh->holder->index; }
uint64_t shard_now_ms(struct shard *sh) { return net_now_ms(sh->holder->net); }
struct mem *shard_mem(struct shard *sh) { return shard_heap(sh); }
struct arena *shard_scratch(struct shard *sh) { return &sh->holder->scratch; }
struct rng *shard_rng(struct shard *sh) { return sh->st->config.rng; }
const struct stack_times *shard_times(const struct shard *sh) { return &sh->st->all_times; }

void shard_say(struct shard *sh, struct slice code, struct slice call_id, struct slice text)
{
    transport_say(sh->holder->tp, code, call_id, text);
}

void shard_timer_start(struct shard *sh, struct wheel_timer *t, uint64_t in_ms)
{
    wheel_start(&sh->wheel, t, shard_now_ms(sh) + in_ms);
}

void shard_timer_stop(struct shard *sh, struct wheel_timer *t)
{
    wheel_stop(&sh->wheel, t);
}

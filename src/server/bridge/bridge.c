/* bridge.c - the room as an object; a transfer begun, and withdrawn.
 *
 * Room      server/bridge.
 * In        server/core, server/transfer.
 * Not here  what a join does (join.c, relay.c), its legs (side.c), its note (note.c). */
#include "server/bridge/bridge_priv.h"

enum err bridge_open(const struct bridge_config *config, struct bridge **out)
{
    struct bridge *b = mem_zalloc(config->mem, sizeof *b);
    enum err       e;

    if (!b)
        return ERR_NOMEM;
    b->config = *config;
    list_init(&b->blocks);
    list_init(&b->restored);
    list_init(&b->tickets);
    list_init(&b->noted);
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        list_init(&b->shard[i].calls);
        list_init(&b->shard[i].direct);
    }
    if ((e = join_notes_load(b))) {
        bridge_close(b);
        return e;
    }
    *out = b;
    return ERR_OK;
}

void bridge_attach(struct bridge *b, struct stack *st)
{
    b->stack = st;
}

void bridge_shard_close(struct bridge *b, struct shard *sh)
{
    struct list *l = &b->shard[shard_index(sh)].calls;

    for (struct list_node *n; (n = list_first(l));) {
        struct join *j = LIST_OF(n, struct join, node);

        j->note_id = 0; /* it stays in the file */
        join_free(j);
    }
}

void bridge_close(struct bridge *b)
{
    if (!b)
        return;
    join_tickets_drop(b, 0);
    for (struct list_node *n; (n = list_first(&b->blocks));)
        bridge_block_free(b, LIST_OF(n, struct block, node));
    mem_free(b->config.mem, b, sizeof *b);
}

void bridge_tick(struct bridge *b, int64_t began_ms)
{
    if (atomic_exchange(&b->looked, true))
        return;
    join_left_end(b, began_ms);
    join_notes_wake(b);
}

size_t bridge_calls(const struct bridge *b)
{
    return atomic_load(&b->n_calls);
}

static enum err keep_note(struct join *j, struct held *h, const struct bridge_end *e)
{
    char       room[BRIDGE_END_OCTETS];
    struct buf b = BUF_ON(room);

    join_note_of_end(e, &b);
    return buf_err(&b) ? buf_err(&b) : join_held_set(j->b, h, buf_slice(&b));
}

static enum err keep_end(struct join *j, struct end *e, const struct bridge_end *from)
{
    enum err err;

    if ((err = join_held_set(j->b, &e->number, from->number)) || (err = join_held_set(j->b, &e->uri, from->dialog.remote)) ||
        (err = keep_note(j, &e->dialog, from)))
        return err;
    return join_origin_set(j->b, e, from->origin);
}

static enum err keep_refer(struct join *j, const struct bridge_transfer *t)
{
    struct slice        v = t->refer_to;
    struct leg_refer_in r = {.id = t->refer};
    char               *room = arena_alloc(shard_scratch(j->sh), 4 * v.n + 128);
    struct buf          target, replaces;
    enum err            e;

    if (!room)
        return ERR_NOMEM;
    buf_init(&target, room, 2 * v.n + 64);
    buf_init(&replaces, room + 2 * v.n + 64, 2 * v.n + 64);
    if ((e = ua_refer_to_read(v, &r, &target, &replaces)) || (e = join_held_set(j->b, &j->target, r.target)) ||
        (e = join_held_set(j->b, &j->replaces, r.replaces)))
        return e;
    return join_held_set(j->b, &j->referred_by, t->referred_by);
}

static enum err keep_joined(struct join *j, const struct bridge_transfer *t)
{
    enum err e;

    if (!t->target.dialog.call_id.n)
        return ERR_OK;
    j->joined_record = t->target_record;
    j->no_replaces = t->no_replaces;
    if ((e = keep_note(j, &j->joined[0], &t->target)) || (e = keep_note(j, &j->joined[1], &t->target_from)) ||
        (e = join_held_set(j->b, &j->joined_origin, t->target.origin)))
        return e;
    return join_held_set(j->b, &j->joined_number, t->target.number);
}

static enum err adopt(struct join *j, const struct bridge_transfer *t)
{
    struct leg_adopted kept = {.contact_user = t->transferor.number};
    struct leg_adopted leaving = {.contact_user = t->transferee.number, .referred = true, .refer = t->refer, .first_refer = t->first};
    enum err           e;

    if ((e = keep_refer(j, t)) || (e = keep_joined(j, t)) || (e = keep_end(j, &j->end[KEPT], &t->transferee)) ||
        (e = keep_end(j, &j->end[LEAVING], &t->transferor)) || (e = side_adopt(j, &j->end[KEPT], &t->transferee, &kept)))
        return e;
    if ((e = side_adopt(j, &j->end[LEAVING], &t->transferor, &leaving)) == ERR_OK) {
        j->end[LEAVING].refer = t->refer;
        j->end[LEAVING].first_refer = t->first;
    }
    return e;
}

enum err bridge_execute(struct bridge *b, struct shard *sh, const struct bridge_transfer *t, uint64_t *call)
{
    struct join *j = join_new(b, sh, atomic_fetch_add(&b->serial, 1) + 1);
    enum err     e;

    if (!j)
        return ERR_NOMEM;
    if ((e = adopt(j, t))) {
        side_abandon(j, &j->end[KEPT]);
        join_free(j);
        return e;
    }
    j->record = t->record;
    j->from = t->from;
    j->near = t->transferor.flow;
    j->recall_s = t->recall_s;
    j->tell = t->told;
    j->ctx = t->ctx;
    j->key = t->key;
    *call = j->serial;
    join_log(j, LOG_EVENT("bridge.begun"), 0);
    join_note(j);
    join_ask(j);
    return ERR_OK;
}

bool bridge_noted(struct bridge *b, struct shard *sh, uint64_t call)
{
    const struct join *j = join_find(b, sh, call);

    return j && j->note_id;
}

void bridge_pass(struct bridge *b, struct shard *sh, const struct stack_in *in)
{
    (void)ua_within(b->config.ua, sh, in);
}

void bridge_report(struct bridge *b, struct shard *sh, uint64_t call, unsigned code)
{
    struct join            *j = join_find(b, sh, call);
    struct leg_refer_report r = {.code = code};

    if (!j || !j->end[LEAVING].refer)
        return;
    r.leg = j->end[LEAVING].leg;
    r.refer = j->end[LEAVING].refer;
    (void)leg_refer_report(b->config.ua, shard_worker(sh), &r); /* without memory its subscription times out */
}

bool bridge_withdraw(struct bridge *b, struct shard *sh, uint64_t call)
{
    struct join *j = join_find(b, sh, call);

    if (!j || (j->state != JOIN_ASKING && j->state != JOIN_TONING))
        return false;
    join_say(j, S("the transferee takes the transfer after all: the exchange leaves it the call to the target"));
    j->tell = NULL;
    j->told = true;
    join_unnote(j); /* it is noted by who has withdrawn it again */
    join_enter(j, JOIN_WITHDRAWN, 0);
    return true;
}

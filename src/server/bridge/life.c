/* life.c - a join begins, says what it does, and goes.
 *
 * Room      server/bridge.
 * In        the other files.
 * Touches   the shard's list of joins; the record, the log, and whoever asked for the transfer. */
#include "server/bridge/bridge_priv.h"

/* ---- life ---- */

struct join *join_new(struct bridge *b, struct shard *sh, uint64_t serial)
{
    struct join *j = mem_zalloc(b->config.mem, sizeof *j);

    if (!j)
        return NULL;
    j->b = b;
    j->sh = sh;
    j->serial = serial;
    j->timer = (struct wheel_timer){.fire = join_on_timer, .arg = j};
    j->again = (struct wheel_timer){.fire = join_on_again, .arg = j};
    list_append(&b->shard[shard_index(sh)].calls, &j->node);
    atomic_fetch_add(&b->n_calls, 1);
    return j;
}

struct join *join_find(struct bridge *b, struct shard *sh, uint64_t serial)
{
    struct list *l = &b->shard[shard_index(sh)].calls;

    for (struct list_node *n = list_first(l); n; n = list_next(l, n))
        if (LIST_OF(n, struct join, node)->serial == serial)
            return LIST_OF(n, struct join, node);
    return NULL;
}

void join_stop_tone(struct join *j)
{
    if (j->tone && j->b->config.tone.close)
        j->b->config.tone.close(j->b->config.tone.ctx, j->tone);
    j->tone = 0;
}

void join_end_free(struct join *j, struct end *e)
{
    struct held *texts[] = {&e->number, &e->uri, &e->origin, &e->said, &e->out, &e->dialog};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        join_held_free(j->b, texts[i]);
    bridge_block_free(j->b, e->waiting);
    *e = (struct end){0};
}

void join_joined_free(struct join *j)
{
    struct held *texts[] = {&j->joined[0], &j->joined[1], &j->joined_origin, &j->joined_number};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        join_held_free(j->b, texts[i]);
}

void join_free(struct join *j)
{
    struct bridge *b = j->b;

    join_unnote(j);
    join_stop_tone(j);
    join_tickets_drop(b, j->serial);
    for (int i = 0; i < ROLES; i++)
        join_end_free(j, &j->end[i]);
    join_held_free(b, &j->target);
    join_held_free(b, &j->replaces);
    join_held_free(b, &j->referred_by);
    join_joined_free(j);
    shard_timer_stop(j->sh, &j->timer);
    shard_timer_stop(j->sh, &j->again);
    list_remove(&j->node);
    mem_free(b->config.mem, j, sizeof *j);
    atomic_fetch_sub(&b->n_calls, 1);
}

void join_end_drop(struct join *j, struct end *e)
{
    join_end_do(j, e, ERRAND_END, 0, SLICE_NONE, SLICE_NONE);
    if (j->offering == e)
        j->offering = NULL;
    if (j->asker == e)
        j->asker = NULL;
    join_end_free(j, e);
}

/* ---- telling ---- */

/* Reasons stand beside the messages of the dialog that was taken over. */
static struct slice told_call(const struct join *j)
{
    struct slice       texts = held_slice(&j->end[KEPT].dialog);
    static const char *none = "";

    return texts.n ? join_note_call_id(texts) : (struct slice){none, 0};
}

void join_say(struct join *j, struct slice why)
{
    proxy_say(j->sh, told_call(j), why);
}

void join_log(struct join *j, const char *event, unsigned code)
{
    struct log_line l;

    log_begin(&l, j->b->config.log, LOG_INFO, event, told_call(j));
    log_text(&l, "transferee", held_slice(&j->end[KEPT].number));
    log_text(&l, "transferor", held_slice(&j->end[LEAVING].number));
    log_text(&l, "target", held_slice(&j->target));
    if (code)
        log_number(&l, "code", code);
    log_end(&l);
}

void join_tell(struct join *j, unsigned code)
{
    void (*tell)(void *, struct shard *, uint64_t, unsigned) = j->tell;
    struct leg_refer_report r = {.leg = j->end[LEAVING].leg, .refer = j->end[LEAVING].refer, .code = code};

    if (j->told)
        return;
    j->told = true;
    j->why = code;
    j->tell = NULL;
    if (j->end[LEAVING].refer)
        (void)leg_refer_report(j->b->config.ua, shard_worker(j->sh), &r); /* without memory its subscription times out */
    join_log(j, LOG_EVENT("bridge.told"), code);
    join_note(j);
    if (tell)
        tell(j->ctx, j->sh, j->key, code);
}

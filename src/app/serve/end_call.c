/* end_call.c - ending a call for an administrator: asked of the call's shard, waited for by the client's thread.
 *
 * Room      app/serve.
 * Touches   struct ending, which belongs to whoever is last: the one who waits, or the shard when nobody waits any more. */
#include <time.h>

#include "app/serve/steward_priv.h"

enum { END_CALL_S = 5 };

struct ending {
    pthread_mutex_t  lock;
    pthread_cond_t   said;
    struct core     *core;
    struct dialog_id id;
    bool             done, left; /* left: nobody waits any more, so the shard frees it */
    enum err         result;
    struct mem      *mem;
};

static void ending_free(struct ending *e)
{
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->said);
    mem_free(e->mem, e, sizeof *e);
}

static void end_in_shard(void *arg, struct shard *sh)
{
    struct ending *e = arg;
    enum err       result = core_hang_up(e->core, sh, e->id, S("ended by an administrator"));
    bool           left;

    pthread_mutex_lock(&e->lock);
    e->result = result;
    e->done = true;
    left = e->left;
    pthread_cond_signal(&e->said);
    pthread_mutex_unlock(&e->lock);
    if (left)
        ending_free(e);
}

static enum err wait_for(struct ending *e)
{
    struct timespec t;
    enum err        result;
    bool            done;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += END_CALL_S;
    pthread_mutex_lock(&e->lock);
    while (!e->done && pthread_cond_timedwait(&e->said, &e->lock, &t) == 0)
        continue;
    done = e->done;
    result = done ? e->result : ERR_TIMEOUT;
    e->left = !done;
    pthread_mutex_unlock(&e->lock);
    if (done)
        ending_free(e);
    return result;
}

enum err serve_end_call(void *ctx, struct dialog_id id)
{
    struct steward *s = ctx;
    struct ending  *e;
    unsigned        shard;
    enum err        err;

    if ((err = core_shard_of(s->x->core, id, &shard)))
        return err;
    if (!(e = mem_zalloc(s->x->mem, sizeof *e)))
        return ERR_NOMEM;
    e->mem = s->x->mem;
    e->core = s->x->core;
    e->id = id;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->said, NULL);
    if ((err = stack_post(s->x->stack, shard, end_in_shard, e))) {
        ending_free(e);
        return err;
    }
    return wait_for(e);
}

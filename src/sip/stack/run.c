/* run.c - work for a shard from outside it: stack_run(), stack_post() (DESIGN §6).
 *
 * Room      sip/stack.
 * In        the door.
 * Out       jobs for steer.c.
 * Touches   nothing of a shard. */
#include "sip/stack/stack_priv.h"

struct run_job {
    struct job job;
    void (*fn)(void *arg, struct shard *sh);
    void       *arg;
    struct bell *bell; /* stack_post() */
};

static void work_on_run(struct job *j, struct shard *sh)
{
    struct run_job *rj = (struct run_job *)j;

    rj->fn(rj->arg, sh);
}

static struct run_job *make(struct stack *st, unsigned shard, void (*fn)(void *arg, struct shard *sh), void *arg)
{
    struct run_job *rj = mem_alloc(st->config.mem, sizeof *rj);

    if (rj)
        *rj = (struct run_job){.job = {.octets = sizeof *rj, .work = work_on_run, .shard = shard}, .fn = fn, .arg = arg};
    return rj;
}

enum err stack_run(struct stack *st, uint8_t worker, unsigned shard, void (*fn)(void *arg, struct shard *sh), void *arg)
{
    struct worker  *w = &st->workers[worker];
    struct run_job *rj = make(st, shard, fn, arg);

    if (!rj)
        return ERR_NOMEM;
    steer_job(w, &rj->job);
    steer_settle(w);
    return ERR_OK;
}

static void on_post(void *arg)
{
    struct run_job *rj = arg;
    struct worker  *w = rj->bell->w;
    struct mem     *mem = rj->bell->mem;

    if (!bell_came(rj->bell)) {
        mem_free(mem, rj, sizeof *rj);
        return;
    }
    steer_job(w, &rj->job);
    steer_settle(w);
}

enum err stack_post(struct stack *st, unsigned shard, void (*fn)(void *arg, struct shard *sh), void *arg)
{
    struct worker  *home = &st->workers[stack_home_worker(st, shard)];
    struct run_job *rj = make(st, shard, fn, arg);

    if (!rj)
        return ERR_NOMEM;
    rj->bell = home->bell;
    bell_post(home, on_post, rj);
    return ERR_OK;
}

uint8_t stack_home_worker(const struct stack *st, unsigned shard)
{
    return st->shards[shard].home;
}

/* job.c - a code was called for something to be done: the leg waits meanwhile, and then beeps and hangs up, or is refused.
 *
 * Room      server/voice.
 * In        setting.c, park.c: job_begin() with the call, job_done() once, from any thread.
 * Out       three short beeps; a refusal.
 * Touches   v->jobs under v->lock. A job lives from the call to the end of its leg, or of the room. Who does what is wanted
 *           posts its outcome to the leg's shard; everything else of a job is that shard's. */
#include "server/voice/voice_priv.h"

enum { HEARD_MS = 1500 }; /* long enough to be understood */

struct voice_job {
    struct list_node   node; /* in v->jobs */
    struct voice      *v;
    struct leg_id      leg;
    struct party      *party; /* once it answers */
    struct shard      *sh;
    struct wheel_timer timer;
    unsigned           code;  /* what it is refused with; 0: it is done */
    struct dialog_id   record;
    struct slice       offer; /* behind it */
    size_t             octets;
};

static void job_free(struct voice_job *j)
{
    spin_lock(&j->v->lock);
    list_remove(&j->node);
    spin_unlock(&j->v->lock);
    mem_free(j->v->config.mem, j, j->octets);
}

void jobs_close(struct voice *v)
{
    for (struct list_node *n; (n = list_first(&v->jobs));)
        job_free(LIST_OF(n, struct voice_job, node));
}

static struct voice_job *job_new(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct slice      offer = call->in->offer;
    size_t            octets = sizeof(struct voice_job) + offer.n;
    struct voice_job *j = mem_zalloc(v->config.mem, octets);
    struct buf        b;

    if (!j)
        return NULL;
    j->v = v;
    j->leg = leg_id(leg);
    j->octets = octets;
    j->record = call->record;
    buf_init(&b, j + 1, offer.n);
    buf_put(&b, offer);
    j->offer = (struct slice){b.p, offer.n};
    spin_lock(&v->lock);
    list_append(&v->jobs, &j->node);
    spin_unlock(&v->lock);
    return j;
}

/* ---- it is heard ---- */

static void on_heard(void *arg)
{
    struct voice_job *j = arg;
    struct leg       *leg = leg_find(j->v->config.ua, j->sh, j->leg);

    if (leg)
        leg_hang_up(leg, SLICE_NONE);
}

static void on_begun(struct party *p, struct leg *leg)
{
    struct voice_job *j = p->job;

    j->sh = leg_shard(leg);
    j->timer.fire = on_heard;
    j->timer.arg = j;
    shard_timer_start(j->sh, &j->timer, HEARD_MS);
}

static void on_ended(struct party *p, struct leg *leg, const struct leg_end *end)
{
    struct voice_job *j = p->job;

    (void)leg;
    (void)end;
    p->job = NULL;
    if (!j)
        return;
    if (j->sh)
        shard_timer_stop(j->sh, &j->timer);
    job_free(j);
}

static const struct voice_act job_act = {.begun = on_begun, .ended = on_ended};

static unsigned answer(struct voice_job *j, struct leg *leg)
{
    struct sound_ask ask = {.send_only = true, .play = {.what = SOUND_CONFIRM}};
    struct party    *p;

    if (party_new(j->v, &job_act, &p))
        return 500;
    p->job = j;
    party_record_set(p, j->record);
    if (party_answer(p, leg, j->offer, &ask)) {
        p->job = NULL;
        party_free(p);
        return 500;
    }
    j->party = p;
    return 0;
}

/* ---- it is done ---- */

static void on_posted(void *arg, struct shard *sh)
{
    struct voice_job *j = arg;
    struct leg       *leg = leg_find(j->v->config.ua, sh, j->leg);
    unsigned          code = j->code;

    if (leg && leg_state(leg) != LEG_OVER && !code)
        code = answer(j, leg);
    if (leg && leg_state(leg) != LEG_OVER && code)
        (void)leg_reject(leg, &(struct leg_refusal){.code = code});
    if (!j->party)
        job_free(j);
}

void job_done(struct voice_job *j, unsigned code)
{
    j->code = code;
    if (stack_post(j->v->stack, j->leg.shard, on_posted, j))
        return; /* no memory: the caller gives up in the end, and the room frees it */
}

/* ---- it is asked for ---- */

/* Until then the leg only waits; nothing of it is asked meanwhile. */
static void on_waiting_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    (void)arg;
    (void)leg;
    (void)end;
}

static const struct leg_on waiting_on = {.ended = on_waiting_ended};

struct voice_job *job_begin(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    struct voice_job *j = job_new(v, leg, call);

    if (j)
        leg_attach(leg, &waiting_on, j);
    return j;
}

void job_drop(struct voice_job *j)
{
    job_free(j);
}

struct voice *job_voice(const struct voice_job *j)
{
    return j->v;
}

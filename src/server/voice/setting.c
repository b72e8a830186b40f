/* setting.c - a code that changes a setting of whoever dials it: done, and then heard (doc/features.md).
 *
 * Room      server/voice.
 * In        voice.c: a call to a code that plan_code_setting() knows.
 * Out       directory_set_later(); a leg that answers with three short beeps and hangs up, or is refused.
 * Touches   v->jobs under v->lock. A job lives from the call to the end of its leg, or of the room. The directory's thread
 *           writes its outcome and posts it to the leg's shard; everything else of it is that shard's.
 * Whose     the user whose account has proved itself, as the call's record has it; without a record the one that From names,
 *           which server/core has seen to be the account's. Who is no user is refused: 403. */
#include "server/voice/voice_priv.h"

enum { HEARD_MS = 1500 }; /* long enough to be understood */

struct voice_job {
    struct list_node   node; /* in v->jobs */
    struct voice      *v;
    struct leg_id      leg;
    struct party      *party; /* once it answers */
    struct shard      *sh;
    struct wheel_timer timer;
    enum err           e;
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

void settings_close(struct voice *v)
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

static const struct voice_act setting_act = {.begun = on_begun, .ended = on_ended};

static unsigned answer(struct voice_job *j, struct leg *leg)
{
    struct sound_ask ask = {.send_only = true, .play = {.what = SOUND_CONFIRM}};
    struct party    *p;

    if (party_new(j->v, &setting_act, &p))
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

static unsigned code_for(enum err e)
{
    switch (e) {
    case ERR_OK: return 0;
    case ERR_NOTFOUND: return 403; /* who calls is no user */
    case ERR_INVALID:
    case ERR_SYNTAX:
    case ERR_LIMIT: return 484; /* that is no number to forward to */
    default: return 500;
    }
}

static void on_posted(void *arg, struct shard *sh)
{
    struct voice_job *j = arg;
    struct leg       *leg = leg_find(j->v->config.ua, sh, j->leg);
    unsigned          code = code_for(j->e);

    if (leg && leg_state(leg) != LEG_OVER && !code)
        code = answer(j, leg);
    if (leg && leg_state(leg) != LEG_OVER && code)
        (void)leg_reject(leg, &(struct leg_refusal){.code = code});
    if (!j->party)
        job_free(j);
}

static void on_done(void *arg, enum err e, const struct directory_fault *fault)
{
    struct voice_job *j = arg;
    struct log_line   l;

    if (e) {
        log_begin(&l, j->v->config.log, LOG_INFO, LOG_EVENT("feature.refused"), SLICE_NONE);
        log_text(&l, "why", slice_z(fault->text));
        log_end(&l);
    }
    j->e = e;
    if (stack_post(j->v->stack, j->leg.shard, on_posted, j))
        return; /* no memory: the caller gives up in the end, and the room frees it */
}

/* ---- it is asked for ---- */

/* Until the setting is stored the leg only waits; nothing of it is asked meanwhile. */
static void on_waiting_ended(void *arg, struct leg *leg, const struct leg_end *end)
{
    (void)arg;
    (void)leg;
    (void)end;
}

static const struct leg_on waiting_on = {.ended = on_waiting_ended};

/* The number of ours that calls; empty: none. Without a record From says it. */
static struct slice caller(const struct directory_view *view, const struct voice_in *call, struct buf *b)
{
    struct slice number = call->caller;
    struct uri   u;

    if (!call->record.gen && !uri_parse(call->in->from_uri, &u, NULL) && (u.scheme == URI_TEL || directory_host_is_ours(view, u.host))) {
        uri_put_user_key(b, &u);
        number = buf_slice(b);
    }
    return number.n && directory_user(view, number) ? number : SLICE_NONE;
}

static unsigned set(struct voice *v, const struct directory_act *act, struct leg *leg, const struct voice_in *call)
{
    struct voice_job *j = job_new(v, leg, call);

    if (!j)
        return 500;
    leg_attach(leg, &waiting_on, j);
    if (directory_set_later(v->config.directory, act, on_done, j) == ERR_OK)
        return 0;
    job_free(j);
    return 500;
}

unsigned setting_incoming(struct voice *v, struct leg *leg, const struct voice_in *call)
{
    const struct directory_view *view = directory_take(v->config.directory);
    char                         text[3 * URI_MAX_OCTETS];
    struct buf                   b = BUF_ON(text);
    struct directory_pair        pair;
    struct directory_act         act = {.pairs = &pair, .n_pairs = 1, .who = S("phone")};
    struct slice                 rest;
    enum plan_code               code = directory_code(view, call->number, &rest);
    unsigned                     refused = 0;

    act.now_ms = (int64_t)(net_wall_us(shard_net(leg_shard(leg))) / 1000);
    act.number = caller(view, call, &b);
    if (!plan_code_setting(code, rest, &pair.key, &pair.value))
        refused = 404;
    else if (!act.number.n)
        refused = 403;
    else
        refused = set(v, &act, leg, call);
    directory_give(view);
    return refused;
}

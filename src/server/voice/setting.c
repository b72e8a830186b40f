/* setting.c - a code that changes a setting of whoever dials it: done, and then heard (doc/features.md).
 *
 * Room      server/voice.
 * In        voice.c: a call to a code that plan_code_setting() knows.
 * Out       directory_set_later(), whose outcome comes on the directory's thread; job.c, by which it is heard.
 * Whose     the user whose account has proved itself, as the call's record has it; without a record the one that From names,
 *           which server/core has seen to be the account's. Who is no user is refused: 403. */
#include "server/voice/voice_priv.h"

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

static void on_done(void *arg, enum err e, const struct directory_fault *fault)
{
    struct voice_job *j = arg;
    struct log_line   l;

    if (e) {
        log_begin(&l, job_voice(j)->config.log, LOG_INFO, LOG_EVENT("feature.refused"), SLICE_NONE);
        log_text(&l, "why", slice_z(fault->text));
        log_end(&l);
    }
    job_done(j, code_for(e));
}

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
    struct voice_job *j = job_begin(v, leg, call);

    if (!j)
        return 500;
    if (directory_set_later(v->config.directory, act, on_done, j) == ERR_OK)
        return 0;
    job_drop(j);
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

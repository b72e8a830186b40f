/* refresh.c - session timers of others' calls (RFC 4028 §8; PROTOCOL 8): a refresh is asked for, and what is agreed is kept.
 *
 * Room      server/proxy. Does nothing unless proxy_config.session_s says so.
 * In        new.c, within.c (requests that go on), compose.c (their 2xx), keep.c (the record).
 * Not here  what becomes of a session that nobody refreshes: server/core/alive.c. */
#include "server/proxy/proxy_priv.h"

enum { LEAST_S = 90 }; /* §4 */

static bool may_refresh(const struct msg *m)
{
    return m->method_id == METHOD_INVITE || m->method_id == METHOD_UPDATE;
}

static bool knows_timers(const struct msg *m)
{
    return msg_has_token(m, HDR_SUPPORTED, S("timer")) || msg_has_token(m, HDR_REQUIRE, S("timer"));
}

bool refresh_refuses(struct proxy *px, struct shard *sh, const struct stack_in *in)
{
    struct session_expires asked;
    char                   room[64];
    struct buf             rows = BUF_ON(room);

    if (!px->session_s || !may_refresh(in->m) || msg_session_expires(in->m, &asked) || asked.seconds >= px->session_min_s ||
        !knows_timers(in->m)) /* who does not know 422 would not call again */
        return false;
    msg_put_row_number(&rows, HDR_MIN_SE, px->session_min_s);
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = 422, .rows = buf_slice(&rows)});
    return true;
}

void refresh_look(struct fork *f, const struct msg *m)
{
    struct session_expires asked;
    uint32_t               least_s = LEAST_S, wanted_s = f->px->session_s;

    if (!wanted_s || !may_refresh(m))
        return;
    (void)msg_min_se(m, &least_s);
    if (wanted_s < least_s)
        wanted_s = least_s;
    f->refresh.asked_s = wanted_s;
    if (!msg_session_expires(m, &asked) && asked.seconds <= wanted_s)
        f->refresh.asked_s = asked.seconds; /* as it is */
    else
        f->refresh.write = true;
    f->refresh.knows = knows_timers(m);
}

/* Also a longer one: its refresher stays. */
void refresh_edit_request(const struct fork *f, struct msg_edit *e, const struct msg *m)
{
    const struct msg_row  *row = msg_row(m, HDR_SESSION_EXPIRES);
    struct session_expires asked;
    struct buf             b;

    if (!f->refresh.write || proxy_scratch(f->sh, 64 + (row ? row->value.n : 0), &b))
        return;
    buf_putu(&b, f->refresh.asked_s);
    if (row && !msg_session_expires(m, &asked))
        buf_put(&b, asked.params);
    msg_edit_set(e, HDR_SESSION_EXPIRES, buf_slice(&b));
}

/* §8.2: a callee without timers says nothing of them; who called can refresh all the same, and is told to. */
static bool caller_must(const struct fork *f, const struct msg *m)
{
    return f->refresh.asked_s && f->refresh.knows && m->status / 100 == 2 && !msg_has(m, HDR_SESSION_EXPIRES);
}

void refresh_edit_response(const struct fork *f, struct msg_edit *e, const struct msg *m)
{
    struct buf b;

    if (!caller_must(f, m) || proxy_scratch(f->sh, 64, &b))
        return;
    buf_putu(&b, f->refresh.asked_s);
    buf_put(&b, S(";refresher=uac"));
    msg_edit_append(e, HDR_SESSION_EXPIRES, buf_slice(&b));
    if (!msg_has_token(m, HDR_REQUIRE, S("timer")))
        msg_edit_append(e, HDR_REQUIRE, S("timer"));
}

void refresh_keep(const struct fork *f, const struct msg *m, struct dialog_record *r)
{
    struct dialog_session *s = &r->session;
    enum dialog_side       asker = f->within ? f->from : DIALOG_CALLER;
    struct session_expires agreed;

    if (!f->refresh.asked_s || m->status / 100 != 2)
        return;
    *s = (struct dialog_session){.interval_s = f->refresh.asked_s, .by = DIALOG_REFRESH_EXCHANGE};
    if (!msg_session_expires(m, &agreed)) {
        s->interval_s = agreed.seconds < LEAST_S ? LEAST_S : agreed.seconds;
        s->by = dialogs_refresh_by(agreed.refresher == REFRESHER_UAS ? dialogs_other(asker) : asker);
    } else if (f->refresh.knows)
        s->by = dialogs_refresh_by(asker);
    s->due_ms = (int64_t)proxy_wall_ms(f->sh) + (s->by == DIALOG_REFRESH_EXCHANGE ? 500LL : 1000LL) * s->interval_s;
}

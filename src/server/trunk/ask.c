/* ask.c - is a trunk there, and how busy is it? OPTIONS, and what becomes of it (RFC 3261 §11, RFC 7339 §4.1).
 *
 * Room      server/trunk.
 * In        watch.c, when it is due.
 * Touches   its watch: under the lock what others look at. All of one question happens in the shard of its Call-ID. */
#include "server/trunk/trunk_priv.h"

enum { ASK_OCTETS = 2048 };

static void done(struct watch *w, bool silent, const struct addr *from)
{
    struct trunks *t = w->t;
    bool           turned, fresh = true;

    shard_timer_stop(w->sh, &w->timer);
    spin_lock(&t->lock);
    turned = w->asked ? w->silent != silent : silent;
    w->asked = true;
    w->silent = silent;
    for (size_t i = 0; from && i < w->n_seen; i++)
        fresh &= !addr_same_ip(&w->seen[i], from);
    if (from && fresh) {
        for (size_t i = TRUNK_MAX_SEEN - 1; i > 0; i--)
            w->seen[i] = w->seen[i - 1];
        w->seen[0] = *from;
        w->n_seen += w->n_seen < TRUNK_MAX_SEEN;
    }
    spin_unlock(&t->lock);
    if (turned)
        trunk_log(t, silent ? LOG_WARN : LOG_INFO, silent ? LOG_EVENT("trunk.down") : LOG_EVENT("trunk.up"), w, 0);
    spin_lock(&t->lock);
    w->asking = false; /* from now on it may go */
    spin_unlock(&t->lock);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id tsx, const struct msg *m, const struct flow *from)
{
    struct watch *w = arg;

    (void)tsx;
    if (m->status < 200)
        return;
    trunk_heard(w->t, w->name, m, shard_now_ms(sh));
    done(w, m->status == 408 || m->status == 503, &from->remote);
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id tsx, enum err why)
{
    (void)sh;
    (void)tsx;
    (void)why;
    done(arg, true, NULL);
}

static const struct stack_client_on ask_on = {.response = on_response, .failed = on_failed};

static void on_late(void *arg)
{
    struct watch *w = arg;

    stack_forget(w->sh, w->tsx);
    done(w, true, NULL);
}

/* A loose OPTIONS: who we are there, and to whom. */
static enum err put(struct watch *w, const struct directory_trunk *d, struct buf *b)
{
    struct uri u;
    enum err   e = uri_parse(d->server, &u, NULL);

    if (e)
        return e;
    u.params = SLICE_NONE;
    buf_put(b, S("OPTIONS "));
    uri_write(b, &u);
    buf_put(b, S(" SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:"));
    uri_put_escaped_user(b, d->user.n ? d->user : S("strowger"));
    buf_putc(b, '@');
    uri_put_host(b, d->domain);
    buf_puts(b, S(">;tag="), slice_to(w->call_id, 8), S("\r\nTo: <"));
    uri_write(b, &u);
    buf_put(b, S(">\r\n"));
    msg_put_row(b, HDR_CALL_ID, w->call_id);
    msg_put_cseq(b, ++w->cseq, S("OPTIONS"));
    msg_put_row(b, HDR_ACCEPT, S("application/sdp"));
    msg_put_end(b, SLICE_NONE, SLICE_NONE);
    return buf_err(b);
}

static enum err send(struct watch *w, struct shard *sh, const struct directory_trunk *d)
{
    struct stack_send s = {.on = &ask_on, .arg = w, .offers_reports = true};
    char             *room = arena_alloc(shard_scratch(sh), ASK_OCTETS);
    struct uri        hop;
    struct buf        b;
    enum err          e;

    if (!room)
        return ERR_NOMEM;
    buf_init(&b, room, ASK_OCTETS);
    if ((e = put(w, d, &b)) || (e = uri_parse(d->server, &hop, NULL)))
        return e;
    s.octets = buf_slice(&b);
    s.next_hop = &hop;
    return stack_request(sh, &s, &w->tsx);
}

static void give_up(struct watch *w)
{
    spin_lock(&w->t->lock);
    w->asking = false;
    spin_unlock(&w->t->lock);
}

static void run(void *arg, struct shard *sh)
{
    struct watch                 *w = arg;
    const struct directory_view  *view = directory_take(w->t->config.directory);
    const struct directory_trunk *d = directory_trunk(view, w->name);

    w->sh = sh;
    w->timer.fire = on_late;
    w->timer.arg = w;
    if (!d || send(w, sh, d))
        give_up(w);
    else
        shard_timer_start(sh, &w->timer, TRUNK_WAIT_MS);
    directory_give(view);
}

void trunk_ask(struct watch *w)
{
    if (stack_post(w->t->stack, w->shard, run, w))
        give_up(w);
}

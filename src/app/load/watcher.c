/* watcher.c - a lamp: SUBSCRIBE for the calls of another number, its NOTIFYs, and the end of it (RFC 6665, RFC 4235).
 *
 * Room      app/load.
 * Out       a piece of work ended. A subscription is up when its 200 and its first NOTIFY have come, in either order, and has
 *           ended with the NOTIFY that says so. */
#include <stdio.h>

#include "app/load/load_priv.h"

static void answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
static void failed(void *arg, struct shard *sh, struct tsx_id t, enum err why);
static const struct stack_client_on on = {.response = answered, .failed = failed};

#define ROWS "Event: dialog\r\nAccept: application/dialog-info+xml\r\n"
static const struct end_request leave = {.method = METHOD_SUBSCRIBE, .rows = {ROWS "Expires: 0\r\n", sizeof ROWS "Expires: 0\r\n" - 1}, .on = &on};

enum err watcher_subscribe(struct end *e)
{
    char       room[sizeof ROWS + 32];
    struct buf rows = BUF_ON(room);

    buf_put(&rows, S(ROWS));
    msg_put_row_number(&rows, HDR_EXPIRES, e->load->o.expires_s);
    return load_end_begin(e, &(struct end_request){METHOD_SUBSCRIBE, buf_slice(&rows), &on});
}

static void no_notify(void *arg)
{
    struct end *e = arg;

    load_end_over(e, e->leaving ? "SUBSCRIBE without a last NOTIFY" : "SUBSCRIBE without a NOTIFY");
}

static void unsubscribe(void *arg)
{
    struct end *e = arg;

    e->leaving = true;
    e->tries = 0;
    if (load_end_request(e, &leave)) {
        load_end_over(e, "SUBSCRIBE could not be sent");
        return;
    }
    load_end_timer(e, no_notify, 64 * shard_times(e->sh)->t1_ms);
}

/* Both the 200 and the first NOTIFY are there. */
static void is_up(struct end *e)
{
    histogram_add(&e->load->figures.latency[LATENCY_NOTIFY], load_end_now_us(e) - e->asked_us);
    load_end_timer(e, unsubscribe, e->load->o.hold_ms);
}

static void accepted(struct end *e, const struct msg *m)
{
    if (e->has_dialog)
        return;
    if (dialog_from_response(&e->arena, m, false, &e->dialog)) {
        load_end_over(e, "SUBSCRIBE 200 that makes no dialog");
        return;
    }
    e->has_dialog = true;
    e->dialog.local_cseq = e->cseq;
    histogram_add(&e->load->figures.latency[LATENCY_SUBSCRIBE], load_end_now_us(e) - e->asked_us);
    if (e->confirmed)
        is_up(e);
    else
        load_end_timer(e, no_notify, 64 * shard_times(e->sh)->t1_ms);
}

static void answered(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    struct end *e = arg;
    char        cause[LOAD_CAUSE_OCTETS];

    (void)t;
    (void)from;
    if (m->status < 200)
        return;
    if (m->status < 300) {
        accepted(e, m);
        return;
    }
    if ((m->status == 401 || m->status == 407) && e->tries < LOAD_MAX_TRIES && !load_login_challenged(e->phone, sh, m) &&
        !(e->leaving ? load_end_request(e, &leave) : watcher_subscribe(e)))
        return;
    (void)snprintf(cause, sizeof cause, "SUBSCRIBE %u", m->status);
    load_end_over(e, cause);
}

static void failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)sh;
    (void)t;
    load_end_over(arg, why == ERR_TIMEOUT ? "SUBSCRIBE without an answer" : "SUBSCRIBE could not be sent");
}

/* It may overtake the 200 (RFC 6665 §4.1.2.4). */
void watcher_notify(struct end *e, const struct stack_in *in)
{
    bool first = !e->confirmed;

    (void)stack_reply_code(e->sh, in->tsx, 200);
    e->confirmed = true;
    if (slice_istarts(msg_value(in->m, HDR_SUBSCRIPTION_STATE), S("terminated")))
        load_end_over(e, e->leaving ? NULL : "NOTIFY that ends a subscription which nobody ended");
    else if (first && e->has_dialog)
        is_up(e);
}

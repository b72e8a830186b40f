/* relay.c - a REFER that goes end to end: mode relay, and what the exchange does not accept itself (PROTOCOL 5.1).
 *
 * Room      server/transfer.
 * In        transfer.c; the transferee's answer, by way of what passes the REFER on.
 * Touches   the shard's table of refers, and the table of watched calls (watch.c).
 *
 * Who answers and who is told is the phones' affair. But a Replaces that names no call is put right here too, one that a phone
 * drops is added, and a call that only rings ends when the transferee's begins (PROTOCOL 7.1, 7.2): without that a transfer
 * fails that the exchange could have saved. */
#include "server/transfer/transfer_priv.h"

/* Whose answer is waited for: by number, since the refer may be gone by then. */
struct relayed {
    struct transfer *t;
    uint64_t         serial;
};

static void on_answered(void *arg, struct shard *sh, unsigned code)
{
    struct relayed *d = arg;
    struct refer   *r = refer_by_serial(d->t, sh, d->serial);

    mem_free(d->t->mem, d, sizeof *d);
    if (!r)
        return;
    if (code < 300)
        refer_watch_own(r);
    else
        refer_silent(r); /* if it calls the target now, that is a call of its own */
}

static void on_dropped(void *arg)
{
    struct relayed *d = arg;

    mem_free(d->t->mem, d, sizeof *d);
}

static bool is_transfer(const struct refer *r)
{
    struct name_addr na;
    struct uri       u;
    struct slice     method;

    return !name_addr_parse(r->refer_to_value, &na) && !uri_parse(na.uri, &u, NULL) &&
           (uri_param(&u, S("method"), &method) || slice_ieq(method, S("INVITE")));
}

/* What is to be done with the call that it asks for; without memory nothing is. */
static struct refer *await_call(struct transfer *t, struct shard *sh, const struct stack_in *in, struct proxy_within *w)
{
    struct relayed *d;
    struct refer   *r;

    if (!w->id.gen || refer_open(t, sh, in, w, &r))
        return NULL;
    if (!is_transfer(r)) {
        refer_free(r);
        return NULL;
    }
    r->first = refer_is_first(t, sh, in->m, w->id);
    refer_watch_relayed(r);
    w->refer_to = r->refer_to;
    if ((!r->replaces.n && !r->early.gen) || !(d = mem_alloc(t->mem, sizeof *d)))
        return r;
    *d = (struct relayed){t, r->serial};
    w->watch = (struct proxy_watch){on_answered, on_dropped, d};
    return r;
}

static void log_relayed(const struct transfer *t, const struct msg *m)
{
    struct name_addr na;
    struct log_line  l;

    log_begin(&l, t->log, LOG_INFO, LOG_EVENT("transfer.relayed"), msg_call_id(m));
    if (!msg_name_addr(m, HDR_REFER_TO, &na))
        log_text(&l, "refer_to", na.uri);
    log_end(&l);
}

void refer_relay(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    struct proxy_within on = *w;
    struct refer       *r = await_call(t, sh, in, &on);
    bool                waits = r && on.watch.answered;

    proxy_say(sh, msg_call_id(in->m), S("this REFER goes end to end (mode relay)"));
    log_relayed(t, in->m);
    proxy_within_dialog(t->proxy, sh, in, &on);
    if (r && !waits)
        refer_free(r);
}

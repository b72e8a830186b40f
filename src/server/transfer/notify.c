/* notify.c - telling the transferor what has become of its transfer (RFC 3515 §2.4; PROTOCOL 4.2, 5.3).
 *
 * Room      server/transfer.
 * In        refer_tell(), from the carried REFER's answer and from watch.c.
 * Touches   the dialog's record: the transferee's direction is shifted by one before the NOTIFY leaves, so that a crash in
 *           between costs a number and nothing else. */
#include "server/transfer/transfer_priv.h"

enum { NOTIFY_OCTETS = 1024 }; /* beside the texts that it repeats */

static void on_timer(void *arg);

static void start_timer(struct refer *r, uint64_t in_ms)
{
    r->timer.fire = on_timer;
    r->timer.arg = r;
    shard_timer_start(r->sh, &r->timer, in_ms);
}

static void on_response(void *arg, struct shard *sh, struct tsx_id id, const struct msg *m, const struct flow *from)
{
    (void)sh;
    (void)id;
    (void)from;
    if (m->status < 200)
        return;
    refer_note_drop(arg); /* it is told */
    if (m->status >= 300 && m->status != 481)
        refer_reason(arg, S("the transferor does not take the NOTIFY"));
}

static void on_failed(void *arg, struct shard *sh, struct tsx_id id, enum err why)
{
    (void)sh;
    (void)id;
    (void)why;
    refer_note_drop(arg);
    refer_reason(arg, S("the transferor does not answer the NOTIFY"));
}

static void on_ended(void *arg, struct shard *sh, struct tsx_id id)
{
    (void)sh;
    (void)id;
    ((struct refer *)arg)->open--;
}

static const struct stack_client_on notify_client_on = {on_response, on_failed, on_ended};

/* The number for our NOTIFY: one above what the transferor has seen from the other side. While the record is there that
 * side's later requests are shifted past it; once the dialog has ended nobody else speaks in it. */
static enum err take_cseq(struct refer *r, uint32_t *out)
{
    enum dialog_side     other = dialogs_other(r->from);
    struct dialogs      *d = proxy_dialogs(r->t->proxy);
    struct dialog_record rec;
    struct dialog_party *p = &rec.side[other];
    enum err             e;

    if (dialogs_get(d, r->dialog, shard_scratch(r->sh), &rec)) {
        *out = ++r->seen_cseq;
        return ERR_OK;
    }
    *out = p->cseq + p->shift + 1;
    if (*out <= r->seen_cseq)
        *out = r->seen_cseq + 1;
    p->shift = *out - p->cseq;
    rec.spoken = true;
    if ((e = dialogs_put(d, r->dialog, &rec)))
        return e;
    r->seen_cseq = *out;
    return ERR_OK;
}

static void put_notify(struct refer *r, uint32_t cseq, struct buf *b)
{
    char       body[128];
    struct buf sip = BUF_ON(body);

    buf_put(&sip, S("SIP/2.0 "));
    buf_putu(&sip, r->code);
    buf_puts(&sip, S(" "), msg_reason(r->code), S("\r\n"));
    msg_put_request_line(b, S("NOTIFY"), r->contact);
    msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    msg_put_row(b, HDR_FROM, r->to_value); /* the REFER's, swapped, octet for octet */
    msg_put_row(b, HDR_TO, r->from_value);
    msg_put_row(b, HDR_CALL_ID, r->call_id);
    msg_put_cseq(b, cseq, S("NOTIFY"));
    buf_puts(b, S("Contact: <"), r->uri, S(">\r\nEvent: refer"));
    if (!r->first) {
        buf_put(b, S(";id="));
        buf_putu(b, r->refer_cseq);
    }
    buf_put(b, S("\r\nSubscription-State: terminated;reason=noresource\r\n"));
    msg_put_end(b, S("message/sipfrag;version=2.0"), buf_slice(&sip));
}

static void try_later(struct refer *r)
{
    if (++r->tries < REFER_MAX_TRIES) {
        start_timer(r, REFER_BUSY_MS);
        return;
    }
    refer_reason(r, S("the transferor cannot be told: the dialog is never free for the exchange to speak in"));
    r->state = REFER_SPOKEN;
    refer_note_drop(r);
    start_timer(r, REFER_ABSORB_MS);
}

static void speak(struct refer *r)
{
    enum dialog_side other = dialogs_other(r->from);
    struct buf       b;
    size_t           cap = NOTIFY_OCTETS + r->from_value.n + r->to_value.n + r->contact.n + r->uri.n + r->call_id.n;
    char            *room = arena_alloc(shard_scratch(r->sh), cap);
    uint32_t         cseq;

    /* PROTOCOL 4.2: not while somebody else speaks in that direction */
    if (!room || proxy_is_open(r->t->proxy, r->sh, r->dialog, other) || take_cseq(r, &cseq)) {
        try_later(r);
        return;
    }
    buf_init(&b, room, cap);
    put_notify(r, cseq, &b);
    r->state = REFER_SPOKEN;
    if (proxy_speak(r->t->proxy, r->sh, &r->flow, buf_slice(&b), &notify_client_on, r) == ERR_OK)
        r->open++;
    else
        refer_note_drop(r);
    start_timer(r, REFER_ABSORB_MS);
}

static void on_timer(void *arg)
{
    struct refer *r = arg;

    if (r->state == REFER_SPEAKING)
        speak(r);
    else if (r->open)
        start_timer(r, REFER_BUSY_MS);
    else
        refer_free(r);
}

void refer_tell(struct refer *r, unsigned code)
{
    if (r->state == REFER_SPEAKING || r->state == REFER_SPOKEN || r->state == REFER_DONE)
        return;
    refer_unwatch(r);
    r->code = code;
    refer_log(r, LOG_EVENT("transfer.told"), code);
    r->state = REFER_SPEAKING;
    refer_note_write(r);
    if (r->call) { /* it was executed and withdrawn: the dialog with the transferor is the bridge's */
        bridge_report(r->t->bridge, r->sh, r->call, code);
        r->state = REFER_SPOKEN;
        refer_note_drop(r);
        start_timer(r, REFER_ABSORB_MS);
        return;
    }
    speak(r);
}

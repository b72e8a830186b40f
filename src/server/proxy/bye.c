/* bye.c - the exchange speaks in the place of one of a dialog's sides, by the dialog's record: BYE, or whether the other is
 * still there (PROTOCOL §4, §8).
 *
 * Room      server/proxy.
 * In        server/core (an administrator hangs up; sessions that nobody refreshes); stray_cancel.c; stray.c and server/bridge after a
 *           restart.
 * Touches   sends; the record stays as it is, but for proxy_abandon().
 *
 * It says of its sender what the other side knows: a caller who is hidden is hidden in the record, too. */
#include "server/proxy/proxy_priv.h"

enum { BYE_OCTETS = 512 }; /* beside the texts of the record, which stand in it once */

static void put_request(const struct dialog_record *r, enum dialog_side by, struct slice method, uint32_t cseq, struct buf *b)
{
    const struct dialog_party *from = &r->side[by], *to = &r->side[dialogs_other(by)];

    msg_put_request_line(b, method, to->target);
    if (to->route.n)
        msg_put_row(b, HDR_ROUTE, to->route);
    msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    buf_puts(b, S("From: <"), from->uri, S(">;tag="), from->tag, S("\r\nTo: <"), to->uri, S(">;tag="), to->tag, S("\r\n"));
    msg_put_row(b, HDR_CALL_ID, r->call_id);
    msg_put_cseq(b, cseq, method);
}

enum err proxy_speak_bye(struct proxy *px, struct shard *sh, const struct dialog_record *r, enum dialog_side by, struct slice rows)
{
    struct flow flow;
    struct buf  b;
    enum err    e;

    if (!proxy_flow_of(r->side[dialogs_other(by)].flow, &flow))
        return ERR_NOTFOUND;
    if ((e = proxy_scratch(sh, DIALOGS_TEXT_OCTETS + rows.n + BYE_OCTETS, &b)))
        return e;
    put_request(r, by, S("BYE"), r->side[by].cseq + r->side[by].shift + 1, &b);
    buf_put(&b, rows);
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    return buf_err(&b) ? buf_err(&b) : proxy_speak(px, sh, &flow, buf_slice(&b), NULL, NULL);
}

enum err proxy_speak_probe(struct proxy *px, struct shard *sh, const struct dialog_record *r, enum dialog_side by,
                           const struct stack_client_on *on, void *arg)
{
    const bool   update = r->side[dialogs_other(by)].has_update && r->side[by].target.n;
    struct slice method = update ? S("UPDATE") : S("OPTIONS");
    struct flow  flow;
    struct buf   b;
    enum err     e;

    if (!proxy_flow_of(r->side[dialogs_other(by)].flow, &flow))
        return ERR_NOTFOUND;
    if ((e = proxy_scratch(sh, 2 * DIALOGS_TEXT_OCTETS + BYE_OCTETS, &b)))
        return e;
    put_request(r, by, method, r->side[by].cseq + r->side[by].shift, &b);
    if (update) /* it refreshes the target, which stays what it is */
        buf_puts(&b, hdr_name(HDR_CONTACT), S(": <"), r->side[by].target, S(">\r\n"));
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    return buf_err(&b) ? buf_err(&b) : proxy_speak(px, sh, &flow, buf_slice(&b), on, arg);
}

bool proxy_called_itself(struct shard *sh, const struct dialog_record *r)
{
    struct flow flow;

    return proxy_flow_of(r->side[DIALOG_CALLER].flow, &flow) &&
           transport_is_local(shard_transport(sh), (enum transport_kind)flow.kind, &flow.remote);
}

enum err proxy_abandon(struct proxy *px, struct shard *sh, struct dialog_id id)
{
    struct dialog_end    end = {.now_ms = (int64_t)proxy_wall_ms(sh), .by = S("restart"), .why = S("restart")};
    struct dialog_record r;
    enum err             e = dialogs_get(px->dialogs, id, shard_scratch(sh), &r);

    if (e || !r.side[DIALOG_CALLEE].tag.n || !r.side[DIALOG_CALLEE].target.n)
        return e ? e : ERR_NOTFOUND;
    proxy_say(sh, r.call_id, S("the exchange made this call itself, before it was restarted: nobody is at its end any more, and the phone is "
                               "told so by BYE"));
    (void)proxy_speak_bye(px, sh, &r, DIALOG_CALLER, S("Reason: SIP;cause=200;text=\"The exchange has restarted\"\r\n"));
    return r.state == DIALOG_EARLY ? ERR_OK : dialogs_end(px->dialogs, id, &end);
}

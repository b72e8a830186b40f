/* bye.c - the exchange ends a dialog in the place of one of its sides: a BYE by the dialog's record (PROTOCOL §4).
 *
 * Room      server/proxy.
 * In        server/core (an administrator hangs up); stray_cancel.c.
 * Touches   sends; the record stays as it is.
 *
 * It says of its sender what the other side knows: a caller who is hidden is hidden in the record, too. */
#include "server/proxy/proxy_priv.h"

enum { BYE_OCTETS = 512 }; /* beside the texts of the record, which stand in it once */

static void put_bye(const struct dialog_record *r, enum dialog_side by, struct slice rows, struct buf *b)
{
    const struct dialog_party *from = &r->side[by], *to = &r->side[dialogs_other(by)];

    msg_put_request_line(b, S("BYE"), to->target);
    if (to->route.n)
        msg_put_row(b, HDR_ROUTE, to->route);
    msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    buf_puts(b, S("From: <"), from->uri, S(">;tag="), from->tag, S("\r\nTo: <"), to->uri, S(">;tag="), to->tag, S("\r\n"));
    msg_put_row(b, HDR_CALL_ID, r->call_id);
    msg_put_cseq(b, from->cseq + from->shift + 1, S("BYE"));
    buf_put(b, rows);
    msg_put_end(b, SLICE_NONE, SLICE_NONE);
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
    put_bye(r, by, rows, &b);
    return buf_err(&b) ? buf_err(&b) : proxy_speak(px, sh, &flow, buf_slice(&b), NULL, NULL);
}

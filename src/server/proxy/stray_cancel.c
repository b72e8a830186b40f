/* stray_cancel.c - a CANCEL for an INVITE that went out before a restart: the phone that rings is told all the same.
 *
 * Room      server/proxy.
 * In        proxy_cancel() when no transaction is there.
 * Touches   sends; the dialog's record ends when the phone refuses its INVITE (stray.c).
 *
 * The INVITE's transaction towards the phone went with the process, so a CANCEL, which must have its branch (RFC 3261 §9.1),
 * cannot be made. But the caller may end an early dialog by BYE (§15), and that one is in the dialog's record, as soon as
 * the phone has given its tag. The phone then answers the INVITE with 487, which stray.c brings to the caller. */
#include "server/proxy/proxy_priv.h"

/* The attempt of that INVITE, if it rings since before this run, and is the sender's own. */
static bool find_ringing(struct proxy *px, struct shard *sh, const struct stack_in *in, struct dialog_record *r)
{
    const struct dialog_party *caller = &r->side[DIALOG_CALLER], *callee = &r->side[DIALOG_CALLEE];
    struct dialog_id           id;
    struct cseq                cseq;
    struct flow                flow;

    if (msg_cseq(in->m, &cseq) || dialogs_find_attempt(px->dialogs, msg_call_id(in->m), msg_from_tag(in->m), cseq.number, &id) ||
        dialogs_get(px->dialogs, id, shard_scratch(sh), r))
        return false;
    return r->state == DIALOG_EARLY && (uint64_t)r->started_ms / 1000 <= px->started_s && callee->tag.n && callee->target.n &&
           proxy_flow_of(caller->flow, &flow) && addr_same_ip(&flow.remote, &in->from.remote);
}

bool stray_cancel(struct proxy *px, struct shard *sh, const struct stack_in *in)
{
    struct dialog_record r;
    struct buf           reason;

    if (!find_ringing(px, sh, in, &r) || proxy_scratch(sh, in->m->head.n, &reason))
        return false;
    msg_put_rows_of(&reason, in->m, HDR_REASON);
    if (buf_err(&reason) || proxy_speak_bye(px, sh, &r, DIALOG_CALLER, buf_slice(&reason)))
        return false;
    proxy_say(sh, r.call_id, S("the INVITE was sent before this exchange was restarted and cannot be cancelled any more: the "
                               "exchange ends its early dialog with BYE"));
    return true;
}

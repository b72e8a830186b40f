/* hold.c - the transferor's BYE waits until the transferee has answered the REFER (PROTOCOL 5.4; F12 comes before F14).
 *
 * Room      server/transfer.
 * In        watch.c, when a BYE comes; transfer.c and execute.c, when it is known who will act.
 * Touches   a copy of the BYE in the refer's arena; its server transaction stays unanswered meanwhile. */
#include "server/transfer/transfer_priv.h"

bool refer_holds(struct refer *r, const struct stack_in *in)
{
    if (in->m->method_id != METHOD_BYE || r->answered || r->bye.n)
        return false;
    if (arena_dup(&r->arena, in->m->raw, &r->bye) || arena_dup(&r->arena, in->via, &r->bye_via)) {
        r->bye = SLICE_NONE; /* without memory it goes on at once: that is lawful, only not as drawn */
        return false;
    }
    r->bye_from = in->from;
    r->bye_tsx = in->tsx;
    refer_reason(r, S("the BYE waits until the transferee has answered the REFER"));
    return true;
}

void refer_release(struct refer *r)
{
    struct slice        octets = r->bye;
    struct stack_in     in = {.from = r->bye_from, .tsx = r->bye_tsx, .via = r->bye_via};
    struct proxy_within w;
    struct msg         *m;

    r->answered = true;
    shard_timer_stop(r->sh, &r->hold_timer);
    if (!octets.n)
        return;
    r->bye = SLICE_NONE;
    if (msg_parse(shard_scratch(r->sh), octets, &m)) {
        stack_reply_code(r->sh, in.tsx, 503);
        return;
    }
    in.m = m;
    if (r->call) { /* executed: it is the bridge's to answer */
        bridge_pass(r->t->bridge, r->sh, &in);
        return;
    }
    proxy_look(r->t->proxy, r->sh, &in, &w);
    if (!transfer_sees(r->t, r->sh, &in, &w)) /* another REFER of this dialog may still be on its way */
        proxy_within_dialog(r->t->proxy, r->sh, &in, &w);
}

/* hang_up.c - an administrator ends a call: BYE to both sides (DESIGN §5; PROTOCOL §4).
 *
 * Room      server/core.
 * In        server/admin, in the call's shard.
 * Touches   the dialog's record, which ends; the stack. */
#include "server/core/core_priv.h"

#include <string.h>

enum { BYE_OCTETS = 4096 };

/* One BYE, as if from `by`, with a CSeq one above what the other side has seen of it. */
static void put_bye(const struct dialog_record *r, enum dialog_side by, struct slice why, struct buf *b)
{
    const struct dialog_party *from = &r->side[by];
    const struct dialog_party *to = &r->side[by == DIALOG_CALLER ? DIALOG_CALLEE : DIALOG_CALLER];

    msg_put_request_line(b, S("BYE"), to->target);
    if (to->route.n)
        msg_put_row(b, HDR_ROUTE, to->route);
    msg_put_row(b, HDR_MAX_FORWARDS, S("70"));
    buf_puts(b, S("From: <"), from->uri, S(">;tag="), from->tag, S("\r\nTo: <"), to->uri, S(">;tag="), to->tag, S("\r\n"));
    msg_put_row(b, HDR_CALL_ID, r->call_id);
    msg_put_cseq(b, from->cseq + from->shift + 1, S("BYE"));
    buf_put(b, S("Reason: SIP;cause=200;text="));
    msg_put_quoted(b, why);
    buf_put(b, S("\r\n"));
    msg_put_end(b, SLICE_NONE, SLICE_NONE);
}

static void say_bye(struct core *c, struct shard *sh, const struct dialog_record *r, enum dialog_side by, struct slice why)
{
    const struct dialog_party *to = &r->side[by == DIALOG_CALLER ? DIALOG_CALLEE : DIALOG_CALLER];
    char                      *room = arena_alloc(shard_scratch(sh), BYE_OCTETS);
    struct flow                flow;
    struct buf                 b;

    if (!room || to->flow.n != sizeof flow)
        return;
    memcpy(&flow, to->flow.p, sizeof flow);
    buf_init(&b, room, BYE_OCTETS);
    put_bye(r, by, why, &b);
    if (buf_err(&b) == ERR_OK)
        proxy_speak(c->proxy, sh, &flow, buf_slice(&b), NULL, NULL);
}

enum err core_hang_up(struct core *c, struct shard *sh, struct dialog_id id, struct slice why)
{
    struct dialog_record r;
    struct dialog_end    end = {.now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000), .by = S("admin"), .why = why};
    enum err             e = dialogs_get(c->dialogs, id, shard_scratch(sh), &r);

    if (e)
        return e;
    if (r.state == DIALOG_EARLY && proxy_give_up(c->proxy, sh, id, why) == ERR_OK) {
        proxy_say(sh, r.call_id, S("an administrator ends this call before it is answered"));
        return ERR_OK;
    }
    proxy_say(sh, r.call_id, S("an administrator ends this call: the exchange sends BYE to both sides"));
    if (r.state == DIALOG_CONFIRMED) {
        say_bye(c, sh, &r, DIALOG_CALLER, why);
        say_bye(c, sh, &r, DIALOG_CALLEE, why);
    }
    return dialogs_end(c->dialogs, id, &end);
}

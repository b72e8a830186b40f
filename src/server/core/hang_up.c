/* hang_up.c - a call is ended from here: BYE to both sides (DESIGN §5; PROTOCOL §4).
 *
 * Room      server/core.
 * In        server/admin (an administrator), alive.c; in the call's shard.
 * Touches   the dialog's record, which ends; the stack. */
#include <assert.h>

#include "server/core/core_priv.h"

enum { REASON_OCTETS = 1024, RECORD_BLOCK_OCTETS = 4096 };

enum err core_shard_of(struct core *c, struct dialog_id id, unsigned *shard)
{
    struct dialog_record r;
    struct arena         a;
    enum err             e;

    arena_init(&a, c->mem, RECORD_BLOCK_OCTETS, 0);
    if (!(e = dialogs_get(c->dialogs, id, &a, &r)))
        *shard = stack_shard_of(c->stack, r.call_id);
    arena_close(&a);
    return e;
}

static void say_bye(struct core *c, struct shard *sh, const struct dialog_record *r, enum dialog_side by,
                    const struct core_ending *end)
{
    char       reason[REASON_OCTETS];
    struct buf b = BUF_ON(reason);

    buf_put(&b, S("Reason: SIP;cause="));
    buf_putu(&b, end->code);
    buf_put(&b, S(";text="));
    msg_put_quoted(&b, end->why);
    buf_put(&b, S("\r\n"));
    if (!buf_err(&b))
        (void)proxy_speak_bye(c->proxy, sh, r, by, buf_slice(&b)); /* who cannot be reached hears nothing */
}

/* Ended here, so that it is this one's doing, whatever comes of the BYE. */
static enum err end_record(struct core *c, struct shard *sh, struct dialog_id id, const struct core_ending *end)
{
    struct dialog_end e = {.now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000), .by = end->by, .why = end->why};

    return dialogs_end(c->dialogs, id, &e);
}

enum err core_end_call(struct core *c, struct shard *sh, struct dialog_id id, const struct core_ending *end)
{
    struct dialog_record r;
    enum err             e = dialogs_get(c->dialogs, id, shard_scratch(sh), &r);

    if (e)
        return e;
    assert(stack_shard_of(c->stack, r.call_id) == shard_index(sh));
    proxy_say(sh, r.call_id, end->say);
    if (r.state == DIALOG_CONFIRMED) {
        say_bye(c, sh, &r, DIALOG_CALLER, end);
        say_bye(c, sh, &r, DIALOG_CALLEE, end);
    }
    return end_record(c, sh, id, end);
}

/* An end of our own hangs up by itself. */
static enum err end_own(struct core *c, struct shard *sh, struct dialog_id id, const struct core_ending *end)
{
    char       reason[REASON_OCTETS];
    struct buf b = BUF_ON(reason);
    enum err   e = end_record(c, sh, id, end);

    buf_put(&b, S("SIP;cause=200;text="));
    msg_put_quoted(&b, end->why);
    voice_hang_up(c->voice, sh, id, buf_err(&b) ? SLICE_NONE : buf_slice(&b));
    return e;
}

enum err core_hang_up(struct core *c, struct shard *sh, struct dialog_id id, struct slice why)
{
    const struct core_ending end = {.by = S("admin"), .why = why, .code = 200,
                                    .say = S("an administrator ends this call: the exchange sends BYE to both sides")};
    struct dialog_record     r;
    enum err                 e = dialogs_get(c->dialogs, id, shard_scratch(sh), &r);

    if (e)
        return e;
    if (r.state == DIALOG_EARLY && proxy_give_up(c->proxy, sh, id, why) == ERR_OK) {
        proxy_say(sh, r.call_id, S("an administrator ends this call before it is answered"));
        return ERR_OK;
    }
    if (r.side[DIALOG_CALLER].own || r.side[DIALOG_CALLEE].own) {
        proxy_say(sh, r.call_id, S("an administrator ends this call: the exchange, which is the other end of it, hangs up"));
        return end_own(c, sh, id, &end);
    }
    return core_end_call(c, sh, id, &end);
}

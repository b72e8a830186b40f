/* code.c - what was dialled is no number, but a code with a number behind it (RFC 3261 leaves the user part to us).
 *
 * Room      server/proxy.
 * In        new.c, before the plan is asked.
 * Touches   the fork: its target, and what is to be different with the call.
 * Not here  which code it is (server/plan), codes that change a setting (server/voice: the exchange answers those itself). */
#include "server/proxy/proxy_priv.h"

static void say(struct fork *f, enum plan_code code, struct slice number)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    buf_puts(&b, S("what was dialled is the code \""), slice_z(plan_code_name(code)), S("\", for "));
    buf_put_escaped(&b, slice_to(number, 32));
    proxy_say(f->sh, f->call_id, buf_slice(&b));
}

enum err code_take(struct fork *f, const struct stack_in *in, const struct directory_view *view, struct slice text, bool *taken)
{
    struct slice   number;
    enum plan_code code = directory_code(view, text, &number);
    enum err       e;

    *taken = false;
    if (code != PLAN_CODE_ANONYMOUS && code != PLAN_CODE_INTERCOM && code != PLAN_CODE_PICKUP)
        return ERR_OK;
    if (f->px->legs.app(f->px->legs.ctx, text).n)
        return ERR_OK; /* an extension of our own goes before: *88 is no pick-up at 8 */
    f->pickup = code == PLAN_CODE_PICKUP;
    f->pickup_group = f->pickup && number.n == 0;
    if (f->pickup_group)
        number = f->caller;
    if ((e = forward_target(f, in->m, number, &f->target)))
        return e;
    f->anonymous = code == PLAN_CODE_ANONYMOUS;
    f->intercom = code == PLAN_CODE_INTERCOM;
    *taken = true;
    say(f, code, number);
    return ERR_OK;
}

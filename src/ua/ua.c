/* ua.c - the room on a stack: opened, closed, and which leg a request belongs to.
 *
 * Room      ua.
 * In        every request that the stack has no transaction for (ua_request, or ua_within and ua_new).
 * Out       within.c, uas.c; what is outside any dialog and no INVITE is answered here (RFC 3261 §8.2, §11.2). */
#include "ua/account_priv.h"

static enum err open_shards(struct ua *ua)
{
    for (size_t i = 0; i < STACK_SHARDS; i++) {
        enum err e = map_init(&ua->shards[i].by_call, ua->config.mem, 4);
        if (e || (e = map_init(&ua->shards[i].by_id, ua->config.mem, 4)))
            return e;
    }
    return ERR_OK;
}

enum err ua_open(const struct ua_config *config, struct ua **out)
{
    struct ua *ua = mem_zalloc(config->mem, sizeof *ua);
    enum err e;

    if (!ua)
        return ERR_NOMEM;
    ua->config = *config;
    list_init(&ua->publications);
    if ((e = open_shards(ua))) {
        ua_close(ua);
        return e;
    }
    *out = ua;
    return ERR_OK;
}

void ua_attach(struct ua *ua, struct stack *st)
{
    ua->stack = st;
}

void ua_shard_close(struct ua *ua, struct shard *sh)
{
    struct ua_shard *us = ua_shard_of(ua, sh);
    struct map_cursor cursor = {0};
    struct map_node *node;

    while ((node = map_walk(&us->by_id, &cursor)))
        leg_free(MAP_OF(node, struct leg, by_id));
}

void ua_close(struct ua *ua)
{
    if (!ua)
        return;
    ua_publish_close(ua);
    while (ua->n_accounts)
        ua_account_close(ua->accounts[ua->n_accounts - 1]);
    for (size_t i = 0; i < STACK_SHARDS; i++) {
        map_close(&ua->shards[i].by_call);
        map_close(&ua->shards[i].by_id);
    }
    mem_free(ua->config.mem, ua, sizeof *ua);
}

size_t ua_legs(const struct ua *ua)
{
    return atomic_load(&ua->n_legs);
}

size_t ua_pending(const struct ua *ua)
{
    return atomic_load(&ua->n_pending);
}

void ua_flow_lost(void *arg, struct stack *st, uint8_t worker, const struct flow *flow)
{
    struct ua *ua = arg;

    (void)st;
    for (size_t i = 0; i < ua->n_accounts; i++)
        register_flow_lost(ua->accounts[i], worker, flow);
}

/* ---- inside a dialog ---- */

static struct dialog *dialog_of(struct leg *leg, const struct msg *m)
{
    for (size_t i = 0; i < leg->n_forks; i++)
        if (dialog_has_request(leg->forks[i], m))
            return leg->forks[i];
    return NULL;
}

static bool cancel_within(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    struct slice call_id = msg_call_id(in->m);

    if (tsx_is_none(in->invite))
        return false;
    for (struct leg *leg = leg_of_call(ua, sh, call_id, NULL); leg; leg = leg_of_call(ua, sh, call_id, leg))
        if (tsx_eq(in->invite, leg->server.tsx) || tsx_eq(in->invite, leg->accepted.tsx)) {
            uas_on_cancel(leg, in);
            return true;
        }
    return false;
}

bool ua_within(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    struct slice call_id = msg_call_id(in->m);

    if (in->m->method_id == METHOD_CANCEL)
        return cancel_within(ua, sh, in);
    if (!msg_to_tag(in->m).n)
        return false;
    for (struct leg *leg = leg_of_call(ua, sh, call_id, NULL); leg; leg = leg_of_call(ua, sh, call_id, leg)) {
        struct dialog *d = dialog_of(leg, in->m);
        if (d) {
            within_on_request(leg, d, in);
            return true;
        }
    }
    return false;
}

/* ---- outside ---- */

static void on_options(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    (void)ua_answer(ua, sh, in->tsx,
                    &(struct ua_answer){.code = 200, .rows = S("Accept: application/sdp, message/sipfrag\r\n")});
}

static void dispatch_new(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    switch (in->m->method_id) {
    case METHOD_INVITE:
        uas_on_invite(ua, sh, in);
        break;
    case METHOD_OPTIONS:
        on_options(ua, sh, in);
        break;
    case METHOD_REFER: /* only who speaks with us may send us elsewhere */
        ua_refuse(ua, sh, in->tsx, 403);
        break;
    case METHOD_NOTIFY: /* we subscribe to nothing outside a call */
    case METHOD_BYE:
    case METHOD_UPDATE:
    case METHOD_INFO:
    case METHOD_PRACK:
        ua_refuse(ua, sh, in->tsx, 481);
        break;
    case METHOD_SUBSCRIBE:
        ua_refuse(ua, sh, in->tsx, 489);
        break;
    default:
        ua_refuse(ua, sh, in->tsx, in->m->method_id == METHOD_OTHER ? 501 : 405);
        break;
    }
}

void ua_new(struct ua *ua, struct shard *sh, const struct stack_in *in)
{
    enum method method = in->m->method_id;

    if (method == METHOD_ACK)
        return;
    if (method == METHOD_CANCEL) /* §9.2; an INVITE that has ended needs no more than the 200 */
        ua_refuse(ua, sh, in->tsx, tsx_is_none(in->invite) ? 481 : 200);
    else if (msg_to_tag(in->m).n) /* a dialog that we do not know, or know no more */
        ua_refuse(ua, sh, in->tsx, method == METHOD_OTHER ? 501 : 481);
    else if (!ua_judge(ua, sh, in))
        dispatch_new(ua, sh, in);
}

void ua_request(void *arg, struct shard *sh, const struct stack_in *in)
{
    struct ua *ua = arg;

    if (!ua_within(ua, sh, in))
        ua_new(ua, sh, in);
}

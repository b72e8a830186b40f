/* outsider.c - requests that are let in without a password: those of trunks, and calls to an emergency number.
 *
 * Room      server/core.
 * In        core.c, before it asks who somebody is.
 * Out       server/trunk, which knows trunks by where they come from.
 * Emergency a phone that is near, or registered here, may call such a number whatever its password is: nobody is asked for it,
 *           since a phone that gives a wrong one would be refused. Near is an address that the internet does not carry.
 * Touches   the shard's scratch arena. */
#include "server/core/core_priv.h"

#include <string.h>

enum { OUTSIDER_NUMBER_OCTETS = 3 * DIRECTORY_MAX_NUMBER };

static void say(struct shard *sh, const struct stack_in *in, struct slice before, struct slice name, struct slice after)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    buf_puts(&b, before, name, after);
    proxy_say(sh, msg_call_id(in->m), buf_slice(&b));
}

/* ---- phones ---- */

/* Does a phone of that number speak from there? From that very port, if `exactly`. */
static bool is_registered_at(struct core *c, struct shard *sh, struct slice number, const struct addr *a, bool exactly)
{
    struct location_binding *list;
    size_t                   n = 0;
    struct flow              flow;

    if (!number.n || location_lookup(c->location, number, (int64_t)(net_wall_us(shard_net(sh)) / 1000), shard_scratch(sh), &list, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (list[i].flow.n != sizeof flow)
            continue;
        memcpy(&flow, list[i].flow.p, sizeof flow);
        if (exactly ? addr_eq(a, &flow.remote) : addr_same_ip(a, &flow.remote))
            return true;
    }
    return false;
}

/* ---- trunks ---- */

/* The number of ours that it calls, as a URI at a name of ours; empty: no rule of the trunk fits. */
static struct slice target_of(struct shard *sh, const struct directory_view *view, const struct directory_trunk *t, const struct msg *m)
{
    char             called[OUTSIDER_NUMBER_OCTETS];
    struct buf       c = BUF_ON(called), b;
    size_t           octets = 4 * (DIRECTORY_MAX_TRUNK_VALUE + OUTSIDER_NUMBER_OCTETS) + DIRECTORY_MAX_HOST;
    char            *room = arena_alloc(shard_scratch(sh), octets), *text = arena_alloc(shard_scratch(sh), octets);
    struct plan_dial d;
    struct buf       number;
    struct uri       u;

    if (!room || !text || trunk_put_called(t, m, &c) || !plan_dial_find(t->did, buf_slice(&c), &d))
        return SLICE_NONE;
    buf_init(&number, room, octets);
    buf_init(&b, text, octets);
    plan_dial_put(&number, &d, buf_slice(&c));
    if (uri_parse(m->uri, &u, NULL) || !directory_host_is_ours(view, u.host)) {
        buf_put(&b, S("tel:"));
        buf_put(&b, buf_slice(&number));
    } else {
        buf_put(&b, S("sip:"));
        uri_put_escaped_user(&b, buf_slice(&number));
        buf_putc(&b, '@');
        uri_put_host(&b, u.host);
    }
    return buf_err(&b) || number.n == 0 ? SLICE_NONE : buf_slice(&b);
}

static struct slice outsider_of(struct shard *sh, const struct directory_trunk *t, const struct msg *m)
{
    char       from[OUTSIDER_NUMBER_OCTETS];
    struct buf f = BUF_ON(from), b;
    char      *room = arena_alloc(shard_scratch(sh), DIALOGS_OUTSIDER_OCTETS);

    if (!room)
        return SLICE_NONE;
    buf_init(&b, room, DIALOGS_OUTSIDER_OCTETS);
    trunk_put_caller(t, m, &f);
    dialogs_put_outsider(&b, buf_slice(&f), t->name);
    return buf_slice(&b);
}

/* A phone may live behind the same address: it is known by its port. */
bool outsider_comes(struct core *c, struct shard *sh, const struct stack_in *in, const struct asker *a, struct proxy_caller *out)
{
    const struct directory_trunk *t = trunk_of(c->trunks, a->view, &in->from);

    if (!t || is_registered_at(c, sh, claimed_number(sh, a->view, in->m), &in->from.remote, true))
        return false;
    *out = (struct proxy_caller){.trunk = t->name, .outsider = outsider_of(sh, t, in->m), .trusts = t->trusted,
                                 .target = target_of(sh, a->view, t, in->m)};
    proxy_name_trunk(sh, msg_call_id(in->m), false, t->name);
    say(sh, in, S("it comes from trunk "), t->name, S(", which is known by its address and asked for no password"));
    return true;
}

/* Calls, and messages; whether we are there is asked of the exchange itself, whatever number stands before its name. */
void outsider_passes(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller,
                     const struct proxy_within *w)
{
    struct proxy_caller who = *caller;

    who.own_routes = w->own_routes;
    if (in->m->method_id == METHOD_OPTIONS)
        own_request(sh, in);
    else if (w->next_route.n || (in->m->method_id != METHOD_INVITE && in->m->method_id != METHOD_MESSAGE)) {
        say(sh, in, S("a trunk may call and send messages, and no more: this is refused to "), caller->trunk, SLICE_NONE);
        stack_reply_code(sh, in->tsx, 403);
    } else
        proxy_new(c->proxy, sh, in, &who);
}

bool outsider_is_within(struct core *c, const struct stack_in *in, struct asker *a, const struct proxy_within *w)
{
    const struct directory_trunk *t;

    if (!w->id.gen || !w->record.side[w->from].outsider.n)
        return false;
    t = trunk_of(c->trunks, core_view(c, a), &in->from);
    return t && slice_eq(t->name, dialogs_trunk(&w->record.side[w->from]));
}

bool outsider_answers(struct core *c, struct leg *leg, const struct ua_challenged *asked, struct buf *rows)
{
    const struct directory_view  *view = directory_take(c->directory);
    const struct directory_trunk *t = trunk_of(c->trunks, view, leg_flow(leg));
    struct trunk_login            l = {.challenge = asked->m, .method = asked->method, .uri = asked->uri, .body = asked->body,
                                       .tries = asked->tries};
    bool                          done = false;

    if (t) {
        l.trunk = t->name;
        done = trunk_answer(c->trunks, shard_scratch(leg_shard(leg)), &l, rows) == ERR_OK;
    }
    directory_give(view);
    return done;
}

/* ---- emergency numbers ---- */

bool outsider_may_call_for_help(struct core *c, struct shard *sh, const struct stack_in *in, const struct directory_view *view)
{
    const struct directory_trunk *list;
    const struct addr            *a = &in->from.remote;
    const struct uri             *u = msg_request_uri(in->m);
    struct slice                  number;

    if (in->m->method_id != METHOD_INVITE || directory_trunks(view, &list) == 0 || !u ||
        (u->scheme != URI_TEL && !plan_is_sos(in->m->uri) && !directory_host_is_ours(view, u->host)))
        return false;
    number = plan_is_sos(in->m->uri) ? directory_emergency(view) : core_number_of(sh, u);
    if (!directory_is_emergency(view, number) ||
        !(addr_is_private(a) || addr_is_loopback(a) || is_registered_at(c, sh, claimed_number(sh, view, in->m), a, false)))
        return false;
    say(sh, in, SLICE_NONE, number, S(" is an emergency number: who calls is asked for no password"));
    return true;
}

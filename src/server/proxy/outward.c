/* outward.c - calls that go out through trunks: which, as whom, and what is done about a trunk's challenge.
 *
 * Room      server/proxy.
 * In        new.c (facts, the plan), compose.c, answer.c.
 * Touches   the fork and its branches; the dialog's record, whose shift grows with each challenge that is answered.
 * Shown     who calls is known to a trunk by what its settings make of the number, in From and P-Asserted-Identity; its own From
 *           stands in what it is answered. Credentials of our users, and what they tell our phones to do, do not go out.
 * Challenge the exchange answers it, as the account that it is there: the INVITE goes again, one CSeq higher, and all that the
 *           caller sends later in this dialog is shifted by as much (PROTOCOL 4.2). The caller sees nothing of it. */
#include "server/proxy/proxy_priv.h"

enum { MAX_LOGINS = 3, LOGIN_OCTETS = 2048 };

static bool local_context(const struct uri *u, struct slice *context)
{
    return u->scheme == URI_TEL && !slice_starts(u->user, S("+")) && uri_param(u, S("phone-context"), context) == ERR_OK && context->n;
}

void outward_put_number(struct buf *b, const struct uri *u)
{
    struct slice context;

    if (local_context(u, &context) && context.p[0] == '+')
        uri_put_number(b, context);
    uri_put_user_key(b, u);
}

struct slice outward_context(const struct uri *u)
{
    struct slice context;

    return local_context(u, &context) && context.p[0] != '+' ? context : SLICE_NONE;
}

/* Whatever context a phone puts behind such a number. */
static enum err look_for_emergency(struct fork *f, const struct directory_view *view, struct plan_facts *facts)
{
    struct uri u;
    struct buf b;
    enum err   e;

    if ((e = uri_parse(f->target, &u, NULL)) || (e = proxy_scratch(f->sh, 3 * f->target.n + DIRECTORY_MAX_NUMBER, &b)))
        return e;
    if (plan_is_sos(f->target))
        buf_put(&b, slice_to(directory_emergency(view), b.cap));
    else
        uri_put_user_key(&b, &u);
    if (!directory_is_emergency(view, buf_slice(&b)))
        return ERR_OK;
    facts->request.emergency = true;
    facts->request.number = f->dialled = buf_slice(&b);
    return ERR_OK;
}

enum err outward_facts(struct fork *f, const struct directory_view *view, struct plan_facts *facts)
{
    const struct proxy_trunks    *px = &f->px->trunks;
    const struct directory_trunk *t;
    struct plan_trunk            *list;
    size_t                        n = directory_trunks(view, &t);
    enum err                      e;

    facts->request.trunk = fork_text(f, FORK_TRUNK);
    facts->request.did_unknown = f->did_unknown && !f->n_hops;
    facts->request.forwarded = f->n_hops > 0;
    if (n == 0 || (!facts->request.ours && facts->request.scheme != URI_TEL && facts->request.scheme != URI_OTHER))
        return ERR_OK;
    if ((e = look_for_emergency(f, view, facts)))
        return e;
    if (facts->callee.known && !facts->callee.anybody && !facts->request.emergency)
        return ERR_OK;
    if (!(list = arena_zalloc(shard_scratch(f->sh), n * sizeof *list)))
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        directory_plan_trunk(&t[i], &list[i]);
        list[i].down = px->is_down && px->is_down(px->ctx, t[i].name);
        list[i].full = px->is_full && !facts->request.emergency && px->is_full(px->ctx, t[i].name, shard_now_ms(f->sh));
    }
    facts->trunks = list;
    facts->n_trunks = n;
    return ERR_OK;
}

/* ---- a branch ---- */

/* The URI of a number at a host, in the fork's arena. */
static enum err put_uri(struct fork *f, struct slice number, struct slice host, uint16_t port, struct slice *out)
{
    struct buf b;
    enum err   e = proxy_scratch(f->sh, 3 * number.n + host.n + 32, &b);

    if (e)
        return e;
    buf_put(&b, S("sip:"));
    uri_put_escaped_user(&b, number);
    buf_putc(&b, '@');
    uri_put_host(&b, host);
    if (port) {
        buf_putc(&b, ':');
        buf_putu(&b, port);
    }
    return buf_err(&b) ? buf_err(&b) : arena_dup(&f->arena, buf_slice(&b), out);
}

/* Who calls, as that trunk's other side is to know it: a number of its own numbering plan, or else the trunk's main number.
 * Where neither is set, the caller's number as it is. */
static enum err choose_identity(struct fork *f, const struct directory_trunk *t, struct outward *o)
{
    char             text[2 * PLAN_MAX_DIALLED + DIRECTORY_MAX_TRUNK_VALUE];
    struct buf       b = BUF_ON(text);
    struct plan_dial d;

    if (f->caller.n && plan_dial_find(t->caller_id, f->caller, &d))
        plan_dial_put(&b, &d, f->caller);
    else
        buf_put(&b, t->number.n ? t->number : f->caller);
    if (b.n == 0)
        return ERR_OK;
    return put_uri(f, buf_slice(&b), t->domain, 0, &o->identity);
}

static enum err fill(struct fork *f, const struct directory_trunk *t, const struct plan_way *way, struct branch *b)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    char                   text[2 * PLAN_MAX_DIALLED + DIRECTORY_MAX_TRUNK_VALUE], party[DIALOGS_OUTSIDER_OCTETS];
    struct buf             number = BUF_ON(text), pb = BUF_ON(party);
    struct outward        *o = b->out;
    struct uri             server;
    enum err               e;

    plan_dial_put(&number, &way->dial, f->dialled);
    if (!in || uri_parse(t->server, &server, NULL))
        return ERR_SYNTAX;
    dialogs_put_outsider(&pb, buf_slice(&number), t->name);
    if ((e = put_uri(f, buf_slice(&number), server.host, server.port, &b->uri)) || (e = choose_identity(f, t, o)) ||
        (e = arena_dup(&f->arena, t->name, &o->trunk)) || (e = arena_dup(&f->arena, t->server, &o->server)) ||
        (e = arena_dup(&f->arena, buf_slice(&pb), &o->party)))
        return e;
    o->is_private = f->anonymous || dress_wants_to_be_unknown(in->m);
    o->from = o->is_private ? ANONYMOUS_URI : o->identity;
    if (o->is_private && !t->trusted)
        o->identity = SLICE_NONE;
    return ERR_OK;
}

enum err outward_add(struct fork *f, const struct directory_view *view, const struct plan_way *way, uint16_t group)
{
    const struct directory_trunk *t = directory_trunk(view, way->trunk->name);
    struct branch                *b;
    enum err                      e;

    if (!t)
        return ERR_NOTFOUND;
    if ((e = fork_add_binding(f, &(struct plan_binding){0}, group)))
        return e;
    b = f->branch[f->n_branches - 1];
    if ((e = branch_keep(b, FORK_RING, SLICE_NONE)) || !(b->out = ARENA_NEW(&f->arena, struct outward)) || (e = fill(f, t, way, b))) {
        f->n_branches--;
        return e ? e : ERR_NOMEM;
    }
    return ERR_OK;
}

/* ---- the request on its way out ---- */

enum err outward_edit(struct msg_edit *e, const struct dress *d, const struct outward *o)
{
    static const enum hdr_id not_theirs[] = {HDR_P_ASSERTED_IDENTITY, HDR_P_PREFERRED_IDENTITY, HDR_REMOTE_PARTY_ID, HDR_ALERT_INFO,
                                             HDR_CALL_INFO};
    struct name_addr         na;
    struct buf               b;
    enum err                 err;

    for (size_t i = 0; i < sizeof not_theirs / sizeof not_theirs[0]; i++)
        msg_edit_remove_all(e, not_theirs[i]);
    if (o->is_private && (err = dress_hide(e, d->sh)))
        return err;
    if (!o->is_private && o->from.n) {
        if ((err = msg_from(e->m, &na)))
            return err;
        msg_edit_replace(e, na.uri, o->from);
    }
    if (o->is_private && !dress_is_private(e->m, S("id user header session")))
        msg_edit_append(e, HDR_PRIVACY, S("id"));
    if (!o->identity.n)
        return ERR_OK;
    if ((err = proxy_scratch(d->sh, o->identity.n + 2, &b)))
        return err;
    buf_puts(&b, S("<"), o->identity, S(">"));
    msg_edit_append(e, HDR_P_ASSERTED_IDENTITY, buf_slice(&b));
    return buf_err(&b);
}

/* ---- its challenge ---- */

/* From now on the caller's CSeqs are one higher there. A dialog that is not on record has none that could be moved. */
static enum err shift_record(struct fork *f)
{
    struct dialog_record r;
    enum err             e;

    if (!f->record.gen)
        return ERR_NOTFOUND;
    if ((e = dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r)))
        return e;
    r.side[f->from].shift++;
    return dialogs_put(f->px->dialogs, f->record, &r);
}

static enum err log_in(struct branch *b, const struct msg *m)
{
    const struct proxy_trunks *px = &b->fork->px->trunks;
    struct fork               *f = b->fork;
    const struct stack_in     *in = stack_request_of(f->sh, f->server);
    struct proxy_login         l = {.trunk = b->out->trunk, .challenge = m, .uri = b->uri, .tries = b->out->tries};
    struct buf                 rows;
    enum err                   e;

    if (!in || !px->login || b->out->tries == MAX_LOGINS)
        return ERR_NOTFOUND;
    l.method = in->m->method;
    l.body = in->m->body;
    if ((e = proxy_scratch(f->sh, LOGIN_OCTETS, &rows)) || (e = px->login(px->ctx, shard_scratch(f->sh), &l, &rows)))
        return e;
    return buf_err(&rows) ? buf_err(&rows) : arena_dup(&f->arena, buf_slice(&rows), &b->out->login);
}

static void say(struct fork *f, struct slice before, const struct outward *o, struct slice after)
{
    char       text[160];
    struct buf b = BUF_ON(text);

    buf_puts(&b, before, o->trunk, after);
    proxy_say(f->sh, f->call_id, buf_slice(&b));
}

/* The same request, once more. */
static enum err start_again(struct branch *b)
{
    struct fork *f = b->fork;
    enum err     e;

    if (!f->within) {
        b->out->shift++;
        return fork_start_branch(f, b);
    }
    if ((e = shift_record(f)))
        return e;
    f->shift++;
    return within_start_again(f);
}

bool outward_reconnects(struct branch *b)
{
    struct fork *f = b->fork;

    if (!b->out || !f->within || f->state != FORK_OPEN || flow_is_none(&b->flow) ||
        !transport_is_reliable((enum transport_kind)b->flow.kind))
        return false;
    stack_forget(f->sh, b->client);
    b->open = false;
    b->flow = (struct flow){0};
    say(f, S("the connection of trunk "), b->out, S(" is gone: its server is called anew"));
    return within_start_again(f) == ERR_OK;
}

bool outward_challenged(struct branch *b, const struct msg *m)
{
    struct fork *f = b->fork;

    if (!b->out || (m->status != 401 && m->status != 407))
        return false;
    if (f->state == FORK_OPEN && (f->record.gen || f->method != METHOD_INVITE) && log_in(b, m) == ERR_OK) {
        b->out->tries++;
        stack_forget(f->sh, b->client);
        say(f, S("trunk "), b->out, S(" asks who we are, and is told: the caller is not troubled"));
        if (start_again(b) == ERR_OK)
            return true;
        b->open = false;
    } else
        say(f, S("trunk "), b->out, S(" asks who we are, and nothing that we could say would do"));
    branch_done(b, f->state == FORK_OPEN ? 503 : 487); /* its challenge is none of the caller's business */
    return true;
}

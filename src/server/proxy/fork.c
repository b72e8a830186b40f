/* fork.c - the branches of a request: begun group by group, given up, cancelled (RFC 3261 §16.6, §16.7, §16.8, §16.10).
 *
 * Room      server/proxy.
 * In        new.c and within.c (branches), answer.c (what has become of one).
 * Touches   struct fork and its branches; the stack. */
#include "server/proxy/proxy_priv.h"

static enum err dup(struct fork *f, struct slice s, struct slice *out)
{
    return arena_dup(&f->arena, s, out);
}

enum err fork_add_binding(struct fork *f, const struct plan_binding *pb, uint16_t group)
{
    struct branch *b;
    enum err       e = fork_add_branch(f, &b);

    if (e)
        return e;
    if (dup(f, pb->contact, &b->uri) || dup(f, pb->path, &b->route) || dup(f, pb->aor, &b->again.aor) ||
        dup(f, pb->instance, &b->again.instance)) {
        f->n_branches--;
        return ERR_NOMEM;
    }
    b->again.contact = b->uri;
    b->again.may = pb->flow_gone;
    b->group = group;
    b->texts = f->texts;
    b->no_intercom = f->no_intercom;
    if (!pb->path.n)
        proxy_flow_of(pb->flow, &b->flow);
    if (group >= f->n_groups)
        f->n_groups = (uint16_t)(group + 1);
    return ERR_OK;
}

/* Without memory for the reason it is cancelled without one: it would ring on. */
static bool cancel(struct branch *b, struct slice rows)
{
    enum err e = stack_cancel(b->fork->sh, b->client, rows);

    if (e == ERR_NOMEM)
        e = stack_cancel(b->fork->sh, b->client, SLICE_NONE);
    return e == ERR_OK;
}

/* RFC 3261 §16.6 step 11, §16.8: nothing final for too long. It was heard of at least once, or timer B would have ended
 * it: so it is cancelled. */
static void on_timer_c(void *arg)
{
    struct branch *b = arg;
    uint64_t       now = shard_now_ms(b->fork->sh);

    if (now < b->patient_until_ms)
        shard_timer_start(b->fork->sh, &b->timer, b->patient_until_ms - now);
    else if (cancel(b, S("Reason: SIP;cause=408;text=\"Timer C\"\r\n")))
        b->state = BRANCH_CANCELLED;
}

void branch_goes_on(struct branch *b)
{
    b->patient_until_ms = shard_now_ms(b->fork->sh) + b->fork->timer_c_ms;
}

/* Only INVITEs can be cancelled; others end by their own timer F. */
void branch_begun(struct branch *b)
{
    b->state = BRANCH_TRYING;
    b->open = true;
    b->lingers = false;
    if (b->fork->method != METHOD_INVITE)
        return;
    branch_goes_on(b);
    b->timer.fire = on_timer_c;
    b->timer.arg = b;
    shard_timer_start(b->fork->sh, &b->timer, b->fork->timer_c_ms);
}

void branch_stop_timer(struct branch *b)
{
    shard_timer_stop(b->fork->sh, &b->timer);
}

static bool forms_dialog(enum method m)
{
    return m == METHOD_INVITE || m == METHOD_SUBSCRIBE || m == METHOD_REFER;
}

/* Where a branch without a flow goes: its first Route, else its Request-URI. */
static enum err next_hop(const struct branch *b, struct uri *out)
{
    struct name_addr na;
    struct slice     rest = b->route, first;

    if (b->out)
        return uri_parse(b->out->server, out, NULL);
    if (b->route.n == 0)
        return uri_parse(b->uri, out, NULL);
    if (!msg_element_next(&rest, &first) || name_addr_parse(first, &na))
        return ERR_SYNTAX;
    return uri_parse(na.uri, out, NULL);
}

/* Rows that its sender has not written. */
static enum err more_rows(struct fork *f, const struct branch *br, struct slice *out)
{
    struct slice login = br->out ? br->out->login : SLICE_NONE, replaces = fork_text(f, FORK_REPLACES);
    struct buf   b;
    enum err     e;

    if (!replaces.n && !login.n)
        return ERR_OK;
    if ((e = proxy_scratch(f->sh, replaces.n + login.n + 16, &b)))
        return e;
    if (replaces.n)
        msg_put_row(&b, HDR_REPLACES, replaces);
    buf_put(&b, login);
    *out = buf_slice(&b);
    return buf_err(&b);
}

enum err fork_start_branch(struct fork *f, struct branch *b)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    struct dress           dress = {.px = f->px, .sh = f->sh, .asserts = f->asserted, .anonymous = f->anonymous,
                                    .intercom = (f->intercom && !b->no_intercom) || b->intercom,
                                    .no_intercom = b->no_intercom, .number = f->caller, .name = fork_text(f, FORK_CALLER_NAME),
                                    .ring = branch_text(b, FORK_RING),
                                    .stranger = fork_text(f, FORK_TRUNK).n > 0, .trusts = f->trusts};
    struct compose         c = {.px = f->px, .dress = &dress, .replaces = branch_text(b, FORK_PICKED_UP)};
    struct proxy_carry     more = {.add_rows = SLICE_NONE};
    struct composed        request;
    struct stack_send      s = {.edit = &request.edit};
    struct slice           route = fork_text(f, FORK_NEXT_ROUTE);
    struct uri             hop;
    enum err               e;

    if (!in)
        return ERR_NOTFOUND;
    if ((e = more_rows(f, b, &more.add_rows)))
        return e;
    c.in = in;
    c.uri = b->uri;
    c.route = b->route;
    c.has_breadth = true;
    c.breadth = b->breadth;
    c.own_routes = f->own_routes;
    c.diversion = branch_text(b, FORK_DIVERSION);
    c.history = branch_text(b, FORK_HISTORY);
    c.carry = &more;
    c.out = b->out;
    c.shift = b->out ? b->out->shift : 0;
    c.refresh = f;
    if ((route.n && (e = compose_towards(f->sh, &c, route))) || (e = compose_request(f->sh, &c, &request)))
        return e;
    if (!flow_is_none(&b->flow))
        s.flow = &b->flow;
    else if ((e = route.n ? uri_parse(route, &hop, NULL) : next_hop(b, &hop)))
        return e;
    else
        s.next_hop = &hop;
    if ((e = proxy_check_sips(in->m->uri, &s)))
        return e;
    if (forms_dialog(f->method)) {
        s.rows = proxy_put_record_route;
        s.rows_arg = b;
    }
    if (b->out)
        proxy_name_trunk(f->sh, f->call_id, true, b->out->trunk);
    s.offers_reports = b->out;
    s.branch_suffix = (struct slice){f->loop, sizeof f->loop};
    s.on = &fork_client_on;
    s.arg = b;
    if ((e = stack_request(f->sh, &s, &b->client)))
        return e;
    branch_begun(b);
    return ERR_OK;
}

/* Who is waited for is waited for no longer. */
void branch_cancel(struct branch *b, struct slice rows)
{
    struct fork *f = b->fork;

    if (b->state == BRANCH_AWAY) {
        branch_stop_timer(b);
        b->state = BRANCH_DONE;
        b->code = 430;
    } else if ((b->state == BRANCH_TRYING || b->state == BRANCH_RINGING) && f->method == METHOD_INVITE && cancel(b, rows))
        b->state = BRANCH_CANCELLED;
}

/* Another trunk is called where nothing at all comes from one: it may well ring for long. */
static bool group_was_heard(const struct fork *f)
{
    for (size_t i = 0; i < f->n_branches; i++)
        if (f->branch[i]->group == f->group && f->branch[i]->heard)
            return true;
    return false;
}

static void on_group_late(void *arg)
{
    struct fork *f = arg;

    if (f->state != FORK_OPEN || f->group + 1 >= f->n_groups || (f->outward && group_was_heard(f)))
        return;
    for (size_t i = 0; i < f->n_branches; i++)
        if (f->branch[i]->state != BRANCH_WAITING)
            branch_cancel(f->branch[i], SLICE_NONE);
    f->group++;
    fork_begin(f);
}

/* RFC 5393 §5.3.3: what breadth there is, is shared by the branches that run at once. The plan's groups are no wider than
 * that; one of a redirect that is followed may be: then what does not fit goes into a group behind all others. */
static void share_breadth(struct fork *f)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    unsigned               breadth = PROXY_MAX_BREADTH, n = 0;
    bool                   over = false;

    if (in && msg_max_breadth(in->m, &breadth))
        breadth = PROXY_MAX_BREADTH;
    for (size_t i = 0; i < f->n_branches; i++) {
        struct branch *b = f->branch[i];

        if (b->group != f->group || b->spare || b->state != BRANCH_WAITING)
            continue;
        if (n < breadth) {
            n++;
            continue;
        }
        b->group = f->n_groups;
        over = true;
    }
    f->n_groups = (uint16_t)(f->n_groups + over);
    for (size_t i = 0; i < f->n_branches; i++)
        if (f->branch[i]->group == f->group)
            f->branch[i]->breadth = n && breadth / n ? breadth / n : 1;
}

void fork_say_trying(struct fork *f)
{
    if (f->method == METHOD_INVITE && !f->trying)
        stack_reply_code(f->sh, f->server, 100);
    f->trying = true;
}

/* Start the branches of the group whose turn it is; a group none of which can be started is passed over. */
void fork_begin(struct fork *f)
{
    size_t started = 0;

    share_breadth(f);
    for (size_t i = 0; i < f->n_branches; i++) {
        struct branch *b = f->branch[i];
        enum err       e;

        if (b->group != f->group || b->spare || b->state != BRANCH_WAITING)
            continue;
        if ((e = fork_start_branch(f, b))) {
            b->state = BRANCH_DONE;
            b->code = e == ERR_NOMEM || e == ERR_FULL ? 503 : 480;
        } else
            started++;
    }
    fork_say_trying(f); /* behind them: who is called rings the sooner */
    if (started) {
        f->group_timer.fire = on_group_late;
        f->group_timer.arg = f;
        if (f->group + 1 < f->n_groups)
            shard_timer_start(f->sh, &f->group_timer, f->group_ms);
        return;
    }
    if (f->group + 1 < f->n_groups) {
        f->group++;
        fork_begin(f);
        return;
    }
    if (fork_all_done(f))
        fork_finish(f);
}

/* They have rung long enough. Who is forwarded then is called at once; those that ring get their CANCEL, and what they say to
 * it is not waited for. Else it ends when they are done, as if nobody were there. */
static void on_rung(void *arg)
{
    struct fork *f = arg;

    if (f->state != FORK_OPEN)
        return;
    fork_cancel(f, SLICE_NONE);
    if (fork_goes_on(f, PLAN_WHEN_NO_ANSWER, 408))
        return;
    f->own_end = 480;
    if (fork_all_done(f))
        fork_finish(f);
}

void fork_begin_stage(struct fork *f, uint16_t first_group, uint32_t ring_ms)
{
    f->group = f->stage = first_group;
    f->ring_timer.fire = on_rung;
    f->ring_timer.arg = f;
    if (ring_ms)
        shard_timer_start(f->sh, &f->ring_timer, ring_ms);
    fork_begin(f);
}

void fork_give_up(struct fork *f, struct slice rows)
{
    f->state = FORK_CANCELLED;
    if (f->bring)
        pickup_withdraw(f);
    fork_cancel(f, rows);
    if (fork_all_done(f))
        fork_finish(f);
}

/* Upstream gives up, or somebody has answered: every branch that still runs is cancelled; what has not begun never does. */
void fork_cancel(struct fork *f, struct slice rows)
{
    shard_timer_stop(f->sh, &f->group_timer);
    shard_timer_stop(f->sh, &f->ring_timer);
    for (size_t i = 0; i < f->n_branches; i++) {
        struct branch *b = f->branch[i];

        if (b->state == BRANCH_WAITING)
            b->state = BRANCH_DONE;
        else
            branch_cancel(b, rows);
    }
}

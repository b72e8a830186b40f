/* keep.c - the dialog's record, kept while a request is in progress (DESIGN §5; PROTOCOL 4.1, 7.5).
 *
 * Room      server/proxy.
 * In        new.c, within.c, answer.c.
 * Touches   server/dialogs; f->record. A record that cannot be made or grown is no error of the call: without one a dialog
 *           only passes messages on. */
#include "server/proxy/proxy_priv.h"

enum { KEEP_MAX_ROUTES = 8, KEEP_ROUTE_OCTETS = 512 };

static struct slice uri_of(const struct msg *m, enum hdr_id id)
{
    struct name_addr na;

    return msg_name_addr(m, id, &na) ? SLICE_NONE : na.uri;
}

/* The URI of its Contact, which has mostly been read before: each message of a dialog says the same one. */
static struct slice contact_of(const struct msg *m, struct slice known)
{
    const struct msg_row *row = msg_row(m, HDR_CONTACT);
    struct slice          rest = row ? slice_from(row->value, 1) : SLICE_NONE;

    if (row && known.n && rest.n > known.n && row->value.p[0] == '<' && rest.p[known.n] == '>' && slice_starts(rest, known))
        return known;
    return uri_of(m, HDR_CONTACT);
}

/* Value of o= in the description that it carries; empty: none. */
static struct slice origin_of(const struct msg *m)
{
    struct slice body, line;

    if (!m->body.n)
        return SLICE_NONE;
    if (slice_eq(msg_value(m, HDR_CONTENT_TYPE), S("application/sdp")) && !msg_has(m, HDR_CONTENT_ENCODING))
        body = m->body; /* as nearly all write it */
    else if (msg_find_body(m, S("application"), S("sdp"), &body))
        return SLICE_NONE;
    while (body.n) {
        slice_line(&body, &line);
        if (slice_starts(line, S("o=")))
            return slice_trim(slice_from(line, 2));
        if (slice_starts(line, S("m=")))
            break;
    }
    return SLICE_NONE;
}

/* What a side shows of itself in any message: who it is to the other in descriptions, and whether it knows REFER. */
static void learn_abilities(struct dialog_party *p, const struct msg *m)
{
    struct slice origin = origin_of(m);

    if (origin.n)
        p->origin = origin;
    if (msg_has(m, HDR_SUPPORTED))
        p->no_replaces = !msg_has_token(m, HDR_SUPPORTED, S("replaces"));
    if (p->outsider.n) /* whatever it says: a call that we send there is another call, by other numbers */
        p->no_replaces = true;
    if (msg_has(m, HDR_ALLOW)) {
        p->no_refer = !msg_has_token(m, HDR_ALLOW, S("REFER"));
        p->has_update = msg_has_token(m, HDR_ALLOW, S("UPDATE"));
    }
}

/* Where a text is too many, it is those that can be done without. */
static enum err put_record(struct fork *f, struct dialog_record *r)
{
    enum err e = dialogs_put(f->px->dialogs, f->record, r);

    if (e != ERR_LIMIT)
        return e;
    r->side[DIALOG_CALLER].origin = r->side[DIALOG_CALLEE].origin = SLICE_NONE;
    return dialogs_put(f->px->dialogs, f->record, r);
}

static enum err begin_record(struct fork *f, struct dialog_record *r, struct dialog_id *out)
{
    enum err e = dialogs_begin(f->px->dialogs, r, out);

    if (e != ERR_LIMIT)
        return e;
    r->side[DIALOG_CALLER].origin = r->side[DIALOG_CALLEE].origin = SLICE_NONE;
    return dialogs_begin(f->px->dialogs, r, out);
}

/* Have we written that Record-Route element ourselves? As this branch or, after a fail-over, an earlier hop of it has. One that cannot
 * be read ends the list too. */
static bool is_ours(const struct fork *f, const struct msg *m, struct slice element)
{
    struct proxy_cookie cookie;
    struct name_addr    na;

    if (f->answering && cookie_is_back(f->answering, element))
        return true;
    return name_addr_parse(element, &na) || proxy_cookie_read(f->px, m, na.uri, DIALOG_CALLER, 0, &cookie) == ERR_OK;
}

/* The part of the route set beyond us (RFC 3261 §12.1), as a Route value from us towards that side: in a request the
 * Record-Routes that it has brought, the nearest first; in a response those above ours, the nearest last. Texts live in the
 * scratch arena. Empty where there is none, or no room: then the recorded flow has to do. */
static struct slice routes_beyond(struct fork *f, const struct msg *m)
{
    struct slice e[KEEP_MAX_ROUTES];
    struct buf   b;
    size_t       n = 0;

    for (struct msg_list it = msg_list_begin(m, HDR_RECORD_ROUTE); n < KEEP_MAX_ROUTES && msg_list_next(&it, &e[n]); n++)
        if (is_ours(f, m, e[n]))
            break;
    if (!n || proxy_scratch(f->sh, KEEP_ROUTE_OCTETS, &b))
        return SLICE_NONE;
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, i ? S(", ") : S(""), slice_trim(e[m->is_request ? i : n - 1 - i]));
    return buf_slice(&b);
}

void keep_begin(struct fork *f, const struct stack_in *in, const struct proxy_caller *caller, const struct dialog_party *callee)
{
    struct cseq          cseq = {0};
    struct dialog_record r = {0};

    if (f->method != METHOD_INVITE || msg_cseq(in->m, &cseq))
        return;
    r.call_id = msg_call_id(in->m);
    r.call_hash = stack_call_hash(shard_stack(f->sh), in->m);
    r.side[DIALOG_CALLER] = (struct dialog_party){.tag = msg_from_tag(in->m),
                                                  .number = caller->number,
                                                  .outsider = caller->outsider,
                                                  .uri = f->anonymous ? ANONYMOUS_URI
                                                                      : uri_of(in->m, HDR_FROM),
                                                  .target = uri_of(in->m, HDR_CONTACT),
                                                  .route = routes_beyond(f, in->m),
                                                  .flow = proxy_flow_octets(&in->from),
                                                  .cseq = cseq.number};
    r.side[DIALOG_CALLEE] = *callee;
    r.side[DIALOG_CALLEE].uri = uri_of(in->m, HDR_TO);
    r.invite_cseq = cseq.number;
    r.state = DIALOG_EARLY;
    r.writes_cdr = true;
    r.started_ms = r.seen_ms = (int64_t)proxy_wall_ms(f->sh);
    learn_abilities(&r.side[DIALOG_CALLER], in->m);
    begin_record(f, &r, &f->record);
}

struct dialog_id keep_hand_over(struct fork *f, struct slice number)
{
    struct dialog_record r;
    struct dialog_id     id = f->record;

    f->record.gen = 0;
    if (!id.gen || dialogs_get(f->px->dialogs, id, shard_scratch(f->sh), &r))
        return id;
    r.side[DIALOG_CALLEE] = (struct dialog_party){.number = number, .uri = r.side[DIALOG_CALLEE].uri, .own = true};
    (void)dialogs_put(f->px->dialogs, id, &r); /* it is shorter than it was, but for the number */
    return id;
}

/* The callee's side as its response shows it. */
static void learn_callee(struct fork *f, struct dialog_record *r, const struct msg *m, const struct flow *from)
{
    struct dialog_party *callee = &r->side[DIALOG_CALLEE];
    struct slice         contact = contact_of(m, callee->target);

    callee->tag = msg_to_tag(m);
    if (f->answering && f->answering->out) {
        const struct outward *o = f->answering->out;

        callee->number = SLICE_NONE;
        callee->outsider = o->party;
        r->side[DIALOG_CALLER].uri = o->from.n ? o->from : r->side[DIALOG_CALLER].uri;
        r->side[DIALOG_CALLER].shift = o->shift;
    } else if (f->answering && (f->n_hops || f->answering->again.aor.n)) { /* forwarded, or a member of a group */
        callee->number = f->answering->again.aor;
        callee->outsider = SLICE_NONE;
    }
    callee->route = routes_beyond(f, m);
    if (contact.n)
        callee->target = contact;
    callee->flow = proxy_flow_octets(from);
    learn_abilities(callee, m);
}

/* Several phones ring: the early dialog of each but one has a record of its own, so that its lamp is lit and its call can be
 * picked up. It writes no CDR. */
static void keep_beside(struct fork *f, struct dialog_record *r, const struct msg *m, const struct flow *from)
{
    struct branch *b = f->answering;

    if (b->record.gen && dialogs_get(f->px->dialogs, b->record, shard_scratch(f->sh), r))
        b->record.gen = 0;
    learn_callee(f, r, m, from);
    r->code = m->status;
    r->writes_cdr = false;
    if (b->record.gen)
        dialogs_put(f->px->dialogs, b->record, r);
    else if (dialogs_begin(f->px->dialogs, r, &b->record))
        b->record.gen = 0;
}

static void end_beside(struct branch *b)
{
    struct fork      *f = b->fork;
    struct dialog_end end = {.now_ms = (int64_t)proxy_wall_ms(f->sh), .code = b->code, .by = S("exchange"), .why = S("fork")};

    if (b->record.gen)
        dialogs_end(f->px->dialogs, b->record, &end);
    b->record.gen = 0;
}

/* The fork's record was of this branch: another one that still rings has it now. */
static void hand_on(struct branch *b)
{
    struct fork         *f = b->fork;
    struct dialog_record r, other;

    if (b != f->kept || !f->record.gen || dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r) || r.state != DIALOG_EARLY)
        return;
    for (size_t i = 0; i < f->n_branches; i++) {
        struct branch *o = f->branch[i];

        if (!o->record.gen || dialogs_get(f->px->dialogs, o->record, shard_scratch(f->sh), &other))
            continue;
        end_beside(o);
        r.side[DIALOG_CALLEE] = other.side[DIALOG_CALLEE];
        dialogs_put(f->px->dialogs, f->record, &r);
        f->kept = o;
        return;
    }
}

void keep_branch_done(struct branch *b)
{
    if (b->record.gen)
        end_beside(b);
    else if (!b->fork->within && b->fork->n_branches > 1)
        hand_on(b);
}

/* Does this phone ring beside another one that still does, and has the fork's record? */
static bool is_beside(const struct fork *f, const struct msg *m)
{
    return m->status < 200 && f->answering && f->kept && f->kept != f->answering && f->kept->group >= f->stage &&
           f->kept->state == BRANCH_RINGING;
}

/* A response to the INVITE that began it. Another fork's tag takes the record over while nobody has answered; a second
 * 2xx gets a record of its own, which writes no CDR. */
static void keep_initial(struct fork *f, const struct msg *m, const struct flow *from)
{
    struct dialog_record r;
    struct dialog_id     other;

    if (dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r))
        return;
    if (r.state == DIALOG_CONFIRMED) {
        if (m->status < 200 || slice_eq(r.side[DIALOG_CALLEE].tag, msg_to_tag(m)))
            return;
        learn_callee(f, &r, m, from);
        r.writes_cdr = false;
        begin_record(f, &r, &other);
        return;
    }
    if (is_beside(f, m)) {
        keep_beside(f, &r, m, from);
        return;
    }
    if (f->answering && f->answering->record.gen)
        end_beside(f->answering);
    r.code = m->status;
    if (msg_to_tag(m).n) {
        learn_callee(f, &r, m, from);
        f->kept = f->answering;
    }
    if (m->status >= 200) {
        r.state = DIALOG_CONFIRMED;
        r.answered_ms = (int64_t)proxy_wall_ms(f->sh);
        refresh_keep(f, m, &r);
    }
    put_record(f, &r);
}

static bool refreshes_target(enum method m)
{
    return m == METHOD_INVITE || m == METHOD_UPDATE || m == METHOD_SUBSCRIBE || m == METHOD_NOTIFY;
}

/* A final response to a request within it: both targets may have moved (RFC 3261 §12.2), and each side is now known to be
 * where it sent from. */
static void keep_refresh(struct fork *f, const struct msg *m, const struct flow *from)
{
    enum dialog_side     other = dialogs_other(f->from);
    struct dialog_record r;
    struct slice         contact, new_target = fork_text(f, FORK_CONTACT), origin = fork_text(f, FORK_ORIGIN);

    if (!refreshes_target(f->method) || dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r))
        return;
    if (new_target.n)
        r.side[f->from].target = new_target;
    contact = contact_of(m, r.side[other].target);
    if (contact.n)
        r.side[other].target = contact;
    r.side[f->from].flow = proxy_flow_octets(&f->upstream);
    r.side[other].flow = proxy_flow_octets(from);
    learn_abilities(&r.side[other], m);
    if (origin.n)
        r.side[f->from].origin = origin;
    refresh_keep(f, m, &r);
    put_record(f, &r);
}

void keep_goes_on(struct fork *f, const struct dialog_party *callee)
{
    struct dialog_record r;

    if (!f->record.gen || dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r) || r.state != DIALOG_EARLY)
        return;
    r.side[DIALOG_CALLEE] = (struct dialog_party){
        .number = callee->number, .outsider = callee->outsider, .uri = r.side[DIALOG_CALLEE].uri};
    r.code = 0;
    put_record(f, &r);
}

static void end_by_bye(struct fork *f, unsigned code)
{
    struct dialog_end end = {.now_ms = (int64_t)proxy_wall_ms(f->sh),
                             .by = f->from == DIALOG_CALLER ? S("caller") : S("callee"),
                             .why = S("bye")};

    if (code == 401 || code == 407 || !f->record.gen)
        return;
    dialogs_end(f->px->dialogs, f->record, &end);
    f->record.gen = 0;
}

/* 481: the other side does not know this call any more (RFC 5057 §5.1). Not what belongs to a subscription, or to a
 * provisional response. */
static void end_by_absence(struct fork *f, unsigned code, struct slice why)
{
    struct dialog_record r;
    struct dialog_end    end = {.now_ms = (int64_t)proxy_wall_ms(f->sh), .why = why};

    if (code != 481 || f->method == METHOD_NOTIFY || f->method == METHOD_SUBSCRIBE || f->method == METHOD_PRACK ||
        dialogs_get(f->px->dialogs, f->record, shard_scratch(f->sh), &r) || r.state != DIALOG_CONFIRMED)
        return;
    end.by = f->from == DIALOG_CALLER ? S("callee") : S("caller");
    dialogs_end(f->px->dialogs, f->record, &end);
    f->record.gen = 0;
}

void keep_response(struct fork *f, const struct msg *m, const struct flow *from)
{
    if (!f->record.gen)
        return;
    if (!f->within)
        keep_initial(f, m, from);
    else if (f->method == METHOD_BYE && m->status >= 200)
        end_by_bye(f, m->status);
    else if (m->status >= 200)
        keep_refresh(f, m, from);
}

/* The request has failed, with what the caller is told. */
void keep_failure(struct fork *f, unsigned code, struct slice why)
{
    struct dialog_end end = {.now_ms = (int64_t)proxy_wall_ms(f->sh), .code = (uint16_t)code, .why = why};

    if (!f->record.gen)
        return;
    if (f->within) {
        if (f->method == METHOD_BYE)
            end_by_bye(f, code);
        else
            end_by_absence(f, code, why);
        return;
    }
    if (fork_text(f, FORK_GIVEN_UP).n)
        end.by = S("admin"), end.why = fork_text(f, FORK_GIVEN_UP);
    else if (f->state == FORK_CANCELLED)
        end.by = S("caller"), end.why = S("cancel");
    else
        end.by = f->best_code == code ? S("callee") : S("exchange");
    dialogs_end(f->px->dialogs, f->record, &end);
    f->record.gen = 0;
}

/* A request within it is about to go on. */
void keep_within(struct fork *f, const struct stack_in *in, const struct proxy_within *w)
{
    struct cseq cseq;

    f->record = w->id;
    f->from = w->from;
    if (!w->id.gen)
        return;
    f->shift = w->record.side[w->from].shift;
    f->shift_other = w->record.side[dialogs_other(w->from)].shift;
    if (refreshes_target(f->method)) {
        (void)fork_keep(f, FORK_CONTACT, uri_of(in->m, HDR_CONTACT));
        (void)fork_keep(f, FORK_ORIGIN, origin_of(in->m));
    }
    if (msg_cseq(in->m, &cseq) == ERR_OK)
        dialogs_seen(f->px->dialogs, w->id, w->from, cseq.number, (int64_t)proxy_wall_ms(f->sh));
}

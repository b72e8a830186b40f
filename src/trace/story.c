/* story.c - stories out of groups of calls: parties, calls, links, rows.
 *
 * Room      trace (pure). In: everything up to t->links. Out: t->t->stories with all but words and findings.
 * Columns stand as people draw them: the first phone, what stands between, then the other phones as they appear. */
#include "trace/trace_priv.h"

#include <string.h>

struct slice trace_link_text(enum trace_link_kind kind)
{
    switch (kind) {
    case TRACE_LINK_REFER:
        return S("transfer");
    case TRACE_LINK_REPLACES:
        return S("replaces");
    case TRACE_LINK_NAMED:
        return S("consultation");
    case TRACE_LINK_REDIRECT:
        return S("forward");
    case TRACE_LINK_JOIN:
        return S("join");
    case TRACE_LINK_HELD:
        return S("held for");
    case TRACE_LINK_TARGET:
        return S("concerns");
    case TRACE_LINK_RECALL:
        return S("recall");
    case TRACE_LINK_BRIDGED:
        return S("bridged");
    }
    return SLICE_NONE;
}

/* --- which calls are a story --------------------------------------------------------------------------------------- */

static enum err number_stories(struct trace_inside *t)
{
    size_t *of_group = arena_alloc(t->a, (t->n_calls + 1) * sizeof *of_group);

    if (!of_group)
        return ERR_NOMEM;
    for (size_t c = 0; c < t->n_calls; c++)
        of_group[c] = NONE;
    for (size_t c = 0; c < t->n_calls; c++)
        if (t->calls[c].is_call)
            of_group[t->calls[c].group] = 0;
    for (size_t c = 0; c < t->n_calls; c++) {
        size_t g = t->calls[c].group;

        if (of_group[g] == NONE)
            continue;
        if (g == c) /* the first call of a group is its root: stories are in the order of time */
            of_group[g] = t->t->n_stories++;
        t->calls[c].story = of_group[g];
    }
    for (size_t n = 0; n < t->n_items; n++)
        t->items[n].story = t->calls[t->items[n].call].story;
    return ERR_OK;
}

static enum err count_and_allocate(struct trace_inside *t)
{
    struct trace *out = t->t;

    out->stories = arena_zalloc(t->a, (out->n_stories + 1) * sizeof *out->stories);
    t->party = arena_zalloc(t->a, (out->n_stories + 1) * sizeof *t->party);
    t->display = arena_zalloc(t->a, (out->n_stories + 1) * sizeof *t->display);
    if (!out->stories || !t->party || !t->display)
        return ERR_NOMEM;
    for (size_t c = 0; c < t->n_calls; c++)
        if (t->calls[c].story != NONE)
            out->stories[t->calls[c].story].n_calls++;
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            out->stories[t->items[n].story].n_rows++;
    for (size_t l = 0; l < t->n_links; l++)
        if (t->calls[t->links[l].from].story != NONE)
            out->stories[t->calls[t->links[l].from].story].n_links++;
    for (size_t s = 0; s < out->n_stories; s++) {
        struct trace_story *st = &out->stories[s];

        st->calls = arena_zalloc(t->a, st->n_calls * sizeof *st->calls);
        st->rows = arena_zalloc(t->a, st->n_rows * sizeof *st->rows);
        st->links = arena_zalloc(t->a, (st->n_links + 1) * sizeof *st->links);
        if (!st->calls || !st->rows || !st->links)
            return ERR_NOMEM;
        st->n_calls = st->n_rows = st->n_links = 0;
    }
    return ERR_OK;
}

/* --- parties --------------------------------------------------------------------------------------------------------- */

struct cast { /* of one story, while its parties are looked for */
    size_t ends[TRACE_MAX_PARTIES];
    bool   exchange[TRACE_MAX_PARTIES];
    size_t n;
};

/* `bridge`: between two calls that a back-to-back user agent made one, it is the exchange. */
static void appear(const struct trace_inside *t, struct cast *c, size_t end, size_t bridge)
{
    bool exchange = end == bridge || end_is_exchange(t, end);

    for (size_t i = 0; i < c->n; i++) {
        if (c->ends[i] != end)
            continue;
        c->exchange[i] = c->exchange[i] || exchange;
        return;
    }
    if (c->n == TRACE_MAX_PARTIES)
        return;
    c->ends[c->n] = end;
    c->exchange[c->n++] = exchange;
}

static enum err arrange(struct trace_inside *t, struct trace_story *st, struct cast *c, size_t story)
{
    size_t *ends = arena_alloc(t->a, (c->n + 1) * sizeof *ends), n = 0, first = 0;

    st->parties = arena_zalloc(t->a, (c->n + 1) * sizeof *st->parties);
    t->display[story] = arena_zalloc(t->a, (c->n + 1) * sizeof **t->display);
    if (!ends || !st->parties || !t->display[story])
        return ERR_NOMEM;
    while (first < c->n && c->exchange[first])
        first++;
    for (int turn = 0; turn < 3; turn++) { /* the first phone, the exchanges, the other phones */
        for (size_t i = 0; i < c->n; i++) {
            if ((turn == 0) != (i == first) || (turn == 1) != (c->exchange[i] && i != first))
                continue;
            st->parties[n].is_exchange = c->exchange[i];
            ends[n++] = c->ends[i];
        }
    }
    st->n_parties = n;
    t->party[story] = ends;
    return ERR_OK;
}

static void put_letter(struct buf *b, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOQRSTUVWXYZ"; /* without P, the exchange */

    if (n >= sizeof letters - 1)
        buf_putu(b, n / (sizeof letters - 1));
    buf_putc(b, letters[n % (sizeof letters - 1)]);
}

static void name_parties(struct trace_story *st)
{
    size_t phones = 0, exchanges = 0, all = 0;

    for (size_t i = 0; i < st->n_parties; i++)
        all += st->parties[i].is_exchange;
    for (size_t i = 0; i < st->n_parties; i++) {
        struct trace_party *p = &st->parties[i];
        struct buf          b = BUF_ON(p->name);

        if (p->is_exchange) {
            buf_putc(&b, 'P');
            if (all > 1)
                buf_putu(&b, ++exchanges);
        } else {
            put_letter(&b, phones++);
        }
        p->name_n = b.n;
    }
}

static enum err find_parties(struct trace_inside *t)
{
    struct cast *casts = arena_zalloc(t->a, (t->t->n_stories + 1) * sizeof *casts);
    enum err     e = ERR_OK;

    if (!casts)
        return ERR_NOMEM;
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];
        size_t             s = i->story;

        if (s == NONE)
            continue;
        appear(t, &casts[s], i->from, t->calls[i->call].bridge);
        appear(t, &casts[s], i->to, t->calls[i->call].bridge);
    }
    for (size_t s = 0; s < t->t->n_stories && !e; s++) {
        e = arrange(t, &t->t->stories[s], &casts[s], s);
        name_parties(&t->t->stories[s]);
    }
    return e;
}

size_t party_of(const struct trace_inside *t, size_t story, size_t end)
{
    const struct trace_story *st = &t->t->stories[story];

    for (size_t i = 0; i < st->n_parties; i++)
        if (t->party[story][i] == end)
            return i;
    return st->n_parties - 1;
}

/* --- labels ------------------------------------------------------------------------------------------------------------ */

static bool number_taken(const struct trace_story *st, struct slice number)
{
    for (size_t i = 0; i < st->n_parties; i++)
        if (number.n && slice_eq(st->parties[i].number, number))
            return true;
    return false;
}

static void learn_sender(const struct trace_inside *t, struct trace_party *p, const struct item *i)
{
    struct slice    *display = &t->display[i->story][p - t->t->stories[i->story].parties];
    struct name_addr na;

    if (msg_from(i->m, &na))
        return;
    if (!p->number.n)
        p->number = user_of_uri(na.uri);
    if (!display->n && slice_eq(p->number, user_of_uri(na.uri)))
        *display = na.display;
}

/* A response goes back to the one that From names, and comes from the one that To names: for what was not seen asked. */
static void learn_from_response(const struct trace_story *st, struct trace_party *from, struct trace_party *to,
                                const struct item *i)
{
    if (!to->is_exchange && !to->number.n && i->n_vias == 1)
        to->number = item_user(i, HDR_FROM);
    if (!from->is_exchange && !from->number.n && !number_taken(st, item_user(i, HDR_TO)))
        from->number = item_user(i, HDR_TO);
}

/* What message i says of the end that sent or got it. */
static void learn_number(const struct trace_inside *t, struct trace_story *st, const struct item *i)
{
    struct trace_party *from = &st->parties[party_of(t, i->story, i->from)];
    struct trace_party *to = &st->parties[party_of(t, i->story, i->to)];

    if (!is_request(i)) {
        learn_from_response(st, from, to, i);
        return;
    }
    if (!from->is_exchange && i->n_vias == 1)
        learn_sender(t, from, i);
    if (!to->is_exchange && !to->number.n && i->method_id == METHOD_INVITE && !i->to_tag.n) {
        bool taken = number_taken(st, item_user(i, HDR_TO)) ||
                     (i->cause != NONE && msg_has(i->m, HDR_DIVERSION) && !msg_has(t->items[i->cause].m, HDR_DIVERSION));

        to->number = item_user(i, HDR_TO);
        if (taken) /* forwarded by the exchange: To still names whom it rang first */
            to->number = item_request_user(i).n ? item_request_user(i) : item_user(i, HDR_TO);
    }
    if (!to->is_exchange && !to->number.n && i->to_tag.n && !number_taken(st, item_user(i, HDR_TO)))
        to->number = item_user(i, HDR_TO);
}

enum trace_reason_kind trace_reason_kind_of(struct slice code)
{
    return slice_eq(code, S("trunk.to"))     ? TRACE_REASON_TO_TRUNK
           : slice_eq(code, S("trunk.from")) ? TRACE_REASON_FROM_TRUNK
                                             : TRACE_REASON_WHY;
}

/* The message that such a word is about, if it is one of this call; else `best`. */
static size_t named_invite(const struct trace_inside *t, const struct call *c, const struct trace_reason *r, size_t best)
{
    bool out = r->kind == TRACE_REASON_TO_TRUNK;

    for (size_t n = c->first; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (i->story == NONE || i->original != NONE || !is_request(i) || i->method_id != METHOD_INVITE || i->to_tag.n ||
            !end_is_exchange(t, out ? i->from : i->to) || item_side_of(t, i, r) == (out ? -1 : 1))
            continue;
        if (best == NONE || (out ? n < best : n > best))
            best = n;
    }
    return best;
}

static void name_trunk(struct trace_inside *t, const struct trace_reason *r)
{
    const struct item *i;
    size_t             best = NONE;

    for (size_t c = *table_at(&t->calls_by_id, hash_octets(&t->in->key, r->call_id)); c != NONE; c = t->calls[c].chain)
        if (slice_eq(t->calls[c].call_id, r->call_id))
            best = named_invite(t, &t->calls[c], r, best);
    if (best == NONE)
        return;
    i = &t->items[best];
    t->t->stories[i->story].parties[party_of(t, i->story, r->kind == TRACE_REASON_TO_TRUNK ? i->to : i->from)].trunk = r->text;
}

static void put_label(struct trace_inside *t, struct trace_story *st, size_t story, size_t party)
{
    struct trace_party *p = &st->parties[party];
    struct slice        display = p->is_exchange ? SLICE_NONE : t->display[story][party];
    char                text[TEXT_OCTETS], plain[256];
    struct buf          b = BUF_ON(text), name = BUF_ON(plain);

    msg_put_unquoted(&name, slice_to(display, 200));
    if (p->trunk.n) {
        buf_put(&b, S("trunk "));
        put_wire(&b, p->trunk);
        if (p->number.n) {
            buf_put(&b, S(" ("));
            put_wire(&b, p->number);
            buf_putc(&b, ')');
        }
    } else if (name.n) {
        put_wire(&b, buf_slice(&name));
        if (p->number.n && !slice_eq(p->number, buf_slice(&name))) {
            buf_put(&b, S(" ("));
            put_wire(&b, p->number);
            buf_putc(&b, ')');
        }
    } else if (p->number.n) {
        put_wire(&b, p->number);
    } else {
        addr_put(&b, &p->at);
    }
    p->label = keep_text(t, &b);
}

static void label_parties(struct trace_inside *t)
{
    for (size_t s = 0; s < t->t->n_stories; s++) {
        struct trace_story *st = &t->t->stories[s];

        for (size_t i = 0; i < st->n_parties; i++) {
            const struct end *e = &t->ends[t->party[s][i]];

            st->parties[i].at = e->place;
            if (!st->parties[i].is_exchange)
                st->parties[i].number = e->user;
            t->display[s][i] = e->display;
        }
    }
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            learn_number(t, &t->t->stories[t->items[n].story], &t->items[n]);
    for (size_t r = 0; r < t->in->n_reasons; r++)
        if (t->in->reasons[r].kind != TRACE_REASON_WHY)
            name_trunk(t, &t->in->reasons[r]);
    for (size_t s = 0; s < t->t->n_stories; s++)
        for (size_t i = 0; i < t->t->stories[s].n_parties; i++)
            put_label(t, &t->t->stories[s], s, i);
}

/* --- calls, rows, links ------------------------------------------------------------------------------------------------ */

static void tell_ends(const struct trace_inside *t, const struct call *c, struct trace_call *out)
{
    for (size_t n = c->dialogs; n != NONE; n = t->dialogs[n].next) {
        const struct dialog *d = &t->dialogs[n];

        if (d->answer_seen != NONE && (!out->answered_us || time_of(&t->items[d->answer_seen]) < out->answered_us))
            out->answered_us = time_of(&t->items[d->answer_seen]);
        if (d->ended_us > out->ended_us)
            out->ended_us = d->ended_us;
        else if (!d->ended_us && d->bye != NONE) /* hung up, whether anybody heard it or not */
            out->ended_us = time_of(&t->items[d->bye]);
    }
    if (out->status >= 300)
        out->ended_us = time_of(&t->items[c->invite == NONE ? c->refusal : t->tsxs[c->invite].final]);
}

static void fill_call(struct trace_inside *t, struct call *c)
{
    struct trace_story *st = &t->t->stories[c->story];
    struct trace_call  *out = &st->calls[st->n_calls];

    c->index = st->n_calls++;
    *out = (struct trace_call){.call_id = c->call_id, .asked_us = time_of(&t->items[c->first]),
                               .begun_before = c->invite == NONE, .up_before = c->up_before, .kept_call_id = c->kept_call_id};
    out->caller = c->caller == NONE ? NONE : party_of(t, c->story, c->caller);
    out->callee = c->callee == NONE ? NONE : party_of(t, c->story, c->callee);
    if (c->invite != NONE)
        out->status = (uint16_t)tsx_status(t, &t->tsxs[c->invite]);
    else if (c->refusal != NONE)
        out->status = (uint16_t)status_of(&t->items[c->refusal]);
    tell_ends(t, c, out);
}

static struct slice digits_of(struct trace_inside *t, unsigned status)
{
    char       text[4];
    struct buf b = BUF_ON(text);

    buf_putu_wide(&b, status, 3);
    return keep_text(t, &b);
}

static void put_start(struct buf *b, const struct item *i)
{
    if (is_request(i)) {
        put_wire(b, i->method);
        return;
    }
    buf_putu(b, status_of(i));
    buf_putc(b, ' ');
    put_wire(b, i->m->reason.n ? i->m->reason : msg_reason(status_of(i)));
}

static void fill_row(struct trace_inside *t, size_t n)
{
    struct item        *i = &t->items[n];
    struct trace_story *st = &t->t->stories[i->story];
    struct trace_row   *r = &st->rows[st->n_rows];
    char                text[TEXT_OCTETS];
    struct buf          b = BUF_ON(text);

    if (!st->n_rows)
        st->begin_us = time_of(i);
    i->row = st->n_rows++;
    *r = (struct trace_row){.time_us = time_of(i), .message = n, .resent = i->copies, .last_us = i->last_us};
    r->from = party_of(t, i->story, i->from);
    r->to = party_of(t, i->story, i->to);
    r->call = t->calls[i->call].index;
    r->text = is_request(i) ? i->method : digits_of(t, status_of(i));
    r->of = is_request(i) ? SLICE_NONE : i->method;
    put_start(&b, i);
    r->start = keep_text(t, &b);
    if (i->last_us > st->end_us)
        st->end_us = i->last_us;
}

static void fill_link(struct trace_inside *t, const struct link *l)
{
    size_t              s = t->calls[l->from].story;
    struct trace_story *st;

    if (s == NONE)
        return;
    st = &t->t->stories[s];
    st->links[st->n_links++] =
        (struct trace_link){.kind = l->kind, .from = t->calls[l->from].index, .to = t->calls[l->to].index};
}

static enum err fill_messages(struct trace_inside *t)
{
    struct trace *out = t->t;

    if (!(out->messages = arena_alloc(t->a, (t->n_items + 1) * sizeof *out->messages)))
        return ERR_NOMEM;
    out->n_messages = t->n_items;
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n], *o = i->original == NONE ? i : &t->items[i->original];

        out->messages[n] =
            (struct trace_seen){.in = i->in, .story = i->story, .row = o->row, .copy = i->original != NONE};
    }
    return ERR_OK;
}

enum err trace_make_stories(struct trace_inside *t)
{
    enum err e;

    if ((e = number_stories(t)) || (e = count_and_allocate(t)) || (e = find_parties(t)))
        return e;
    label_parties(t);
    for (size_t c = 0; c < t->n_calls; c++)
        if (t->calls[c].story != NONE)
            fill_call(t, &t->calls[c]);
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            fill_row(t, n);
    for (size_t l = 0; l < t->n_links; l++)
        fill_link(t, &t->links[l]);
    return t->err ? t->err : fill_messages(t);
}

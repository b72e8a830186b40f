/* link.c - which calls belong together, and why.
 *
 * Room      trace (pure). In: items, transactions, calls, dialogs. Out: t->links, and a group for each call.
 * A link needs a message that says so (REFER, Replaces, Join, 3xx, a hold), the right end and the right number. Two calls
 * of one phone that have nothing to do with each other stay two stories. */
#include "trace/trace_priv.h"

enum { MAX_BRIDGE_BACK = 512 }; /* calls that are looked at for what a back-to-back user agent made out of them */

static size_t group_of(const struct trace_inside *t, size_t call)
{
    while (t->calls[call].group != call)
        call = t->calls[call].group;
    return call;
}

static void add(struct trace_inside *t, const struct link *l)
{
    size_t a = group_of(t, l->from), b = group_of(t, l->to);

    if (l->from == l->to)
        return;
    for (size_t i = 0; i < t->n_links; i++)
        if (t->links[i].kind == l->kind && t->links[i].from == l->from && t->links[i].to == l->to)
            return;
    if (t->n_links == t->max_links)
        return; /* twice as many as messages: cannot be */
    t->links[t->n_links++] = *l;
    if (a < b)
        t->calls[b].group = a;
    else
        t->calls[a].group = b;
}

/* The call that has that dialog: by Call-ID, and by the tags where an attempt is not the only one. */
static size_t call_named(const struct trace_inside *t, const struct table *by_id, struct slice call_id, struct slice tag)
{
    size_t best = NONE;

    for (size_t n = *table_at(by_id, hash_octets(&t->in->key, call_id)); n != NONE; n = t->calls[n].chain) {
        if (!slice_eq(t->calls[n].call_id, call_id))
            continue;
        if (best == NONE || dialog_find(t, n, t->calls[n].caller_tag, tag) != NONE)
            best = n;
    }
    return best;
}

static void link_named(struct trace_inside *t, const struct table *by_id, size_t n, enum hdr_id id)
{
    const struct item *i = &t->items[n];
    struct dialog_ref  ref;
    size_t             other;

    if (msg_dialog_ref(i->m, id, &ref))
        return;
    other = call_named(t, by_id, ref.call_id, ref.to_tag);
    if (other == NONE)
        return;
    add(t, &(struct link){id == HDR_REPLACES ? TRACE_LINK_REPLACES : id == HDR_JOIN ? TRACE_LINK_JOIN : TRACE_LINK_REFER,
                          other, i->call, n});
}

/* Replaces within the Refer-To of REFER n. */
static void link_refer_to(struct trace_inside *t, const struct table *by_id, size_t n)
{
    struct dialog_ref ref;
    struct slice      value;
    size_t            other;

    if (refer_replaces(t, &t->items[n], &value) || dialog_ref_parse(HDR_REPLACES, value, &ref))
        return;
    other = call_named(t, by_id, ref.call_id, ref.to_tag);
    if (other != NONE)
        add(t, &(struct link){TRACE_LINK_NAMED, t->items[n].call, other, n});
}

/* The REFER that made call c: the last before it that names whom c calls, and that c's caller had got (or had passed on
 * and then carried out itself). */
static void link_refer(struct trace_inside *t, const size_t *refers, size_t n_refers, size_t c)
{
    const struct item *invite = &t->items[t->tsxs[t->calls[c].invite].request];
    size_t             best = NONE;

    for (size_t k = 0; k < n_refers; k++) {
        const struct item *r = &t->items[refers[k]];

        if (time_of(r) > time_of(invite) || time_of(invite) - time_of(r) > LINK_US || r->call == c)
            continue;
        if (r->to == invite->from && refer_names(r, invite))
            best = refers[k];
    }
    if (best != NONE)
        add(t, &(struct link){TRACE_LINK_REFER, t->items[best].call, c, best});
}

static bool contact_names(const struct item *redirect, const struct item *invite)
{
    struct msg_list  it = msg_list_begin(redirect->m, HDR_CONTACT);
    struct slice     element, user = item_request_user(invite);
    struct name_addr na;

    while (msg_list_next(&it, &element)) {
        if (name_addr_parse(element, &na))
            continue;
        if (slice_eq(na.uri, invite->m->uri) || (user.n && slice_eq(user_of_uri(na.uri), user)))
            return true;
    }
    return false;
}

/* `redirected`: the calls whose caller got a 3xx. */
static void link_redirect(struct trace_inside *t, const size_t *redirected, size_t n_redirected, size_t c)
{
    const struct item *invite = &t->items[t->tsxs[t->calls[c].invite].request];
    size_t             best = NONE;

    for (size_t k = 0; k < n_redirected; k++) {
        size_t             n = redirected[k];
        const struct call *o = &t->calls[n];
        const struct item *r = &t->items[o->redirect];

        if (n == c || time_of(r) > time_of(invite) || time_of(invite) - time_of(r) > LINK_US)
            continue;
        if (o->caller == invite->from && (o->next == c || contact_names(r, invite)))
            best = n;
    }
    if (best != NONE)
        add(t, &(struct link){TRACE_LINK_REDIRECT, best, c, t->calls[best].redirect});
}

/* A back-to-back user agent: it was asked for call o, and before it had answered that asked for call c, of the same
 * caller or to the same number. */
static void link_bridged(struct trace_inside *t, size_t c)
{
    const struct item *out = &t->items[t->tsxs[t->calls[c].invite].request];

    for (size_t n = c; n-- > 0 && c - n <= MAX_BRIDGE_BACK;) {
        const struct call *o = &t->calls[n];
        const struct item *in = o->invite == NONE ? NULL : &t->items[t->tsxs[o->invite].request];
        const struct tsx  *x = in ? &t->tsxs[o->invite] : NULL;

        if (!in || in->to != out->from || in->from == out->to || time_of(out) - time_of(in) > LINK_US)
            continue;
        if (x->final != NONE && time_of(&t->items[x->final]) < time_of(out))
            continue;
        if (!slice_eq(item_user(in, HDR_FROM), item_user(out, HDR_FROM)))
            continue;
        add(t, &(struct link){TRACE_LINK_BRIDGED, n, c, t->tsxs[t->calls[c].invite].request});
        return;
    }
}

/* A phone (end and number) held call `held` with this message; it is on its way into another call: one that it begins
 * after that, or one that it was asked for and answers after that. */
static void link_held(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    struct slice       user = item_user(i, HDR_FROM);

    for (size_t c = 0; c < t->n_calls; c++) {
        const struct call *o = &t->calls[c];
        const struct tsx  *x = o->invite == NONE ? NULL : &t->tsxs[o->invite];
        const struct item *first;
        bool               begins, answers;

        if (c == i->call || !x || x->request == NONE)
            continue;
        first = &t->items[x->request];
        begins = first->from == i->from && slice_eq(item_user(first, HDR_FROM), user) && time_of(first) > time_of(i);
        answers = o->callee == i->from && slice_eq(item_user(first, HDR_TO), user) && time_of(first) < time_of(i) &&
                  (x->final == NONE || time_of(&t->items[x->final]) > time_of(i));
        if ((begins || answers) && still_held(t, n, begins ? time_of(first) : time_of(i)))
            add(t, &(struct link){TRACE_LINK_HELD, i->call, c, n});
    }
}

static enum err index_calls(struct trace_inside *t)
{
    struct table *by_id = &t->calls_by_id;
    enum err      e = table_init(t->a, t->n_calls, by_id);

    for (size_t n = 0; n < t->n_calls && !e; n++) {
        size_t *head = table_at(by_id, hash_octets(&t->in->key, t->calls[n].call_id));

        t->calls[n].chain = *head;
        *head = n;
    }
    return e;
}

static void link_items(struct trace_inside *t, const struct table *by_id, size_t *refers, size_t *n_refers)
{
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->original != NONE || !is_request(i))
            continue;
        if (i->method_id == METHOD_REFER) {
            refers[(*n_refers)++] = n;
            link_refer_to(t, by_id, n);
            link_named(t, by_id, n, HDR_TARGET_DIALOG);
        }
        if (i->method_id != METHOD_INVITE)
            continue;
        link_named(t, by_id, n, HDR_REPLACES);
        link_named(t, by_id, n, HDR_JOIN);
        if (item_in_dialog(i) && i->n_vias == 1 && item_holds(i))
            link_held(t, n);
    }
}

enum err trace_find_links(struct trace_inside *t)
{
    size_t      *refers = arena_alloc(t->a, (t->n_items + 1) * sizeof *refers), n_refers = 0;
    size_t      *redirected = arena_alloc(t->a, (t->n_calls + 1) * sizeof *redirected), n_redirected = 0;
    enum err     e = index_calls(t);

    t->max_links = 2 * t->n_items + 2;
    t->links = arena_alloc(t->a, t->max_links * sizeof *t->links);
    if (e || !refers || !redirected || !t->links)
        return ERR_NOMEM;
    link_items(t, &t->calls_by_id, refers, &n_refers);
    for (size_t c = 0; c < t->n_calls; c++)
        if (t->calls[c].redirect != NONE)
            redirected[n_redirected++] = c;
    for (size_t c = 0; c < t->n_calls; c++) {
        if (t->calls[c].invite == NONE || t->tsxs[t->calls[c].invite].request == NONE)
            continue;
        link_refer(t, refers, n_refers, c);
        link_redirect(t, redirected, n_redirected, c);
        link_bridged(t, c);
    }
    for (size_t c = 0; c < t->n_calls; c++)
        t->calls[c].group = group_of(t, c);
    return ERR_OK;
}

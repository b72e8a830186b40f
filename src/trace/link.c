/* link.c - which calls belong together, and why.
 *
 * Room      trace (pure). In: items, transactions, calls, dialogs. Out: t->links, and a group for each call.
 * A link needs a message that says so (REFER, Replaces, Join, 3xx, a hold), the right end and the right number. Two calls
 * of one phone that have nothing to do with each other stay two stories: what makes a call is looked for in the last
 * three minutes, and makes one call only.
 *
 * One walk over the messages in the order of time. What may make a call later is remembered by where and whom it
 * concerns; a call looks there, newest first, and no further back than LINK_US. */
#include "trace/trace_priv.h"

enum {
    MAX_LOOK = 256, /* messages of one place and number that are looked at                         */
    MAX_MOVES = 64  /* phones that change their address in the middle of a transfer, in one capture */
};

struct linking {
    struct trace_inside *t;
    struct table         refers;     /* items, by whither and the number that Refer-To names         */
    struct table         left;       /* those that made no call, by that number                      */
    struct table         referrers;  /* REFERs as their makers sent them, by whither and their From  */
    struct table         redirects;  /* items, the 3xx as the caller got it, by the caller's number  */
    struct table         asked;      /* items, INVITEs that begin a call, by whither and From        */
    struct table         holds;      /* items, INVITEs that hold, by whence and From                 */
    struct table         ringing;    /* calls, by the callee and To; chained by `ringing`            */
    unsigned             moves;
};

/* --- groups --------------------------------------------------------------------------------------------------------- */

static size_t group_of(struct trace_inside *t, size_t call)
{
    while (t->calls[call].group != call) {
        t->calls[call].group = t->calls[t->calls[call].group].group;
        call = t->calls[call].group;
    }
    return call;
}

static void append(struct trace_inside *t, const struct link *l)
{
    size_t *at = &t->calls[l->to].made_by;

    for (; *at != NONE; at = &t->links[*at].next)
        if (t->links[*at].kind == l->kind && t->links[*at].from == l->from)
            return;
    if (t->n_links == t->max_links)
        return; /* twice as many as messages: cannot be */
    *at = t->n_links;
    t->links[t->n_links] = *l;
    t->links[t->n_links++].next = NONE;
}

static void add(struct trace_inside *t, const struct link *l)
{
    size_t a = group_of(t, l->from), b = group_of(t, l->to);

    if (l->from == l->to)
        return;
    append(t, l);
    if (l->kind == TRACE_LINK_REPLACES || l->kind == TRACE_LINK_NAMED)
        t->calls[l->kind == TRACE_LINK_NAMED ? l->to : l->from].left = true;
    if (a < b)
        t->calls[b].group = a;
    else
        t->calls[a].group = b;
}

/* --- tables ---------------------------------------------------------------------------------------------------------- */

static size_t *at_number(const struct linking *l, const struct table *table, size_t end, struct slice number)
{
    return table_at(table, hash_octets(&l->t->in->key, number) + end * 0x9e3779b97f4a7c15ull);
}

static void remember(struct linking *l, size_t *head, size_t item)
{
    l->t->items[item].chain = *head;
    *head = item;
}

static bool too_old(const struct item *then, const struct item *now)
{
    return time_of(now) - time_of(then) > LINK_US;
}

static const struct item *invite_of(const struct trace_inside *t, size_t call)
{
    size_t x = t->calls[call].invite;

    return x == NONE || t->tsxs[x].request == NONE ? NULL : &t->items[t->tsxs[x].request];
}

/* --- named dialogs ---------------------------------------------------------------------------------------------------- */

/* The call that has that dialog: by Call-ID, and by the tags where an attempt is not the only one. */
static size_t call_named(const struct trace_inside *t, struct slice call_id, struct slice tag)
{
    size_t best = NONE;

    for (size_t n = *table_at(&t->calls_by_id, hash_octets(&t->in->key, call_id)); n != NONE; n = t->calls[n].chain) {
        if (!slice_eq(t->calls[n].call_id, call_id))
            continue;
        if (best == NONE || dialog_find(t, n, t->calls[n].caller_tag, tag) != NONE)
            best = n;
    }
    return best;
}

static void link_named(struct trace_inside *t, size_t n, enum hdr_id id)
{
    const struct item *i = &t->items[n];
    struct dialog_ref  ref;
    size_t             other;

    if (msg_dialog_ref(i->m, id, &ref))
        return;
    other = call_named(t, ref.call_id, ref.to_tag);
    if (other == NONE)
        return;
    add(t, &(struct link){id == HDR_REPLACES ? TRACE_LINK_REPLACES : id == HDR_JOIN ? TRACE_LINK_JOIN : TRACE_LINK_TARGET,
                          other, i->call, n, NONE});
}

/* Replaces within the Refer-To of REFER n. */
static void link_refer_to(struct trace_inside *t, size_t n)
{
    struct dialog_ref ref;
    struct slice      value;
    size_t            other;

    if (refer_replaces(t, &t->items[n], &value) || dialog_ref_parse(HDR_REPLACES, value, &ref))
        return;
    other = call_named(t, ref.call_id, ref.to_tag);
    if (other != NONE)
        add(t, &(struct link){TRACE_LINK_NAMED, t->items[n].call, other, n, NONE});
}

/* --- transfers --------------------------------------------------------------------------------------------------------- */

static struct slice referrer_of(const struct item *i)
{
    struct name_addr na;

    return msg_name_addr(i->m, HDR_REFERRED_BY, &na) ? SLICE_NONE : user_of_uri(na.uri);
}

/* Does the INVITE say that this REFER's maker sent it? */
static bool names_referrer(const struct item *refer, const struct item *invite)
{
    struct slice by = referrer_of(invite);

    return by.n && (uri_text_equal(by, referrer_of(refer)) || uri_text_equal(by, item_user(refer, HDR_FROM)));
}

/* Did the last who got the REFER refuse it, whatever was said of it before? */
static bool refused(const struct trace_inside *t, const struct item *refer)
{
    size_t x = refer->tsx;

    while (x != NONE && t->tsxs[x].child != NONE)
        x = t->tsxs[x].child;
    return x != NONE && tsx_status(t, &t->tsxs[x]) >= 300;
}

/* A phone that has a new address since the REFER: known by its number. */
static bool is_transferee(const struct trace_inside *t, const struct item *refer, const struct item *invite)
{
    struct slice user = item_user(invite, HDR_FROM);

    if (!user.n || refused(t, refer))
        return false;
    return uri_text_equal(user, item_user(refer, HDR_TO)) || uri_text_equal(user, item_request_user(refer)) ||
           uri_text_equal(user, t->ends[refer->to].user);
}

/* The exchange has called for the transferee, which calls all the same. */
static bool done_by_exchange(const struct trace_inside *t, size_t r, const struct item *invite)
{
    size_t made = t->items[item_origin(t, r)].made;

    return made != NONE && !end_is_exchange(t, invite->from) && end_is_exchange(t, t->calls[made].caller);
}

/* Did that REFER make this call? It makes one; another that names the REFER's maker is another try of the same.
 * The caller is the one that got the REFER; or, when nobody there called, its number, or one that names the maker. */
static bool made(const struct trace_inside *t, size_t r, const struct item *invite, bool anywhere)
{
    const struct item *refer = &t->items[r];
    bool               tried = t->items[item_origin(t, r)].made != NONE;

    if (refer->call == invite->call || !refer_names(refer, invite))
        return false;
    if (!anywhere)
        return refer->to == invite->from && (!tried || names_referrer(refer, invite) || done_by_exchange(t, r, invite));
    return !tried && !end_is_exchange(t, invite->from) &&
           (names_referrer(refer, invite) || is_transferee(t, refer, invite));
}

static size_t refer_for(const struct linking *l, const struct item *invite, struct slice number, bool anywhere)
{
    const struct trace_inside *t = l->t;
    size_t n = *(anywhere ? at_number(l, &l->left, 0, number) : at_number(l, &l->refers, invite->from, number));

    for (unsigned looked = 0; n != NONE && looked < MAX_LOOK; n = t->items[n].chain, looked++) {
        if (time_of(&t->items[n]) > time_of(invite))
            continue;
        if (too_old(&t->items[n], invite))
            break;
        if (made(t, n, invite, anywhere))
            return n;
    }
    return NONE;
}

/* The phone that got the REFER calls from an address that nobody had seen before: it has moved. */
static void follow_move(struct linking *l, const struct item *refer, const struct item *invite)
{
    const struct trace_inside *t = l->t;

    if (l->moves < MAX_MOVES && !end_is_exchange(t, refer->to) && is_transferee(t, refer, invite) &&
        t->ends[invite->from].first > (size_t)(refer - t->items)) {
        l->moves++;
        end_moved(l->t, refer->to, invite->from);
    }
}

/* The REFER that made call c: the last before it that names whom c calls, and that c's caller had got (or had passed on
 * and then carried out itself). */
static void link_refer(struct linking *l, size_t c, const struct item *invite, bool anywhere)
{
    struct slice numbers[] = {item_request_user(invite), item_user(invite, HDR_TO), SLICE_NONE}; /* the last: by host */
    size_t       best = NONE;

    for (size_t k = 0; k < 3 && best == NONE; k++)
        if (k == 2 || numbers[k].n)
            best = refer_for(l, invite, numbers[k], anywhere);
    if (best == NONE)
        return;
    if (!done_by_exchange(l->t, best, invite))
        l->t->items[item_origin(l->t, best)].made = c;
    add(l->t, &(struct link){TRACE_LINK_REFER, l->t->items[best].call, c, best, NONE});
    if (anywhere)
        follow_move(l, &l->t->items[best], invite);
}

static void on_refer(struct linking *l, size_t n)
{
    struct uri target;

    link_refer_to(l->t, n);
    link_named(l->t, n, HDR_TARGET_DIALOG);
    if (refer_target(&l->t->items[n], &target) == ERR_OK)
        remember(l, at_number(l, &l->refers, l->t->items[n].to, target.user), n);
}

/* --- forwards ----------------------------------------------------------------------------------------------------------- */

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

static void link_redirect(struct linking *l, size_t c, const struct item *invite)
{
    struct trace_inside *t = l->t;
    struct slice         number = item_user(invite, HDR_FROM);
    size_t               n = *at_number(l, &l->redirects, 0, number);

    for (unsigned looked = 0; n != NONE && looked < MAX_LOOK; n = t->items[n].chain, looked++) {
        const struct item *r = &t->items[n];
        const struct call *o = &t->calls[r->call];

        if (too_old(r, invite))
            return;
        if (r->call == c || (o->caller != invite->from && !(number.n && end_is_exchange(t, r->from))))
            continue;
        if (o->next != c && (r->made != NONE || !contact_names(r, invite)))
            continue;
        t->items[n].made = c;
        add(t, &(struct link){TRACE_LINK_REDIRECT, r->call, c, n, NONE});
        return;
    }
}

/* --- back-to-back user agents --------------------------------------------------------------------------------------------- */

/* It was asked for call o, and before it had answered that asked for call c, of the same caller. */
static void link_bridged(struct linking *l, size_t c, const struct item *out)
{
    struct trace_inside *t = l->t;
    struct slice         number = item_user(out, HDR_FROM);
    size_t               n = *at_number(l, &l->asked, out->from, number);

    for (unsigned looked = 0; n != NONE && looked < MAX_LOOK; n = t->items[n].chain, looked++) {
        const struct item *in = &t->items[n];
        const struct tsx  *x = &t->tsxs[t->calls[in->call].invite];

        if (too_old(in, out))
            return;
        if (in->to != out->from || in->from == out->to || !slice_eq(item_user(in, HDR_FROM), number) ||
            (x->final != NONE && time_of(&t->items[x->final]) < time_of(out)))
            continue;
        t->calls[in->call].bridge = t->calls[c].bridge = out->from;
        add(t, &(struct link){TRACE_LINK_BRIDGED, in->call, c, (size_t)(out - t->items), NONE});
        return;
    }
}

/* --- calls that are held for another ----------------------------------------------------------------------------------------- */

/* A phone (end and number) begins call c while it holds another. */
static void link_held_for_new(struct linking *l, size_t c, const struct item *invite)
{
    struct trace_inside *t = l->t;
    struct slice         number = item_user(invite, HDR_FROM);
    size_t               n = *at_number(l, &l->holds, invite->from, number);

    for (unsigned looked = 0; n != NONE && looked < MAX_LOOK; n = t->items[n].chain, looked++) {
        const struct item *hold = &t->items[n];

        if (too_old(hold, invite))
            return;
        if (hold->call != c && hold->from == invite->from && slice_eq(item_user(hold, HDR_FROM), number) &&
            still_held(t, n, time_of(invite)))
            add(t, &(struct link){TRACE_LINK_HELD, hold->call, c, n, NONE});
    }
}

/* A phone holds a call with message n while another rings there, which it answers after that. */
static void link_held_for_ringing(struct linking *l, size_t n)
{
    struct trace_inside *t = l->t;
    const struct item   *hold = &t->items[n];
    struct slice         number = item_user(hold, HDR_FROM);
    size_t               c = *at_number(l, &l->ringing, hold->from, number);

    for (unsigned looked = 0; c != NONE && looked < MAX_LOOK; c = t->calls[c].ringing, looked++) {
        const struct item *invite = invite_of(t, c);
        size_t             final = t->tsxs[t->calls[c].invite].final;

        if (too_old(invite, hold))
            return;
        if (c != hold->call && t->calls[c].callee == hold->from && slice_eq(item_user(invite, HDR_TO), number) &&
            (final == NONE || time_of(&t->items[final]) > time_of(hold)))
            add(t, &(struct link){TRACE_LINK_HELD, hold->call, c, n, NONE});
    }
}

/* --- the walk ------------------------------------------------------------------------------------------------------------------ */

/* The INVITE that began call c. */
static void on_new_call(struct linking *l, size_t n, size_t c)
{
    struct trace_inside *t = l->t;
    const struct item   *invite = &t->items[n];
    size_t              *head;

    link_refer(l, c, invite, false);
    link_redirect(l, c, invite);
    link_bridged(l, c, invite);
    link_held_for_new(l, c, invite);
    remember(l, at_number(l, &l->asked, invite->to, item_user(invite, HDR_FROM)), n);
    if (t->calls[c].callee == NONE)
        return;
    head = at_number(l, &l->ringing, t->calls[c].callee, item_user(invite, HDR_TO));
    t->calls[c].ringing = *head;
    *head = c;
}

static void on_invite(struct linking *l, size_t n)
{
    const struct item *i = &l->t->items[n];

    link_named(l->t, n, HDR_REPLACES);
    link_named(l->t, n, HDR_JOIN);
    if (invite_of(l->t, i->call) == i) {
        on_new_call(l, n, i->call);
    } else if (item_in_dialog(i) && i->n_vias == 1 && item_holds(i)) {
        link_held_for_ringing(l, n);
        remember(l, at_number(l, &l->holds, i->from, item_user(i, HDR_FROM)), n);
    }
}

static void walk(struct linking *l)
{
    struct trace_inside *t = l->t;

    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->original != NONE)
            continue;
        if (is_request(i) && i->method_id == METHOD_REFER)
            on_refer(l, n);
        else if (is_request(i) && i->method_id == METHOD_INVITE)
            on_invite(l, n);
        else if (t->calls[i->call].redirect == n)
            remember(l, at_number(l, &l->redirects, 0, item_user(i, HDR_FROM)), n);
    }
}

static void find_left(struct linking *l)
{
    struct trace_inside *t = l->t;
    struct uri           target;

    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->original == NONE && is_request(i) && i->method_id == METHOD_REFER && t->items[item_origin(t, n)].made == NONE &&
            refer_target(i, &target) == ERR_OK)
            remember(l, at_number(l, &l->left, 0, target.user), n);
    }
}

/* Now that every call is known, the REFERs that made none: perhaps a phone called from another address. */
static void walk_again(struct linking *l)
{
    find_left(l);
    for (size_t c = 0; c < l->t->n_calls; c++) {
        const struct item *invite = invite_of(l->t, c);

        if (invite && link_of_kind(l->t, c, TRACE_LINK_REFER) == NONE && link_of_kind(l->t, c, TRACE_LINK_REDIRECT) == NONE)
            link_refer(l, c, invite, true);
    }
}

/* --- recalls ------------------------------------------------------------------------------------------------------------------- */

/* Did the call that this REFER made come to nothing? */
static bool failed(const struct trace_inside *t, const struct item *refer)
{
    size_t c = refer->made;

    return c == NONE || (t->calls[c].invite != NONE && tsx_status(t, &t->tsxs[t->calls[c].invite]) >= 300);
}

/* The exchange calls who asked for a transfer that failed. */
static void link_recall(struct linking *l, size_t c, const struct item *invite)
{
    struct trace_inside *t = l->t;
    struct slice         number = item_user(invite, HDR_TO);
    size_t               n = *at_number(l, &l->referrers, invite->from, number);

    for (unsigned looked = 0; n != NONE && looked < MAX_LOOK; n = t->items[n].chain, looked++) {
        const struct item *r = &t->items[n];

        if (time_of(r) > time_of(invite) || r->to != invite->from || r->call == c || !slice_eq(item_user(r, HDR_FROM), number))
            continue;
        if (too_old(r, invite))
            return;
        if (!failed(t, r))
            continue;
        add(t, &(struct link){TRACE_LINK_RECALL, r->call, c, n, NONE});
        return;
    }
}

static void walk_recalls(struct linking *l)
{
    struct trace_inside *t = l->t;

    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->original == NONE && i->cause == NONE && is_request(i) && i->method_id == METHOD_REFER && end_is_exchange(t, i->to))
            remember(l, at_number(l, &l->referrers, i->to, item_user(i, HDR_FROM)), n);
    }
    for (size_t c = 0; c < t->n_calls; c++) {
        const struct item *invite = invite_of(t, c);

        if (invite && end_is_exchange(t, invite->from) && t->calls[c].made_by == NONE)
            link_recall(l, c, invite);
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

enum err trace_find_links(struct trace_inside *t)
{
    struct linking l = {.t = t};
    struct table  *tables[] = {&l.refers, &l.left, &l.redirects, &l.asked, &l.holds, &l.ringing, &l.referrers};
    enum err       e = index_calls(t);

    for (size_t i = 0; i < sizeof tables / sizeof *tables && !e; i++)
        e = table_init(t->a, t->n_calls, tables[i]);
    t->max_links = 2 * t->n_items + 2;
    t->links = arena_alloc(t->a, t->max_links * sizeof *t->links);
    if (e || !t->links)
        return ERR_NOMEM;
    walk(&l);
    walk_again(&l);
    walk_recalls(&l);
    for (size_t c = 0; c < t->n_calls; c++)
        t->calls[c].group = group_of(t, c);
    return ERR_OK;
}

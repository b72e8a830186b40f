/* find_auth.c - challenges: not taken up, answered with a wrong password; registrations that a call would have needed.
 *
 * Room      trace (pure). In: transactions. Out: findings. RFC 3261 §22, RFC 8760.
 * A challenge is lawful, and so is a second one with stale=true, or of another realm, or to a nonce that was kept from
 * before. */
#include "trace/trace_priv.h"

static struct slice digest_param(struct slice value, struct slice name)
{
    struct slice rest = value;
    size_t       space = slice_find(rest, ' ');

    rest = space == SIZE_MAX ? SLICE_NONE : slice_from(rest, space + 1);
    while (rest.n) {
        struct slice part = SLICE_NONE, key;

        if (!msg_element_next(&rest, &part))
            break;
        part = slice_trim(part);
        if (!slice_cut(&part, '=', &key) || !slice_ieq(slice_trim(key), name))
            continue;
        part = slice_trim(part);
        if (part.n >= 2 && part.p[0] == '"')
            part = slice_to(slice_from(part, 1), part.n - 2);
        return part;
    }
    return SLICE_NONE;
}

static struct slice challenge_of(const struct item *i)
{
    return msg_value(i->m, status_of(i) == 401 ? HDR_WWW_AUTHENTICATE : HDR_PROXY_AUTHENTICATE);
}

/* The credentials for that realm in a request; empty. */
static struct slice credentials_for(const struct item *i, struct slice realm)
{
    static const enum hdr_id ids[] = {HDR_AUTHORIZATION, HDR_PROXY_AUTHORIZATION};

    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        for (const struct msg_row *r = msg_row(i->m, ids[k]); r; r = msg_row_next(i->m, r))
            if (slice_eq(digest_param(r->value, S("realm")), realm))
                return r->value;
    }
    return SLICE_NONE;
}

static bool is_challenge(const struct trace_inside *t, const struct tsx *x)
{
    return x->request != NONE && (tsx_status(t, x) == 401 || tsx_status(t, x) == 407);
}

/* The transaction of the same request, tried before. */
static const struct tsx *tried_before(const struct trace_inside *t, const struct tsx *x)
{
    const struct tsx *best = NULL;

    for (size_t n = t->calls[x->call].first_tsx; n != NONE && n < (size_t)(x - t->tsxs); n = t->tsxs[n].next) {
        const struct tsx *o = &t->tsxs[n];

        if (o->method == x->method && o->from == x->from && o->to == x->to && is_challenge(t, o))
            best = o;
    }
    return best;
}

static void find_wrong_password(struct trace_inside *t, const struct tsx *x)
{
    const struct item *final = &t->items[x->final], *request = &t->items[x->request];
    const struct tsx  *before = tried_before(t, x);
    struct slice       realm = digest_param(challenge_of(final), S("realm")), used;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    used = credentials_for(request, realm);
    if (!before || !used.n || final->cause != NONE || slice_ieq(digest_param(challenge_of(final), S("stale")), S("true")))
        return;
    if (!slice_eq(digest_param(used, S("nonce")), digest_param(challenge_of(&t->items[before->final]), S("nonce"))))
        return;
    put_end(&b, t, final->story, final->from);
    buf_put(&b, S(" does not accept the credentials of "));
    put_end(&b, t, final->story, final->to);
    buf_put(&b, S(" ("));
    put_wire(&b, digest_param(used, S("username")));
    buf_put(&b, S(" in "));
    put_wire(&b, realm);
    buf_put(&b, S("): the password is wrong, or the name."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", status_of(final) == 401 ? "22.2" : "22.3", x->final, NONE}, &b);
}

static void find_not_taken_up(struct trace_inside *t, const struct tsx *x)
{
    const struct item *final = &t->items[x->final];
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (final->cause != NONE || x->parent != NONE || challenge_taken_up(t, &t->items[x->request]))
        return;
    put_end(&b, t, final->story, final->to);
    buf_put(&b, S(" was asked who it is, and did not try again with credentials."));
    fault_add(t, &(struct fault){seen_after(t, time_of(final)) < T1_US && x->ack_out == NONE ? TRACE_NOTE : TRACE_WARNING,
                                 "RFC 3261", status_of(final) == 401 ? "22.2" : "22.3", x->final, NONE}, &b);
}

/* --- a call that failed since somebody was not registered ------------------------------------------------------------------ */

static size_t *registrations_of(const struct trace_inside *t, const struct table *by_number, struct slice user)
{
    return table_at(by_number, hash_octets(&t->in->key, user));
}

/* All REGISTERs that were answered, by number; the last one first. */
static enum err index_registrations(struct trace_inside *t, struct table *by_number)
{
    enum err e = table_init(t->a, t->n_calls, by_number);

    for (size_t n = 0; n < t->n_tsxs && !e; n++) {
        struct tsx *x = &t->tsxs[n];
        size_t     *head;

        if (x->method != METHOD_REGISTER || x->request == NONE || x->final == NONE)
            continue;
        head = registrations_of(t, by_number, item_user(&t->items[x->request], HDR_TO));
        x->chain = *head;
        *head = n;
    }
    return e;
}

/* The last final answer to a REGISTER for that number before the time; NONE. */
static size_t last_registration(const struct trace_inside *t, const struct table *by_number, struct slice user, uint64_t before_us)
{
    for (size_t n = *registrations_of(t, by_number, user); n != NONE; n = t->tsxs[n].chain) {
        const struct tsx *x = &t->tsxs[n];

        if (time_of(&t->items[x->final]) < before_us && slice_eq(item_user(&t->items[x->request], HDR_TO), user))
            return x->final;
    }
    return NONE;
}

static void find_unregistered(struct trace_inside *t, const struct table *by_number, const struct tsx *x)
{
    const struct item *final = &t->items[x->final];
    struct slice       user = item_user(&t->items[x->request], HDR_TO);
    size_t             last;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (x->method != METHOD_INVITE || x->parent != NONE || (status_of(final) != 480 && status_of(final) != 404) || !user.n)
        return;
    last = last_registration(t, by_number, user, time_of(final));
    if (last == NONE || status_of(&t->items[last]) < 300)
        return;
    put_wire(&b, user);
    buf_put(&b, S(" could not be reached: its last REGISTER was refused with "));
    buf_putu(&b, status_of(&t->items[last]));
    buf_putc(&b, ' ');
    put_wire(&b, t->items[last].m->reason);
    buf_put(&b, S("."));
    fault_add(t, &(struct fault){TRACE_WARNING, "RFC 3261", "10.3", x->final, NONE}, &b);
}

void find_auth_faults(struct trace_inside *t)
{
    struct table by_number;

    if (index_registrations(t, &by_number)) {
        t->err = ERR_NOMEM;
        return;
    }
    for (size_t n = 0; n < t->n_tsxs; n++) {
        const struct tsx *x = &t->tsxs[n];

        if (x->call == NONE || t->calls[x->call].story == NONE || x->request == NONE || x->final == NONE)
            continue;
        if (is_challenge(t, x)) {
            find_wrong_password(t, x);
            find_not_taken_up(t, x);
        }
        find_unregistered(t, &by_number, x);
    }
}

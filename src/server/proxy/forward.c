/* forward.c - calls that are forwarded: who has done so, and what the next one is told of it.
 *
 * Room      server/proxy.
 * In        new.c, when the plan forwards; redirect.c, when a 3xx is followed here.
 * Touches   the fork's target, its hops, and the values of History-Info (RFC 7044) and Diversion (RFC 5806) that its next
 *           branches get. What other servers have written there stays, and ours comes behind it (History-Info) and in
 *           front of it (Diversion: the latest is on top).
 * Privacy   a request that wants its history private (RFC 7044 §10.1: "history", and "header", "session" of RFC 3323) names
 *           nobody who has forwarded it: only that, how often and why it was. */
#include "server/proxy/proxy_priv.h"

enum { INDEX_OCTETS = 64, EXTRA_OCTETS = 1024 };

/* ---- who has forwarded it ---- */

static void add_number(struct forward_told *t, const struct fork *f, const struct directory_view *view, struct slice uri)
{
    struct slice number = t->n_trail < PLAN_MAX_TRAIL ? fork_number_of(f, view, uri) : SLICE_NONE;

    if (number.n)
        t->trail[t->n_trail++] = number;
}

static unsigned look_at_diversions(const struct fork *f, const struct msg *m, const struct directory_view *view, struct forward_told *t)
{
    struct msg_list it = msg_list_begin(m, HDR_DIVERSION);
    struct slice    element, text;
    unsigned        n = 0;

    while (msg_list_next(&it, &element)) {
        struct name_addr na;
        uint64_t         counter = 1;

        if (name_addr_parse(element, &na))
            continue;
        if (msg_param(na.params, S("counter"), &text) == ERR_OK && slice_u64(text, PLAN_MAX_FORWARDS, &counter) == ERR_LIMIT)
            counter = PLAN_MAX_FORWARDS;
        n += counter ? (unsigned)counter : 1;
        add_number(t, f, view, na.uri);
    }
    return n;
}

/* RFC 7044 §5.1: an entry whose URI has a Reason was left for another. */
static unsigned look_at_history(const struct fork *f, const struct msg *m, const struct directory_view *view, struct forward_told *t)
{
    struct msg_list it = msg_list_begin(m, HDR_HISTORY_INFO);
    struct slice    element, reason;
    unsigned        n = 0;

    while (msg_list_next(&it, &element)) {
        struct name_addr na;
        struct uri       u;

        if (name_addr_parse(element, &na) || uri_parse(na.uri, &u, NULL) || uri_header(&u, S("Reason"), &reason))
            continue;
        n++;
        add_number(t, f, view, na.uri);
    }
    return n;
}

void forward_look(const struct fork *f, const struct stack_in *in, const struct directory_view *view, struct forward_told *out)
{
    unsigned diversions, entries;

    *out = (struct forward_told){0};
    for (size_t i = 0; i < f->n_hops; i++)
        out->trail[out->n_trail++] = f->hop[i].number;
    diversions = look_at_diversions(f, in->m, view, out);
    entries = look_at_history(f, in->m, view, out);
    out->n = (unsigned)f->n_hops + (diversions > entries ? diversions : entries);
}

/* ---- what is told of it ---- */

/* The index of the last entry that is there; true when that entry is for `uri`. */
static bool last_entry(const struct msg *m, struct slice uri, struct slice *index)
{
    struct slice     element;
    struct name_addr na;
    struct uri       a, b;

    *index = SLICE_NONE;
    if (msg_element_last(m, HDR_HISTORY_INFO, &element) || name_addr_parse(element, &na) ||
        msg_param(na.params, S("index"), index) || index->n > INDEX_OCTETS / 2)
        return false;
    return uri_parse(na.uri, &a, NULL) == ERR_OK && uri_parse(uri, &b, NULL) == ERR_OK && uri_equal(&a, &b);
}

static void put_number(struct buf *b, struct slice before, unsigned n)
{
    buf_put(b, before);
    buf_putu(b, n);
}

static void put_history(struct buf *b, const struct fork *f, const struct msg *m)
{
    char         text[INDEX_OCTETS + 4 * PLAN_MAX_FORWARDS];
    struct buf   index = BUF_ON(text);
    struct slice last, mapped = SLICE_NONE;
    bool         hidden = dress_is_private(m, S("history header session")), known = last_entry(m, f->hop[0].uri, &last);

    buf_put(&index, last);
    if (!known)
        buf_put(&index, last.n ? S(".1") : S("1"));
    for (size_t i = 0; i <= f->n_hops; i++) {
        bool         is_target = i == f->n_hops;
        struct slice uri = is_target ? f->target : hidden ? ANONYMOUS_URI : f->hop[i].uri;

        if (i > 0 || !known) {
            buf_puts(b, b->n ? S(", <") : S("<"), uri);
            if (i > 0 && slice_find(uri, '?') == SIZE_MAX)
                put_number(b, S(";cause="), plan_cause_code(f->hop[i - 1].cause));
            if (!is_target && slice_find(uri, '?') == SIZE_MAX)
                put_number(b, S("?Reason=SIP%3Bcause%3D"), plan_cause_code(f->hop[i].cause));
            buf_puts(b, S(">;index="), buf_slice(&index));
            if (mapped.n)
                buf_puts(b, S(";mp="), mapped);
        }
        mapped = buf_slice(&index);
        buf_put(&index, S(".1"));
    }
}

static void put_diversion(struct buf *b, const struct fork *f, const struct msg *m)
{
    bool hidden = dress_is_private(m, S("history header session"));

    for (size_t i = f->n_hops; i-- > 0;) {
        buf_puts(b, b->n ? S(", <") : S("<"), hidden ? ANONYMOUS_URI : f->hop[i].uri);
        buf_puts(b, S(">;reason="), slice_z(plan_cause_diversion(f->hop[i].cause)), S(";counter=1;privacy="));
        buf_put(b, hidden ? S("full") : S("off"));
    }
}

static enum err tell(struct fork *f, const struct msg *m)
{
    size_t     octets = EXTRA_OCTETS + f->target.n;
    struct buf b;
    enum err   e;

    for (size_t i = 0; i < f->n_hops; i++)
        octets += f->hop[i].uri.n + 128;
    if ((e = proxy_scratch(f->sh, octets, &b)))
        return e;
    put_history(&b, f, m);
    if ((e = buf_err(&b)) || (e = fork_keep(f, FORK_HISTORY, buf_slice(&b))))
        return e;
    buf_reset(&b);
    put_diversion(&b, f, m);
    return buf_err(&b) ? buf_err(&b) : fork_keep(f, FORK_DIVERSION, buf_slice(&b));
}

enum err forward_target(struct fork *f, const struct msg *m, struct slice to, struct slice *out)
{
    struct uri u;
    struct buf b;
    enum err   e;

    if (slice_find(to, ':') != SIZE_MAX)
        return arena_dup(&f->arena, to, out);
    if ((e = proxy_scratch(f->sh, 3 * to.n + 2 * URI_MAX_OCTETS, &b)))
        return e;
    if ((e = proxy_put_number_uri(f->px, m, to, &b))) {
        buf_reset(&b); /* neither From nor To names us, but the Request-URI does */
        if (uri_parse(m->uri, &u, NULL) || u.host.n == 0)
            return e;
        buf_put(&b, S("sip:"));
        uri_put_escaped_user(&b, to);
        buf_putc(&b, '@');
        uri_put_host(&b, u.host);
    }
    return buf_err(&b) ? buf_err(&b) : arena_dup(&f->arena, buf_slice(&b), out);
}

enum err forward_note(struct fork *f, const struct stack_in *in, struct slice number, struct slice to, enum plan_cause cause)
{
    struct hop  *h;
    struct slice target;
    enum err     e;

    if (f->n_hops == PLAN_MAX_FORWARDS)
        return ERR_FULL;
    if (!f->hop && !(f->hop = arena_zalloc(&f->arena, PLAN_MAX_FORWARDS * sizeof *f->hop)))
        return ERR_NOMEM;
    h = &f->hop[f->n_hops];
    if ((e = forward_target(f, in->m, to, &target)) || (e = arena_dup(&f->arena, number, &h->number)))
        return e;
    h->uri = f->target;
    h->cause = cause;
    f->n_hops++;
    f->target = target;
    return tell(f, in->m);
}

enum err forward_also(struct fork *f, const struct stack_in *in, struct slice to)
{
    enum err e = forward_target(f, in->m, to, &f->target);

    return e ? e : tell(f, in->m);
}

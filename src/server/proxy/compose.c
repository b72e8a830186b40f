/* compose.c - a request as it goes on, a response as it goes back: the original octets round a few edits.
 *
 * Room      server/proxy.
 * In        fork.c, within.c (requests), answer.c (responses).
 * Touches   the shard's scratch arena: the result lives as long as the callback.
 * Not here  our Via and Record-Route: the stack writes them, and the request with them, when it knows the flow. */
#include "server/proxy/proxy_priv.h"

enum { URI_ROOM_OCTETS = 1024 }; /* for a URI of one of our numbers, and what is said of it */

/* RFC 3261 §16.6 step 3: one less; 70 where there was none. The text lives in `room`. */
static void edit_max_forwards(struct msg_edit *e, const struct msg *m, struct buf *room)
{
    const struct msg_row *row = msg_row(m, HDR_MAX_FORWARDS);
    unsigned              n;

    if (!row) {
        msg_edit_append(e, HDR_MAX_FORWARDS, S("70"));
        return;
    }
    if (msg_max_forwards(m, &n) || n == 0)
        n = 71;
    buf_putu(room, n - 1);
    msg_edit_value(e, row, buf_slice(room));
}

/* Does such a value say realm="REALM"? Quotes in it are not looked for: a realm of ours has none. */
static bool is_for_realm(struct slice value, struct slice realm)
{
    while (value.n) {
        size_t       at = slice_find_slice(value, S("realm"));
        struct slice rest = slice_trim(slice_from(value, at == SIZE_MAX ? value.n : at + 5));

        if (rest.n && rest.p[0] == '=') {
            rest = slice_trim(slice_from(rest, 1));
            return rest.n > realm.n + 1 && rest.p[0] == '"' && slice_starts(slice_from(rest, 1), realm) &&
                   rest.p[realm.n + 1] == '"';
        }
        value = rest;
    }
    return false;
}

/* Credentials for our own realm have done their work (RFC 3261 §22.3); others' pass, but none of our users' goes to a trunk. */
static void edit_credentials(struct msg_edit *e, const struct msg *m, const struct compose *c)
{
    const struct directory_view *view;

    if (c->out) {
        msg_edit_remove_all(e, HDR_AUTHORIZATION);
        msg_edit_remove_all(e, HDR_PROXY_AUTHORIZATION);
        return;
    }
    if (!msg_has(m, HDR_PROXY_AUTHORIZATION))
        return;
    view = directory_take(c->px->directory);
    for (const struct msg_row *row = msg_row(m, HDR_PROXY_AUTHORIZATION); row; row = msg_row_next(m, row))
        if (is_for_realm(row->value, directory_realm(view)))
            msg_edit_remove(e, row);
    directory_give(view);
}

static void edit_carry(struct msg_edit *e, const struct msg *m, const struct proxy_carry *c)
{
    for (size_t i = 0; i < sizeof c->remove_rows / sizeof c->remove_rows[0]; i++) {
        const struct msg_row *row = c->remove_rows[i].n ? msg_row_named(m, c->remove_rows[i]) : NULL;

        if (row)
            msg_edit_remove(e, row);
    }
    if (c->refer_to.n && msg_row(m, HDR_REFER_TO))
        msg_edit_value(e, msg_row(m, HDR_REFER_TO), c->refer_to);
    if (c->add_rows.n) /* an empty span at the end of the head */
        msg_edit_replace(e, slice_from(m->head, m->head.n), c->add_rows);
}

static void edit_routes(struct msg_edit *e, const struct compose *c)
{
    if (c->own_routes)
        msg_edit_remove_first(e, HDR_ROUTE, c->own_routes);
    if (c->strict)
        msg_edit_remove_last(e, HDR_ROUTE);
    if (c->route.n)
        msg_edit_push(e, HDR_ROUTE, c->route);
    if (c->last_route.n)
        msg_edit_append(e, HDR_ROUTE, c->last_route);
}

static void edit_replaces(struct msg_edit *e, const struct msg *m, struct slice replaces)
{
    if (replaces.n == 0)
        return;
    msg_edit_set(e, HDR_REPLACES, replaces);
    if (!msg_has_token(m, HDR_REQUIRE, S("replaces")))
        msg_edit_append(e, HDR_REQUIRE, S("replaces"));
}

enum err compose_towards(struct shard *sh, struct compose *c, struct slice next_route)
{
    struct slice uri = c->uri.n ? c->uri : c->in->m->uri;
    struct uri   u;
    struct buf   b;
    enum err     e;

    if ((e = uri_parse(next_route, &u, NULL)))
        return e;
    if (uri_has_param(&u, S("lr")))
        return ERR_OK;
    if ((e = proxy_scratch(sh, uri.n + 2, &b)))
        return e;
    buf_puts(&b, S("<"), uri, S(">"));
    c->last_route = buf_slice(&b);
    c->uri = next_route;
    c->own_routes++;
    return ERR_OK;
}

enum err compose_request(struct shard *sh, const struct compose *c, struct composed *out)
{
    const struct msg *m = c->in->m;
    struct msg_edit  *e = &out->edit;
    struct buf        hops = BUF_ON(out->hops), breadth = BUF_ON(out->breadth);
    struct name_addr  from;
    const struct via *via = msg_via(m);
    enum err          err;

    msg_edit_begin(e, m);
    if (c->uri.n && !slice_eq(c->uri, m->uri))
        msg_edit_uri(e, c->uri);
    if (via && !slice_eq(via->raw, c->in->via))
        msg_edit_replace(e, via->raw, c->in->via);
    edit_max_forwards(e, m, &hops);
    edit_credentials(e, m, c);
    edit_routes(e, c);
    if (c->has_breadth) {
        buf_putu(&breadth, c->breadth);
        msg_edit_set(e, HDR_MAX_BREADTH, buf_slice(&breadth));
    }
    if (c->dress && (err = c->out ? outward_edit(e, c->dress, c->out) : dress_edit(e, c->dress)))
        return err;
    if (c->from.n && msg_from(m, &from) == ERR_OK)
        msg_edit_replace(e, from.uri, c->from);
    if (c->hide && (err = dress_hide(e, sh)))
        return err;
    edit_replaces(e, m, c->replaces);
    if (c->diversion.n)
        msg_edit_push(e, HDR_DIVERSION, c->diversion);
    if (c->history.n)
        msg_edit_append(e, HDR_HISTORY_INFO, c->history);
    out->shift.own = c->shift;
    out->shift.other = c->shift_other;
    if ((c->shift || c->shift_other) && (err = dialog_shift_request(e, &out->shift)))
        return err;
    if (c->refresh)
        refresh_edit_request(c->refresh, e, m);
    if (c->carry)
        edit_carry(e, m, c->carry);
    return ERR_OK;
}

enum err proxy_put_number_uri(struct proxy *px, const struct msg *m, struct slice number, struct buf *b)
{
    const struct uri            *where[] = {msg_to_uri(m), msg_from_uri(m)};
    const struct directory_view *view = directory_take(px->directory);
    enum err                     e = ERR_NOTFOUND;

    for (size_t i = 0; i < sizeof where / sizeof where[0] && e; i++) {
        const struct uri *u = where[i];

        if (!u || !directory_host_is_ours(view, u->host))
            continue;
        buf_put(b, S("sip:"));
        uri_put_escaped_user(b, number);
        buf_putc(b, '@');
        uri_put_host(b, u->host);
        if (u->port) {
            buf_putc(b, ':');
            buf_putu(b, u->port);
        }
        e = ERR_OK;
    }
    directory_give(view);
    return e;
}

/* PROTOCOL 7.4: a Contact in a 3xx that is the address of one of our phones would lead the new call past us: it becomes
 * that user's AOR at the host that the request was for. */
static void edit_redirect(struct fork *f, struct msg_edit *e, const struct msg *m)
{
    struct msg_list it = msg_list_begin(m, HDR_CONTACT);
    struct slice    element;

    while (msg_list_next(&it, &element)) {
        struct location_binding b;
        struct name_addr        na;
        struct buf              text;

        if (name_addr_parse(element, &na) ||
            location_by_contact(f->px->location, na.uri, (int64_t)proxy_wall_ms(f->sh), shard_scratch(f->sh), &b))
            continue;
        if (proxy_scratch(f->sh, URI_ROOM_OCTETS, &text) || proxy_put_number_uri(f->px, m, b.aor, &text))
            continue;
        msg_edit_replace(e, na.uri, buf_slice(&text));
        buf_puts(&text, S(" stands for the address of that phone, so that the new call comes through here"));
        proxy_say(f->sh, f->call_id, buf_slice(&text));
    }
}

/* The caller is told the From that it has written itself. */
static void edit_from_back(struct fork *f, struct msg_edit *e, const struct msg *m)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    const struct msg_row  *row = msg_row(m, HDR_FROM);

    if (in && row)
        msg_edit_value(e, row, msg_value(in->m, HDR_FROM));
}

enum err compose_response(struct fork *f, const struct branch *b, const struct msg *m, struct slice *out)
{
    struct msg_edit     e;
    struct dialog_shift shift = {.own = f->shift + (b && b->out ? b->out->shift : 0), .other = f->shift_other};
    enum err            err;

    msg_edit_begin(&e, m);
    msg_edit_remove_first(&e, HDR_VIA, 1);
    if ((shift.own || shift.other) && (err = dialog_shift_response(&e, &shift)))
        return err;
    if (m->status >= 300 && m->status < 400)
        edit_redirect(f, &e, m);
    if (f->anonymous || (b && b->out))
        edit_from_back(f, &e, m);
    refresh_edit_response(f, &e, m);
    return msg_edit_make(&e, shard_scratch(f->sh), out);
}

/* head.c - the head of a request within a dialog, and where it goes (RFC 3261 §12.2.1.1).
 *
 * Room      sip/dialog (pure).
 * Out       octets in the caller's buf. Nothing of the dialog changes. */
#include "sip/dialog/dialog.h"

enum { MAX_FORWARDS = 70 }; /* RFC 3261 §8.1.1.6 */

static bool is_strict(const struct dialog *d)
{
    struct uri u;

    return d->n_routes && !uri_parse(d->route[0], &u, NULL) && !uri_has_param(&u, S("lr"));
}

/* A strict router's URI as a Request-URI: no method parameter and no header fields there (RFC 3261 §19.1.1, table 1). */
static void put_strict_line(struct buf *b, struct slice method, struct slice route)
{
    struct uri u;

    buf_puts(b, method, S(" "));
    if (uri_parse(route, &u, NULL)) {
        buf_put(b, route);
    } else {
        u.headers = SLICE_NONE;
        uri_write_without(b, &u, S("method"));
    }
    buf_put(b, S(" SIP/2.0\r\n"));
}

static void put_route(struct buf *b, struct slice uri)
{
    buf_puts(b, hdr_name(HDR_ROUTE), S(": <"), uri, S(">\r\n"));
}

void dialog_put_request(struct buf *b, const struct dialog *d, struct slice method, uint32_t cseq)
{
    bool strict = is_strict(d);

    if (strict)
        put_strict_line(b, method, d->route[0]);
    else
        msg_put_request_line(b, method, d->target);
    for (size_t i = strict ? 1 : 0; i < d->n_routes; i++)
        put_route(b, d->route[i]);
    if (strict)
        put_route(b, d->target);
    msg_put_row_number(b, HDR_MAX_FORWARDS, MAX_FORWARDS);
    msg_put_row(b, HDR_FROM, d->local);
    msg_put_row(b, HDR_TO, d->remote);
    msg_put_row(b, HDR_CALL_ID, d->call_id);
    msg_put_cseq(b, cseq, method);
}

struct slice dialog_next_hop(const struct dialog *d)
{
    return d->n_routes ? d->route[0] : d->target;
}

/* dress.c - what a new request has put on and taken off on its way to a phone: who calls, and how the phone shall ring.
 *
 * Room      server/proxy.
 * In        compose.c.
 * Touches   the edits it is given; texts come from the scratch arena.
 * Identity  RFC 3325: what a caller asserts of itself is not believed, P-Preferred-Identity is used up; the exchange asserts the
 *           account. Phones are outside the trust domain: nothing is asserted to them of who wants to be private (§7).
 * Anonymous where the caller has asked for it by a code, From is RFC 3323's, and Privacy: id says so. Its phone is told its own
 *           From in the answers, so that it recognizes them. */
#include "server/proxy/proxy_priv.h"

#define AUTO_ANSWER S("<http://127.0.0.1>;info=alert-autoanswer")
#define ANSWER_AFTER S("<http://127.0.0.1>;answer-after=0")

enum { NAME_OCTETS = 600 }; /* a display name as a quoted string, and what stands round it */

bool dress_is_anonymous(struct slice uri)
{
    return slice_ieq(uri, ANONYMOUS_URI);
}

bool dress_is_private(const struct msg *m, struct slice wanted)
{
    struct msg_list it = msg_list_begin(m, HDR_PRIVACY);
    struct slice    element, one, word;

    while (msg_list_next(&it, &element))
        for (bool more = true; more;) {
            more = slice_cut(&element, ';', &one);
            for (struct slice rest = wanted; rest.n;) {
                slice_cut(&rest, ' ', &word);
                if (slice_ieq(slice_trim(one), word))
                    return true;
            }
        }
    return false;
}

static bool wants_privacy(const struct msg *m)
{
    return dress_is_private(m, S("id user header session"));
}

bool dress_wants_to_be_unknown(const struct msg *m)
{
    const struct uri *u = msg_from_uri(m);

    return wants_privacy(m) || (u && (slice_ieq(u->user, S("anonymous")) || slice_ieq(u->host, S("anonymous.invalid"))));
}

/* RFC 3325 §9.1: "Alice" <sip:1001@example.com> */
static enum err assert_identity(struct msg_edit *e, const struct dress *d)
{
    struct buf b;
    enum err   err = proxy_scratch(d->sh, 2 * d->name.n + 3 * d->number.n + URI_MAX_OCTETS + NAME_OCTETS, &b);

    if (err)
        return err;
    if (d->name.n) {
        msg_put_quoted(&b, d->name);
        buf_putc(&b, ' ');
    }
    buf_putc(&b, '<');
    if (proxy_put_number_uri(d->px, e->m, d->number, &b))
        return ERR_OK; /* neither From nor To says by which name we are known: then there is none to assert */
    buf_putc(&b, '>');
    if (buf_err(&b))
        return buf_err(&b);
    msg_edit_append(e, HDR_P_ASSERTED_IDENTITY, buf_slice(&b));
    return ERR_OK;
}

enum err dress_hide(struct msg_edit *e, struct shard *sh)
{
    const struct msg_row *row = msg_row(e->m, HDR_FROM);
    struct name_addr      na;
    struct buf            b;
    enum err              err = msg_from(e->m, &na);

    if (err || (err = proxy_scratch(sh, na.params.n + NAME_OCTETS, &b)))
        return err;
    buf_puts(&b, S("\"Anonymous\" <"), ANONYMOUS_URI, S(">"), na.params);
    if (buf_err(&b))
        return buf_err(&b);
    msg_edit_value(e, row, buf_slice(&b));
    return ERR_OK;
}

static bool says(struct slice value, struct slice word)
{
    return slice_ifind_slice(value, word) != SIZE_MAX;
}

/* What the makers of phones understand as "answer by yourself", and RFC 5373's. */
static void remove_intercom(struct msg_edit *e, const struct dress *d)
{
    const struct msg *m = e->m;

    for (const struct msg_row *row = d->ring.n ? NULL : msg_row(m, HDR_ALERT_INFO); row; row = msg_row_next(m, row))
        if (says(row->value, S("answer")) || says(row->value, S("intercom"))) /* info=alert-autoanswer, Auto Answer, ring-answer */
            msg_edit_remove(e, row);
    for (const struct msg_row *row = msg_row(m, HDR_CALL_INFO); row; row = msg_row_next(m, row))
        if (says(row->value, S("answer-after")))
            msg_edit_remove(e, row);
    msg_edit_remove_all(e, HDR_ANSWER_MODE);
    msg_edit_remove_all(e, HDR_PRIV_ANSWER_MODE);
}

enum err dress_edit(struct msg_edit *e, const struct dress *d)
{
    bool     is_private = d->anonymous || wants_privacy(e->m);
    enum err err;

    if (!d->trusts || is_private)
        msg_edit_remove_all(e, HDR_P_ASSERTED_IDENTITY);
    msg_edit_remove_all(e, HDR_P_PREFERRED_IDENTITY);
    msg_edit_remove_all(e, HDR_REMOTE_PARTY_ID);
    if (d->stranger) { /* how our phones ring, and whether they answer by themselves, is not for others to say */
        msg_edit_remove_all(e, HDR_ALERT_INFO);
        msg_edit_remove_all(e, HDR_CALL_INFO);
        msg_edit_remove_all(e, HDR_ANSWER_MODE);
        msg_edit_remove_all(e, HDR_PRIV_ANSWER_MODE);
    } else if (d->no_intercom && !d->intercom)
        remove_intercom(e, d);
    if (d->asserts && !is_private && (err = assert_identity(e, d)))
        return err;
    if (d->anonymous && (err = dress_hide(e, d->sh)))
        return err;
    if (d->anonymous && !wants_privacy(e->m))
        msg_edit_append(e, HDR_PRIVACY, S("id"));
    if (d->intercom) {
        msg_edit_set(e, HDR_ALERT_INFO, AUTO_ANSWER);
        msg_edit_append(e, HDR_CALL_INFO, ANSWER_AFTER);
    } else if (d->ring.n && d->stranger)
        msg_edit_append(e, HDR_ALERT_INFO, d->ring); /* what stood there is gone */
    else if (d->ring.n)
        msg_edit_set(e, HDR_ALERT_INFO, d->ring);
    return ERR_OK;
}

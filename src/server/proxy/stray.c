/* stray.c - an answer to an INVITE that went out before a restart: it still reaches the caller (PROTOCOL 4.1).
 *
 * Room      server/proxy.
 * In        server/core, from the stack: a response that no transaction waits for.
 * Touches   the dialog's record; sends.
 *
 * RFC 6026 §8.9 drops such responses, since nobody can tell whether the request was ever sent. Here somebody can: whoever
 * answers an INVITE copies our Record-Route, and the cookie in it is signed over Call-ID and caller's tag and names the
 * flows of both ends. An answer without it, or from elsewhere, is dropped; so is one to an INVITE of this run: its transaction
 * has ended, and what the caller was told stands. */
#include "server/proxy/proxy_priv.h"

static bool find_cookie(struct proxy *px, struct shard *sh, const struct msg *m, struct proxy_cookie *out)
{
    struct msg_list  it = msg_list_begin(m, HDR_RECORD_ROUTE);
    struct slice     element;
    struct name_addr na;

    while (msg_list_next(&it, &element))
        if (name_addr_parse(element, &na) == ERR_OK &&
            proxy_cookie_read(px, m, na.uri, proxy_wall_ms(sh) / 1000, out) == ERR_OK && out->from_caller)
            return out->made_s <= px->started_s;
    return false;
}

/* The record of the attempt, found at the restart, learns what the answer says, as if the fork were still there. */
static void keep(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from, uint32_t cseq)
{
    struct fork gone = {.px = px, .sh = sh, .method = METHOD_INVITE};

    if (dialogs_find_attempt(px->dialogs, msg_call_id(m), msg_from_tag(m), cseq, &gone.record) == ERR_OK)
        keep_response(&gone, m, from);
}

/* Its connection went with the restart: a phone that is back on another one has registered there. */
static enum err send_to_binding(struct proxy *px, struct shard *sh, const struct msg *m, struct slice octets)
{
    struct dialog_key       key = {msg_call_id(m), msg_from_tag(m), msg_to_tag(m)};
    struct location_binding b;
    struct dialog_record    r;
    struct dialog_id        id;
    enum dialog_side        side;
    struct flow             flow;
    enum err                e;

    if ((e = dialogs_find(px->dialogs, &key, shard_scratch(sh), &id, &side, &r)) ||
        (e = location_by_contact(px->location, r.side[DIALOG_CALLER].target, (int64_t)proxy_wall_ms(sh), shard_scratch(sh), &b)))
        return e;
    return proxy_flow_of(b.flow, &flow) ? flow_send(shard_transport(sh), &flow, octets) : ERR_NOTFOUND;
}

void proxy_stray(struct proxy *px, struct shard *sh, const struct msg *m, const struct flow *from)
{
    struct proxy_cookie c;
    struct cseq         cseq;
    struct msg_edit     e;
    struct buf          b;

    if (m->status <= 100 || m->status >= 300 || msg_cseq(m, &cseq) || msg_method(m) != METHOD_INVITE ||
        msg_element_count(m, HDR_VIA) < 2 || !find_cookie(px, sh, m, &c) || !addr_same_ip(&c.callee.remote, &from->remote))
        return;
    msg_edit_begin(&e, m);
    msg_edit_remove_first(&e, HDR_VIA, 1);
    if (proxy_scratch(sh, msg_edit_octets(&e) + 16, &b) || msg_edit_write(&e, &b))
        return;
    keep(px, sh, m, from, cseq.number);
    proxy_say(sh, msg_call_id(m), S("the INVITE was sent before this exchange was restarted: its answer goes to the caller that the "
                                    "signed route names"));
    if (flow_send(shard_transport(sh), &c.caller, buf_slice(&b)))
        send_to_binding(px, sh, m, buf_slice(&b));
}

/* dialog_ref.c - header fields that name a dialog: Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1), Target-Dialog
 * (RFC 4538 §7).
 *
 * Room      sip/msg (pure).
 * In        a value, from a header field or unescaped from a Refer-To.
 * Out       Call-ID and tags.
 * Not here  which of the tags is ours: that depends on which side looks (RFC 3891 §3). */
#include "sip/msg/msg_priv.h"

struct tag_names {
    struct slice to, from;
};

/* Target-Dialog says local and remote from its sender's side: its remote-tag stands where a To tag would. */
static struct tag_names names_for(enum hdr_id id)
{
    if (id == HDR_TARGET_DIALOG)
        return (struct tag_names){S("remote-tag"), S("local-tag")};
    return (struct tag_names){S("to-tag"), S("from-tag")};
}

enum err dialog_ref_parse(enum hdr_id id, struct slice value, struct dialog_ref *out)
{
    struct tag_names  names = names_for(id);
    struct slice      s = slice_trim(value);
    size_t            semi = slice_find(s, ';');
    struct dialog_ref r = {.call_id = slice_trim(slice_to(s, semi))};
    struct slice      params = slice_from(s, semi);
    enum err          e;

    if (!r.call_id.n || slice_find_any(r.call_id, S(" \t\r\n,")) != SIZE_MAX)
        return ERR_SYNTAX;
    if ((e = msg_params_check(params)))
        return e;
    if (msg_param(params, names.to, &r.to_tag) || msg_param(params, names.from, &r.from_tag) || !r.to_tag.n
        || !r.from_tag.n)
        return ERR_SYNTAX;
    r.early_only = msg_has_param(params, S("early-only"));
    *out = r;
    return ERR_OK;
}

enum err msg_dialog_ref(const struct msg *m, enum hdr_id id, struct dialog_ref *out)
{
    return msg_has(m, id) ? dialog_ref_parse(id, msg_value(m, id), out) : ERR_NOTFOUND;
}

void dialog_ref_put(struct buf *b, enum hdr_id id, const struct dialog_ref *ref)
{
    struct tag_names names = names_for(id);

    buf_puts(b, ref->call_id, S(";"), names.to, S("="), ref->to_tag, S(";"), names.from, S("="), ref->from_tag);
    if (ref->early_only)
        buf_put(b, S(";early-only"));
}

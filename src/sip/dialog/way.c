/* way.c - a proxy's view of a dialog: which way a message goes, and the CSeq shift (PROTOCOL 4.2).
 *
 * Room      sip/dialog (pure).
 * Out       edits noted in a msg_edit; their texts stand in the caller's struct dialog_shift. */
#include "sip/dialog/dialog.h"

enum err dialog_ids_of(const struct msg *m, struct dialog_ids *out)
{
    struct dialog_ids ids = {msg_call_id(m), msg_from_tag(m), msg_to_tag(m)};

    if (!ids.call_id.n || !ids.caller_tag.n)
        return ERR_NOTFOUND;
    *out = ids;
    return ERR_OK;
}

enum dialog_way dialog_way_of(const struct dialog_ids *ids, const struct msg *m)
{
    struct slice from = msg_from_tag(m), to = msg_to_tag(m);

    if (!slice_eq(msg_call_id(m), ids->call_id))
        return DIALOG_NO_WAY;
    if (slice_eq(from, ids->caller_tag) && (slice_eq(to, ids->callee_tag) || (!ids->callee_tag.n && !m->is_request)))
        return DIALOG_FROM_CALLER;
    if (slice_eq(to, ids->caller_tag) && slice_eq(from, ids->callee_tag))
        return DIALOG_FROM_CALLEE;
    return DIALOG_NO_WAY;
}

/* The number that `digits` is, moved by `by`: noted as an edit whose text stands in `room`. */
static enum err move(struct msg_edit *e, struct slice digits, int64_t by, char *room)
{
    struct buf b;
    uint32_t number;
    int64_t moved;
    enum err err;

    if (!by)
        return ERR_OK;
    if ((err = slice_u32(digits, &number)))
        return err;
    moved = (int64_t)number + by;
    if (moved < 0 || moved > UINT32_MAX)
        return ERR_INVALID;
    buf_init(&b, room, DIALOG_NUMBER_OCTETS);
    buf_putu(&b, (uint64_t)moved);
    msg_edit_replace(e, digits, buf_slice(&b));
    return ERR_OK;
}

/* The digits at the start of s. */
static struct slice leading_digits(struct slice s)
{
    size_t n = 0;

    while (n < s.n && ascii_is_digit(s.p[n]))
        n++;
    return slice_to(s, n);
}

/* RAck: "rseq cseq METHOD"; the second number, with white space (and folds) between. */
static struct slice rack_digits(struct slice value)
{
    struct slice rest = slice_trim(slice_from(value, leading_digits(value).n));

    return leading_digits(rest);
}

/* `Event: refer;id=`: the number of a REFER that the other side sent (NOTIFY) or this one (SUBSCRIBE). `sign` is 1 on the
 * way of the request, -1 on the way of its response. */
static enum err move_event(struct msg_edit *e, struct dialog_shift *t, enum method method, int sign)
{
    struct event event;
    int64_t by = method == METHOD_NOTIFY ? -(int64_t)t->other : (int64_t)t->own;

    if (method != METHOD_NOTIFY && method != METHOD_SUBSCRIBE)
        return ERR_OK;
    if (msg_event(e->m, &event) || !slice_ieq(event.package, S("refer")) || !event.id.n)
        return ERR_OK; /* no number of ours in it */
    return move(e, event.id, sign * by, t->text[2]);
}

enum err dialog_shift_request(struct msg_edit *e, struct dialog_shift *t)
{
    struct cseq cseq;
    struct rack rack;
    enum err err = msg_cseq(e->m, &cseq);

    if (err || (err = move(e, leading_digits(msg_value(e->m, HDR_CSEQ)), t->own, t->text[0])))
        return err;
    if (!msg_rack(e->m, &rack) && (err = move(e, rack_digits(msg_value(e->m, HDR_RACK)), t->own, t->text[1])))
        return err;
    return move_event(e, t, cseq.method_id, 1);
}

enum err dialog_shift_response(struct msg_edit *e, struct dialog_shift *t)
{
    struct cseq cseq;
    enum err err = msg_cseq(e->m, &cseq);

    if (err || (err = move(e, leading_digits(msg_value(e->m, HDR_CSEQ)), -(int64_t)t->own, t->text[0])))
        return err;
    return move_event(e, t, cseq.method_id, -1);
}

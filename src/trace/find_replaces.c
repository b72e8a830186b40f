/* find_replaces.c - Replaces that names no dialog, or names it the wrong way round, or got lost (RFC 3891).
 *
 * Room      trace (pure). In: items, dialogs, links. Out: findings.
 * In Replaces, to-tag is the tag of the phone that is asked, from-tag that of the other one (RFC 3891 §3), whoever called
 * whom. */
#include "trace/trace_priv.h"

/* One Replaces, in an INVITE or in a Refer-To. */
struct replaced {
    size_t            item;    /* where it stands */
    struct dialog_ref ref;
    size_t            asked;   /* the end that has to find the dialog; NONE: unknown */
    size_t            other;   /* that is not it; NONE: unknown                       */
};

static void add(struct trace_inside *t, const struct replaced *r, enum trace_severity severity, struct buf *b)
{
    fault_add(t, &(struct fault){severity, "RFC 3891", "3", r->item, NONE}, b);
}

static void begin(struct buf *b, const struct trace_inside *t, const struct replaced *r)
{
    const struct item *i = &t->items[r->item];

    put_end(b, t, i->story, i->from);
    buf_puts(b, S("'s "), is_request(i) && i->method_id == METHOD_REFER ? S("Refer-To has a Replaces that ")
                                                                          : S("INVITE has a Replaces that "));
}

/* Which side of the dialog is the phone that is asked? -1: nobody knows. */
static int asked_side(const struct dialog *d, const struct replaced *r)
{
    for (int side = 0; side < 2; side++) {
        if (r->asked != NONE && d->end[side] == r->asked && d->end[!side] != r->asked)
            return side;
        if (r->other != NONE && d->end[!side] == r->other && d->end[side] != r->other)
            return side;
    }
    return -1;
}

static unsigned final_of(const struct trace_inside *t, size_t item)
{
    size_t x = t->items[item].tsx;

    return x == NONE ? 0 : tsx_status(t, &t->tsxs[x]);
}

/* Who takes an INVITE with Replaces ends the call that is replaced (RFC 3891 §3). */
static void find_left_over(struct trace_inside *t, const struct replaced *r, const struct dialog *d)
{
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);

    if (t->items[r->item].method_id != METHOD_INVITE || final_of(t, r->item) / 100 != 2 || d->answer == NONE ||
        d->bye != NONE || seen_after(t, time_of(&t->items[r->item])) < T64_US)
        return;
    put_end(&b, t, t->items[r->item].story, r->asked);
    buf_put(&b, S(" took the new call and did not hang up the one that it replaces."));
    add(t, r, TRACE_WARNING, &b);
}

static void judge(struct trace_inside *t, const struct replaced *r)
{
    char       text[TEXT_OCTETS];
    struct buf b = BUF_ON(text);
    size_t     call, d = dialog_named(t, &r->ref, &call);
    int        side;

    begin(&b, t, r);
    if (d == NONE && call == NONE) {
        if (final_of(t, r->item) != 481)
            return; /* it may have begun before the capture */
        buf_put(&b, S("names a call that nobody knows of."));
        add(t, r, TRACE_WARNING, &b);
        return;
    }
    if (d == NONE) {
        if (t->calls[call].dialogs == NONE || t->calls[call].invite == NONE)
            return;
        buf_put(&b, S("names the right call and the wrong tags: no dialog of it has them."));
        add(t, r, TRACE_ERROR, &b);
        return;
    }
    side = asked_side(&t->dialogs[d], r);
    if (side < 0)
        return;
    if (slice_eq(t->dialogs[d].tag[side], r->ref.to_tag)) {
        find_left_over(t, r, &t->dialogs[d]);
        return;
    }
    buf_put(&b, S("has its tags swapped: to-tag must be that of the phone which is asked ("));
    put_wire(&b, t->dialogs[d].tag[side]);
    buf_put(&b, S("), from-tag that of the other."));
    add(t, r, TRACE_ERROR, &b);
}

static void unreadable(struct trace_inside *t, size_t n)
{
    char            text[TEXT_OCTETS];
    struct buf      b = BUF_ON(text);
    struct replaced r = {.item = n};

    begin(&b, t, &r);
    buf_put(&b, S("cannot be read: it needs a Call-ID, to-tag and from-tag."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3891", "6.1", n, NONE}, &b);
}

static void judge_invite(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    struct replaced    r = {.item = n, .asked = t->calls[i->call].callee, .other = NONE};

    if (!msg_has(i->m, HDR_REPLACES) || i->to_tag.n)
        return;
    if (msg_dialog_ref(i->m, HDR_REPLACES, &r.ref))
        unreadable(t, n);
    else
        judge(t, &r);
}

/* REFER n as the one got it who then made that call: an exchange may have taken the Replaces off on the way. */
static const struct item *as_taken(const struct trace_inside *t, size_t n, size_t call)
{
    size_t l = link_of_kind(t, call, TRACE_LINK_REFER);

    return &t->items[l != NONE && item_origin(t, t->links[l].item) == n ? t->links[l].item : n];
}

/* A call that only rings cannot be replaced by a caller (RFC 3891 section 3): an exchange does well to call anew. */
static bool may_leave_out(const struct trace_inside *t, const struct item *invite, const struct dialog_ref *ref)
{
    size_t call, d = dialog_named(t, ref, &call);

    return d != NONE && end_is_exchange(t, invite->from) && dialog_rings(t, d, time_of(invite));
}

static void judge_made_call(struct trace_inside *t, size_t n, const struct dialog_ref *ref)
{
    size_t             call = t->items[n].made;
    const struct item *invite;
    struct slice       value;
    char               text[TEXT_OCTETS];
    struct buf         b = BUF_ON(text);

    if (call == NONE || t->calls[call].invite == NONE)
        return;
    invite = &t->items[t->tsxs[t->calls[call].invite].request];
    if (msg_has(invite->m, HDR_REPLACES) || refer_replaces(t, as_taken(t, n, call), &value) || may_leave_out(t, invite, ref))
        return;
    put_end(&b, t, t->items[n].story, invite->from);
    buf_put(&b, S(" left the Replaces out of its INVITE that stood in the Refer-To, so it calls anew instead of taking the "
                  "call over."));
    fault_add(t, &(struct fault){TRACE_ERROR, "RFC 3261", "19.1.5", t->tsxs[t->calls[call].invite].request, NONE}, &b);
}

static void judge_refer(struct trace_inside *t, size_t n)
{
    const struct item *i = &t->items[n];
    struct replaced    r = {.item = n, .asked = NONE, .other = i->from};
    struct slice       value;

    if (refer_replaces(t, i, &value))
        return;
    if (dialog_ref_parse(HDR_REPLACES, value, &r.ref))
        unreadable(t, n);
    else
        judge(t, &r);
    judge_made_call(t, n, &r.ref);
}

void find_replaces_faults(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++) {
        const struct item *i = &t->items[n];

        if (i->story == NONE || i->original != NONE || !is_request(i) || i->cause != NONE)
            continue;
        if (i->method_id == METHOD_INVITE)
            judge_invite(t, n);
        else if (i->method_id == METHOD_REFER)
            judge_refer(t, n);
    }
}

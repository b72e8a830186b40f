/* publish.c - a phone's report: taken or refused (RFC 6035 §4, RFC 3903 §6).
 *
 * Room      server/quality.
 * In        server/core, which knows who sent it.
 * Out       an answer; rows of the store, behind. */
#include "server/quality/quality_priv.h"

#include "server/proxy/proxy.h"

static void answer(struct shard *sh, const struct stack_in *in, unsigned code, struct slice rows)
{
    stack_reply(sh, in->tsx, &(struct stack_reply){.code = code, .rows = rows});
}

bool quality_is_report(const struct msg *m)
{
    struct event e;

    return m->method_id == METHOD_PUBLISH && msg_event(m, &e) == ERR_OK && slice_ieq(e.package, S("vq-rtcpxr"));
}

/* False: it has been answered. */
static bool read_report(struct shard *sh, const struct stack_in *in, struct vq_report *out)
{
    struct media_type type;
    enum err          e;

    if (msg_has(in->m, HDR_SIP_IF_MATCH)) { /* nothing is there that could be refreshed */
        answer(sh, in, 412, SLICE_NONE);
        return false;
    }
    if (msg_content_type(in->m, &type) || !media_type_is(&type, S("application"), S("vq-rtcpxr"))) {
        answer(sh, in, 415, S("Accept: " VQ_CONTENT_TYPE "\r\n"));
        return false;
    }
    if ((e = vq_read(in->m->body, out)))
        answer(sh, in, e == ERR_LIMIT ? 413 : 400, SLICE_NONE);
    return e == ERR_OK;
}

/* RFC 3903 §6 wants both; that nothing stays is said by the 0. */
static void accept(struct shard *sh, const struct stack_in *in)
{
    char       rows[128];
    struct buf b = BUF_ON(rows);

    buf_put(&b, S("SIP-ETag: "));
    stack_put_token(shard_rng(sh), &b);
    buf_put(&b, S("\r\nExpires: 0\r\n"));
    answer(sh, in, 200, buf_slice(&b));
}

/* "Anna <sip:1001@example.com>" and "sip:1001@example.com;x=y" name the same. */
static struct slice plain_uri(struct slice id)
{
    size_t lt = slice_find(id, '<');

    if (lt != SIZE_MAX)
        id = slice_from(id, lt + 1);
    return slice_to(id, slice_find_any(id, S(">;? \t")));
}

/* On which side of the call its writer is; false: on none. Who calls himself says by OrigID which of both it was. */
static bool side_of(const struct quality *q, const struct vq_report *r, struct slice number, int64_t now_ms, enum store_side *out)
{
    unsigned sides = dialogs_sides(q->dialogs, r->call_id, number, now_ms);

    if (sides == (1u << DIALOG_CALLER | 1u << DIALOG_CALLEE))
        sides = slice_eq(plain_uri(r->orig_id), plain_uri(r->local.id)) ? 1u << DIALOG_CALLER : 1u << DIALOG_CALLEE;
    *out = sides == 1u << DIALOG_CALLER ? STORE_CALLER : STORE_CALLEE;
    return sides != 0;
}

static void keep(const struct quality *q, const struct vq_report *r, enum store_side side, int64_t now_ms)
{
    const struct vq_metrics *m[2] = {&r->here, &r->there};

    for (int i = 0; i < 2; i++) {
        struct store_quality row = {.call_id = r->call_id, .side = i ? other_side(side) : side, .hearsay = i == 1, .at_ms = now_ms,
                                    .codec = m[i]->codec, .loss = m[i]->loss, .discard = m[i]->discard,
                                    .jitter_ms = m[i]->jitter_ms, .round_trip_ms = m[i]->round_trip_ms,
                                    .mos_lq = m[i]->mos_lq, .mos_cq = m[i]->mos_cq};

        if (m[i]->given)
            quality_put(q, &row);
    }
}

void quality_publish(const struct quality *q, struct shard *sh, const struct stack_in *in, struct slice number)
{
    int64_t          now_ms = (int64_t)(net_wall_us(shard_net(sh)) / 1000);
    struct vq_report r;
    enum store_side  side;

    if (!read_report(sh, in, &r))
        return;
    if (side_of(q, &r, number, now_ms, &side))
        keep(q, &r, side, now_ms);
    else
        proxy_say(sh, msg_call_id(in->m), S("this report is about no call that its sender has or had lately: it is not kept"));
    accept(sh, in);
}

/* own.c - requests that are for the exchange itself: OPTIONS, and what it does not do (RFC 3261 §11, §8.2).
 *
 * Room      server/core.
 * Touches   nothing. */
#include "server/core/core_priv.h"

#define ALLOWED                                                                                             \
    S("INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, REFER, NOTIFY, SUBSCRIBE, PUBLISH, INFO, PRACK, UPDATE, " \
      "MESSAGE")

static void reply_rows(struct shard *sh, const struct stack_in *in, unsigned code, struct slice rows)
{
    struct stack_reply r = {.code = code, .rows = rows};

    stack_reply(sh, in->tsx, &r);
}

/* RFC 3261 §8.2.2.3: what the exchange as an end cannot do is refused by name. */
static bool refuse_require(struct shard *sh, const struct stack_in *in)
{
    char            row[1024];
    struct buf      b = BUF_ON(row);
    struct msg_list it = msg_list_begin(in->m, HDR_REQUIRE);
    struct slice    tag;
    bool            any = false;

    buf_put(&b, S("Unsupported: "));
    while (msg_list_next(&it, &tag)) {
        buf_puts(&b, any ? S(", ") : S(""), tag);
        any = true;
    }
    buf_put(&b, S("\r\n"));
    if (any)
        reply_rows(sh, in, 420, buf_slice(&b));
    return any;
}

void own_request(struct shard *sh, const struct stack_in *in)
{
    char       rows[512];
    struct buf b = BUF_ON(rows);

    msg_put_row(&b, HDR_ALLOW, ALLOWED);
    if (refuse_require(sh, in))
        return;
    switch (in->m->method_id) {
    case METHOD_OPTIONS:
        msg_put_row(&b, HDR_ACCEPT, S("application/sdp, message/sipfrag"));
        msg_put_row(&b, HDR_SUPPORTED, S("path, outbound, gruu"));
        reply_rows(sh, in, 200, buf_slice(&b));
        break;
    case METHOD_OTHER: reply_rows(sh, in, 501, buf_slice(&b)); break;
    case METHOD_INVITE:
    case METHOD_MESSAGE:
    case METHOD_SUBSCRIBE:
    case METHOD_REFER: stack_reply_code(sh, in->tsx, 404); break; /* no number was named */
    default: reply_rows(sh, in, 405, buf_slice(&b)); break;
    }
}

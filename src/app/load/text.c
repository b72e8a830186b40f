/* text.c - what our messages have in common.
 *
 * Room      app/load. They are as long as those of desk phones: a server is to be measured with what it will get. */
#include "app/load/load_priv.h"

const struct slice load_sdp = S("v=0\r\n"
                                "o=- 20501 20501 IN IP4 127.0.0.1\r\n"
                                "s=call\r\n"
                                "c=IN IP4 127.0.0.1\r\n"
                                "t=0 0\r\n"
                                "m=audio 40000 RTP/AVP 9 8 0 101\r\n"
                                "a=rtpmap:9 G722/8000\r\n"
                                "a=rtpmap:8 PCMA/8000\r\n"
                                "a=rtpmap:0 PCMU/8000\r\n"
                                "a=rtpmap:101 telephone-event/8000\r\n"
                                "a=fmtp:101 0-15\r\n"
                                "a=ptime:20\r\n"
                                "a=sendrecv\r\n");

const struct slice load_transferred = S("transferred");

struct buf load_scratch(struct shard *sh, size_t octets)
{
    struct buf b;
    char      *block = arena_alloc(shard_scratch(sh), octets);

    buf_init(&b, block, block ? octets : 0);
    return b;
}

void load_put_common(struct buf *b)
{
    msg_put_row(b, HDR_ALLOW, S("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, REFER, UPDATE"));
    msg_put_row(b, HDR_SUPPORTED, S("replaces"));
    msg_put_row(b, HDR_USER_AGENT, S("strowger load"));
}

enum err load_answer(struct shard *sh, struct tsx_id tsx, const struct load_reply *r)
{
    const struct stack_in *in = stack_request_of(sh, tsx);
    struct buf             room = load_scratch(sh, LOAD_HEAD_OCTETS + (in ? in->m->head.n : 0));
    struct buf            *b = r->kept ? r->kept : &room;

    if (!in)
        return ERR_NOTFOUND;
    msg_put_reply(b, &(struct msg_reply){.request = in->m, .code = r->code, .to_tag = r->tag, .source = &in->from.remote,
                                         .record_route = r->contact != NULL});
    if (r->contact)
        load_phone_put_contact(b, r->contact);
    load_put_common(b);
    msg_put_end(b, r->body ? S("application/sdp") : SLICE_NONE, r->body ? load_sdp : SLICE_NONE);
    if (buf_err(b))
        return ERR_LIMIT;
    return stack_respond(sh, tsx, buf_slice(b));
}

/* cut.c - whole messages out of the octets of a stream (RFC 3261 §18.3), keep-alives (RFC 5626 §4.4.1), and the answer
 * to a stream whose framing is lost.
 *
 * Room      sip/transport.
 * In        stream_cut(), with what net has just read; stream_doubt(), stream_cut_off(), when nothing more comes;
 *           transport_resume().
 * Out       flow_on_octets() for each message; CRLF for each ping; a 4xx, and the stream's end.
 * Touches   s->in, which holds an unfinished message only: whole ones are cut from where they arrived, without a copy.
 * Not here  where a message ends (msg_frame).
 *
 * A message that cannot be taken now stays where it is, and nothing more is read: the peer's own queue fills, which slows it
 * down as nothing else could (PROTOCOL 3.3). What is kept meanwhile is what one read has brought. */
#include "sip/transport/transport_priv.h"

#include <string.h>

enum { REFUSAL_ROWS_OCTETS = 1024, PARSE_BLOCK_OCTETS = 16 * 1024, REASON_OCTETS = 128 };

/* The first fault of what there is: of its rows, else of its framing. Code 0: neither. */
static void find_fault(const struct msg *m, struct msg_fault *out)
{
    *out = m->fault;
    (void)msg_check_begun(m, out);
}

/* Answer 4xx to a request whose head, or what there is of it, has a start line; `code` 0: as its fault says. False: nothing
 * was sent. */
static bool refuse(struct stream *s, struct slice head, unsigned code)
{
    struct msg_reply reply = {.source = &s->flow.remote};
    char             text[REASON_OCTETS], tag[16];
    struct buf       reason = BUF_ON(text), to_tag = BUF_ON(tag), out;
    struct arena     a;
    struct msg      *m;
    struct msg_fault fault;
    uint64_t         hash;
    void            *block;
    bool             sent = false;

    arena_init(&a, s->tp->mem, PARSE_BLOCK_OCTETS, 2 * MSG_MAX_OCTETS);
    if (!head.n || msg_parse(&a, head, &m) || !m->is_request || m->method_id == METHOD_ACK)
        goto out;
    if (!(block = arena_alloc(&a, head.n + REFUSAL_ROWS_OCTETS)))
        goto out;
    buf_init(&out, block, head.n + REFUSAL_ROWS_OCTETS);
    find_fault(m, &fault);
    reply.code = code ? code : fault.code ? fault.code : 400;
    if (fault.code == reply.code)
        msg_put_fault(&reason, &fault);
    hash = hash_octets(&s->tp->key, head);
    buf_puthex(&to_tag, (struct slice){(const char *)&hash, sizeof hash});
    reply.request = m;
    reply.reason = buf_slice(&reason);
    reply.to_tag = buf_slice(&to_tag);
    flow_record(s->tp, &s->flow, false, head);
    sent = msg_put_refusal(&out, &reply) == ERR_OK && net_tcp_send(s->tp->net, s->tcp, buf_slice(&out)) == ERR_OK;
    if (sent)
        flow_record(s->tp, &s->flow, true, buf_slice(&out));
out:
    arena_close(&a);
    return sent;
}

void stream_refuse(struct stream *s, struct slice head, unsigned code, enum err why)
{
    if (refuse(s, head, code))
        stream_linger(s, why);
    else
        stream_end(s, why);
}

/* Some peers send no empty line behind their header fields, and wait. A message that may still become sound may take all
 * of TRANSPORT_HEAD_MS; one that never can is told so. */
bool stream_doubt(struct stream *s)
{
    struct slice     sure = msg_sure_lines((struct slice){s->in, s->in_n});
    struct arena     a;
    struct msg      *m;
    struct msg_fault fault;
    bool             lost;

    arena_init(&a, s->tp->mem, PARSE_BLOCK_OCTETS, 2 * MSG_MAX_OCTETS);
    lost = sure.n && msg_parse(&a, sure, &m) == ERR_OK && m->is_request && msg_check_begun(m, &fault);
    arena_close(&a);
    if (lost) {
        transport_count(&s->tp->counts.broken);
        stream_refuse(s, sure, fault.code, ERR_SYNTAX);
    }
    return lost;
}

static void on_keep_alive(struct stream *s, bool ping)
{
    s->alive = true;
    transport_count(&s->tp->counts.keep_alives);
    if (ping && !s->framer.opened_by_us)
        (void)net_tcp_send(s->tp->net, s->tcp, S("\r\n")); /* a full queue: the peer reads nothing, then no pong either */
}

static bool takes(struct stream *s, struct slice octets)
{
    const struct transport_config *c = &s->tp->config;

    return !c->on->takes || c->on->takes(c->arg, s->tp, &s->flow, octets);
}

static void pause(struct stream *s)
{
    s->paused = true;
    list_append(&s->tp->streams.paused, &s->pausing);
    net_tcp_pause(s->tp->net, s->tcp, true);
}

/* Take off what is whole, and is taken. *left: what is not. False: the framing was lost, and s is gone. */
static bool cut_all(struct stream *s, struct slice all, struct slice *left)
{
    struct msg_frame f;

    for (;;) {
        struct msg_framer before = s->framer;

        msg_frame(&s->framer, all, MSG_MAX_OCTETS, &f);
        switch (f.kind) {
        case MSG_FRAME_MORE:
            *left = all;
            return true;
        case MSG_FRAME_WHOLE:
            if (!takes(s, slice_to(all, f.n))) {
                pause(s);
                s->framer = before;
                *left = all;
                return true;
            }
            s->alive = true;
            stream_note_asked(s, slice_to(all, f.n));
            flow_on_octets(s->tp, &s->flow, slice_to(all, f.n));
            break;
        case MSG_FRAME_CRLF:
        case MSG_FRAME_PING:
            on_keep_alive(s, f.kind == MSG_FRAME_PING);
            break;
        case MSG_FRAME_DEAF:
            s->state = STREAM_DEAF;
            *left = SLICE_NONE;
            return true;
        case MSG_FRAME_BROKEN:
            transport_count(&s->tp->counts.broken);
            stream_refuse(s, slice_to(all, f.n), f.code, ERR_SYNTAX);
            return false;
        }
        s->begun_ms = 0; /* what follows is another message */
        all = slice_from(all, f.n);
    }
}

/* Room for n octets. It grows with what has come, never with what a Content-Length claims. */
static enum err input_grow(struct stream *s, size_t n)
{
    size_t cap = s->in_cap ? s->in_cap : INPUT_OCTETS;
    char  *p;

    if (n <= s->in_cap)
        return ERR_OK;
    while (cap < n)
        cap *= 2;
    if (!(p = mem_alloc(s->tp->mem, cap)))
        return ERR_NOMEM;
    if (s->in_n)
        memcpy(p, s->in, s->in_n);
    mem_free(s->tp->mem, s->in, s->in_cap);
    s->in = p;
    s->in_cap = cap;
    return ERR_OK;
}

static void input_forget(struct stream *s)
{
    mem_free(s->tp->mem, s->in, s->in_cap);
    s->in = NULL;
    s->in_n = s->in_cap = 0;
    s->begun_ms = 0;
}

/* Hold what is left for the next octets. It may stand in s->in itself. */
static enum err input_keep(struct stream *s, struct slice left)
{
    enum err e;

    if (!left.n) {
        input_forget(s);
        return ERR_OK;
    }
    if (s->in_n) {
        memmove(s->in, left.p, left.n);
    } else {
        if ((e = input_grow(s, left.n)))
            return e;
        memcpy(s->in, left.p, left.n);
    }
    s->in_n = left.n;
    if (!s->begun_ms)
        s->begun_ms = s->heard_ms ? s->heard_ms : 1; /* 0 says that none is begun */
    s->looked = false;
    stream_watch(s);
    return ERR_OK;
}

void stream_cut_off(struct stream *s)
{
    if (!s->in_n)
        return;
    transport_count(&s->tp->counts.broken);
    (void)refuse(s, (struct slice){s->in, s->in_n}, 0);
    input_forget(s);
}

void stream_cut(struct stream *s, struct slice octets)
{
    struct slice left;
    enum err     e;

    if (s->in_n) {
        if ((e = input_grow(s, s->in_n + octets.n))) {
            stream_end(s, e);
            return;
        }
        memcpy(s->in + s->in_n, octets.p, octets.n);
        s->in_n += octets.n;
        octets = (struct slice){s->in, s->in_n};
    }
    if (!cut_all(s, octets, &left))
        return;
    if ((e = input_keep(s, left)))
        stream_end(s, e);
}

static void resume(struct stream *s)
{
    struct slice left;
    enum err     e;

    list_remove(&s->pausing);
    s->paused = false;
    s->heard_ms = transport_now_ms(s->tp); /* what is begun has all its time from here on */
    s->begun_ms = 0;
    net_tcp_pause(s->tp->net, s->tcp, false);
    if (!cut_all(s, (struct slice){s->in, s->in_n}, &left))
        return;
    if ((e = input_keep(s, left)))
        stream_end(s, e);
}

void transport_resume(struct transport *tp)
{
    struct list *paused = &tp->streams.paused;

    for (struct list_node *last = list_last(paused), *n = list_first(paused); n && last;) {
        bool is_last = n == last;

        resume(LIST_OF(n, struct stream, pausing));
        n = is_last ? NULL : list_first(paused);
    }
}

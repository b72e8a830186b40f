/* half.c - a stream whose peer says nothing more: what it asked is still answered there (RFC 3261 §18.2.2, RFC 9293 §3.6).
 *
 * Room      sip/transport.
 * In        stream_half(), when net tells that the peer has ended; stream_note_asked(), stream_note_answer() for each
 *           message of a stream.
 * Out       the stream's end, once all is answered; answers again, by a new connection.
 * Touches   s->asked, s->kept.
 *
 * From here the end of a peer that only finished speaking and of one that has gone looks the same. So answers are tried on
 * the stream and kept for a while: if it turns out to be reset they go again, as to any connection that was lost. */
#include "sip/transport/transport_priv.h"

#include <string.h>

enum { PARSE_BLOCK_OCTETS = 16 * 1024 };

struct kept {
    struct kept *next;
    size_t       n;
    char         octets[];
};

void stream_half(struct stream *s)
{
    struct flow f = s->flow;

    stream_cut_off(s);
    if (!s->asked) {
        stream_linger(s, ERR_CLOSED);
        return;
    }
    s->state = STREAM_HALF;
    s->active_ms = transport_now_ms(s->tp);
    map_remove(&s->tp->streams.by_remote, &s->by_remote);
    stream_watch(s);
    flow_on_lost(s->tp, &f, ERR_CLOSED);
}

bool stream_is_answer(struct slice message)
{
    return slice_starts(message, S("SIP/2.0 "));
}

void stream_note_asked(struct stream *s, struct slice message)
{
    if (!slice_istarts(message, S("SIP/")) && !slice_starts(message, S("ACK ")))
        s->asked++;
}

/* Without memory it goes without: then it is tried once only. */
static void keep(struct stream *s, struct slice answer)
{
    struct kept **end = &s->kept, *k;

    if (s->kept_octets + answer.n > HALF_KEPT_OCTETS || !(k = mem_alloc(s->tp->mem, sizeof *k + answer.n)))
        return;
    while (*end)
        end = &(*end)->next;
    *k = (struct kept){.n = answer.n};
    memcpy(k->octets, answer.p, answer.n);
    *end = k;
    s->kept_octets += answer.n;
}

void stream_note_answer(struct stream *s, struct slice answer)
{
    if (!stream_is_answer(answer) || answer.n < 9 || answer.p[8] < '2') /* "SIP/2.0 1xx": not the last one */
        return;
    if (s->asked)
        s->asked--;
    if (s->state == STREAM_HALF)
        keep(s, answer);
    if (s->state == STREAM_HALF && !s->asked)
        stream_watch(s);
}

/* To where its top Via says, since the way back is gone. */
static void answer_again(struct transport *tp, const struct flow *gone, struct slice answer)
{
    const struct via *v;
    struct arena      a;
    struct msg       *m;
    struct flow       to;

    arena_init(&a, tp->mem, PARSE_BLOCK_OCTETS, 2 * MSG_MAX_OCTETS);
    if (msg_parse(&a, answer, &m) == ERR_OK && (v = msg_via(m)) && flow_for_response(tp, gone, v, &to) == ERR_OK)
        (void)flow_send(tp, &to, answer); /* its sender was told ERR_OK long ago; a request repeated brings it back */
    arena_close(&a);
}

void stream_answer_again(struct transport *tp, const struct flow *gone, struct kept *kept, bool again)
{
    for (struct kept *next; kept; kept = next) {
        next = kept->next;
        if (again && !tp->closing)
            answer_again(tp, gone, (struct slice){kept->octets, kept->n});
        mem_free(tp->mem, kept, sizeof *kept + kept->n);
    }
}

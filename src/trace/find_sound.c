/* find_sound.c - sound that goes one way only, and the SDP line that is to blame (RFC 3264, RFC 8866).
 *
 * Room      trace (pure). In: dialogs with their first offer and answer, the streams of sound. Out: findings.
 *
 * Each end is looked at by itself: what it was told to send to, and what it told to be sent to. Where an exchange relays
 * the sound the two legs have different addresses, and only a leg that was captured is judged. Sound counts when it goes
 * to the address of an SDP; it is heard when that address is really its owner's: where it sends from, or speaks SIP from.
 * Without any sound on a leg nothing is said: it may not have been captured. */
#include "sdp/sdp.h"
#include "trace/trace_priv.h"

enum { ENOUGH = 10, CLOSE_US = 4000 * MS }; /* packets that make a direction live */

struct voice {                    /* what one end said of itself */
    size_t           item;        /* the message that said it, as its maker sent it; NONE */
    struct sdp_media audio;
    struct slice     line_c;
    bool             there;
};

struct leg {
    uint64_t out, in;             /* packets: to where it was told to send, to where it told to be sent to */
    uint64_t answered;            /* of `in`: to where its sound really comes from, though it said another place */
    bool     known;
};

/* Streams by whither, and every address that anything comes from. */
struct ears {
    struct table by_to, by_host;
    size_t      *next_to;         /* of a stream */
    struct addr *host;
    size_t      *next_host, n_hosts;
};

struct listening {
    struct trace_inside *t;
    const struct ears   *ears;
    struct dialog       *d;
    struct voice         voice[2];  /* as each side said it                     */
    struct voice         heard[2];  /* of the other side, as it came to side i  */
    struct leg           leg[2];
    uint64_t             from_us, to_us;
};

/* --- descriptions ------------------------------------------------------------------------------------------------------------- */

static bool read_voice(const struct trace_inside *t, size_t item, struct voice *out)
{
    struct sdp              sdp;
    struct slice            body;
    const struct sdp_media *audio;

    *out = (struct voice){.item = item};
    if (item == NONE || msg_find_body(t->items[item].m, S("application"), S("sdp"), &body) || sdp_parse(body, &sdp, NULL))
        return false;
    audio = sdp_find(&sdp, SDP_AUDIO);
    if (!audio)
        return false;
    out->audio = *audio;
    out->line_c = audio->line_c.n ? audio->line_c : sdp.line_c;
    out->there = true;
    return true;
}

static size_t maker(const struct trace_inside *t, size_t item)
{
    return item == NONE ? NONE : item_origin(t, item);
}

/* The offer is in the INVITE and the answer in the 2xx; or the offer in the 2xx and the answer in the ACK. An answer may
 * have come in a reliable 1xx already: then the 2xx has none, and the dialog is not judged. */
static bool read_voices(struct listening *l)
{
    const struct dialog *d = l->d;
    size_t               offer = d->invite_seen, answer = d->answer_seen;
    struct voice         probe;

    if (offer == NONE || answer == NONE)
        return false;
    if (!read_voice(l->t, offer, &probe))
        offer = d->ack[1];
    return read_voice(l->t, maker(l->t, offer), &l->voice[0]) && read_voice(l->t, maker(l->t, answer), &l->voice[1]) &&
           read_voice(l->t, answer, &l->heard[0]) && read_voice(l->t, offer, &l->heard[1]);
}

/* --- sound ------------------------------------------------------------------------------------------------------------------------ */

static bool in_time(const struct listening *l, const struct trace_sound *s)
{
    return s->last_us >= l->from_us && s->first_us <= l->to_us;
}

static size_t *at_place(const struct trace_inside *t, const struct table *table, const struct addr *at, bool port)
{
    char octets[18];

    for (size_t i = 0; i < 16; i++)
        octets[i] = (char)at->ip[i];
    octets[16] = (char)(port ? at->port >> 8 : 0);
    octets[17] = (char)(port ? at->port & 255 : 0);
    return table_at(table, hash_octets(&t->in->key, (struct slice){octets, sizeof octets}));
}

static void add_host(const struct trace_inside *t, struct ears *e, const struct addr *at)
{
    size_t *head = at_place(t, &e->by_host, at, false);

    for (size_t i = *head; i != NONE; i = e->next_host[i])
        if (addr_same_ip(&e->host[i], at))
            return;
    e->host[e->n_hosts] = *at;
    e->next_host[e->n_hosts] = *head;
    *head = e->n_hosts++;
}

static enum err open_ears(struct trace_inside *t, struct ears *e)
{
    size_t n = t->in->n_sounds;

    *e = (struct ears){.next_to = arena_alloc(t->a, (n + 1) * sizeof *e->next_to),
                       .host = arena_alloc(t->a, (n + t->n_ends + 1) * sizeof *e->host),
                       .next_host = arena_alloc(t->a, (n + t->n_ends + 1) * sizeof *e->next_host)};
    if (!e->next_to || !e->host || !e->next_host || table_init(t->a, n, &e->by_to) || table_init(t->a, n + t->n_ends, &e->by_host))
        return ERR_NOMEM;
    for (size_t i = n; i-- > 0;) { /* the first stands first */
        size_t *head = at_place(t, &e->by_to, &t->in->sounds[i].to, true);

        e->next_to[i] = *head;
        *head = i;
        add_host(t, e, &t->in->sounds[i].from);
    }
    for (size_t i = 0; i < t->n_ends; i++)
        if (t->ends[i].sends)
            add_host(t, e, &t->ends[i].at);
    return ERR_OK;
}

/* Packets to that address; *from gets where the stream with the most came from. */
static uint64_t packets_to(const struct listening *l, const struct addr *to)
{
    uint64_t n = 0;

    for (size_t i = *at_place(l->t, &l->ears->by_to, to, true); i != NONE; i = l->ears->next_to[i]) {
        const struct trace_sound *s = &l->t->in->sounds[i];

        if (in_time(l, s) && addr_eq(&s->to, to))
            n += s->packets;
    }
    return n;
}

/* Whence the sound comes that goes to `to`; family ADDR_NONE: none does. */
static struct addr source_of(const struct listening *l, const struct addr *to)
{
    const struct trace_sound *best = NULL;

    for (size_t i = *at_place(l->t, &l->ears->by_to, to, true); i != NONE; i = l->ears->next_to[i]) {
        const struct trace_sound *s = &l->t->in->sounds[i];

        if (in_time(l, s) && addr_eq(&s->to, to) && (!best || s->packets > best->packets))
            best = s;
    }
    return best ? best->from : (struct addr){.family = ADDR_NONE};
}

static void listen(struct listening *l)
{
    for (int side = 0; side < 2; side++) {
        struct leg *g = &l->leg[side];
        struct addr really = source_of(l, &l->heard[side].audio.rtp);

        g->out = packets_to(l, &l->heard[side].audio.rtp);
        g->in = packets_to(l, &l->voice[side].audio.rtp);
        if (really.family != ADDR_NONE && !addr_eq(&really, &l->voice[side].audio.rtp)) {
            g->answered = packets_to(l, &really); /* the other end sends to where the sound comes from (RFC 4961) */
            g->in += g->answered;
        }
        g->known = g->out + g->in >= ENOUGH;
    }
}

/* Does anything come from that host? */
static bool alive(const struct listening *l, const struct addr *host)
{
    for (size_t i = *at_place(l->t, &l->ears->by_host, host, false); i != NONE; i = l->ears->next_host[i])
        if (addr_same_ip(&l->ears->host[i], host))
            return true;
    return false;
}

/* Is the address that side gave really its own? It sends sound, or SIP, from there. */
static bool reachable(const struct listening *l, int side, struct addr *really)
{
    const struct addr *said = &l->voice[side].audio.rtp;

    *really = source_of(l, &l->heard[side].audio.rtp);
    if (really->family == ADDR_NONE)
        *really = l->t->items[l->voice[side].item].in->from;
    return said->family == ADDR_NONE || addr_same_ip(said, really) ||
           addr_same_ip(said, &l->t->items[l->voice[side].item].in->from);
}

/* --- words ------------------------------------------------------------------------------------------------------------------------- */

static void begin(struct buf *b, const struct listening *l, int deaf)
{
    put_end(b, l->t, l->t->calls[l->d->call].story, l->d->end[deaf]);
    buf_put(b, S(" hears nothing: "));
}

static void put_sdp_line(struct buf *b, const struct listening *l, int side, struct slice line)
{
    buf_put(b, S("the line "));
    put_wire(b, slice_trim(line));
    buf_put(b, S(" in the SDP of "));
    put_end(b, l->t, l->t->calls[l->d->call].story, l->d->end[side]);
}

static void add(struct listening *l, int side, const char *rfc, const char *section, struct buf *b)
{
    fault_add(l->t, &(struct fault){TRACE_WARNING, rfc, section, l->voice[side].item, NONE}, b);
}

static void blame_address(struct listening *l, int deaf, const struct addr *really)
{
    const struct voice *v = &l->voice[deaf];
    char                text[TEXT_OCTETS];
    struct buf          b = BUF_ON(text);

    begin(&b, l, deaf);
    put_sdp_line(&b, l, deaf, v->line_c);
    buf_put(&b, S(" sends the sound to "));
    addr_put_ip(&b, &v->audio.rtp);
    buf_put(&b, S(", and it is at "));
    addr_put_ip(&b, really);
    buf_put(&b, addr_is_private(&v->audio.rtp) && !addr_is_private(really) ? S(", behind a translator of addresses.") : S("."));
    add(l, deaf, "RFC 8866", "5.7", &b);
}

static void blame_direction(struct listening *l, int deaf, int blamed)
{
    const struct sdp_media *m = &l->voice[blamed].audio;
    char                    text[TEXT_OCTETS];
    struct buf              b = BUF_ON(text);

    begin(&b, l, deaf);
    put_sdp_line(&b, l, blamed, !m->port ? m->line_m : m->line_dir.n && !sdp_is_blackholed(m) ? m->line_dir
                                                                                              : l->voice[blamed].line_c);
    buf_put(&b, !m->port             ? S(" refuses the stream.")
                : sdp_is_blackholed(m) ? S(" wants no sound.")
                : blamed == deaf       ? S(" says that it does not listen.")
                                       : S(" says that it does not speak."));
    add(l, blamed, "RFC 3264", "6.1", &b);
}

static void blame_silence(struct listening *l, int deaf)
{
    const struct sdp_media *m = &l->voice[deaf].audio;
    char                    text[TEXT_OCTETS];
    struct buf              b = BUF_ON(text);

    begin(&b, l, deaf);
    put_end(&b, l->t, l->t->calls[l->d->call].story, l->d->end[!deaf]);
    buf_put(&b, S(" sent no sound to "));
    addr_put(&b, &m->rtp);
    buf_put(&b, S(", as "));
    put_sdp_line(&b, l, deaf, m->line_m);
    buf_put(&b, S(" asks it to."));
    add(l, deaf, "RFC 3264", "5.1", &b);
}

/* --- judging ----------------------------------------------------------------------------------------------------------------------- */

/* Side `deaf` hears nothing, though the other direction works: whose line is it? */
static void blame(struct listening *l, int deaf)
{
    enum sdp_dir listens = sdp_effective_dir(&l->voice[deaf].audio), speaks = sdp_effective_dir(&l->voice[!deaf].audio);
    struct addr  really;

    if (!(listens & SDP_RECVONLY))
        blame_direction(l, deaf, deaf);
    else if (!(speaks & SDP_SENDONLY))
        blame_direction(l, deaf, !deaf);
    else if (!reachable(l, deaf, &really))
        blame_address(l, deaf, &really);
    else
        blame_silence(l, deaf);
}

/* A call that begins on hold is meant to be silent. */
static bool meant_so(const struct listening *l)
{
    const struct item *i = &l->t->items[l->d->answer];

    for (size_t n = i->next; n != NONE; n = l->t->items[n].next) {
        const struct item *o = &l->t->items[n];

        if (is_request(o) && o->method_id == METHOD_INVITE && o->to_tag.n && item_holds(o) &&
            time_of(o) < time_of(i) + CLOSE_US)
            return true;
    }
    return false;
}

static void judge(struct listening *l)
{
    for (int side = 0; side < 2; side++) {
        const struct leg *g = &l->leg[side];
        struct addr       really;
        bool              lost = g->in >= ENOUGH && g->out >= ENOUGH && g->answered < ENOUGH &&
                    !reachable(l, side, &really) && !alive(l, &l->voice[side].audio.rtp);

        if (!g->known)
            continue;
        if ((g->in < ENOUGH && g->out >= ENOUGH) || lost)
            blame(l, side);
        else if (g->out < ENOUGH && g->in >= ENOUGH && !l->leg[!side].known)
            blame(l, !side);
    }
}

void find_sound_faults(struct trace_inside *t)
{
    struct ears ears;

    if (!t->in->n_sounds)
        return;
    if (open_ears(t, &ears)) {
        t->err = ERR_NOMEM;
        return;
    }
    for (size_t n = 0; n < t->n_dialogs; n++) {
        struct dialog   *d = &t->dialogs[n];
        struct listening l = {.t = t, .ears = &ears, .d = d};

        if (t->calls[d->call].story == NONE || d->answer == NONE || d->end[0] == d->end[1] || !read_voices(&l))
            continue;
        l.from_us = time_of(&t->items[d->answer]) - (time_of(&t->items[d->answer]) > T1_US ? T1_US : 0);
        l.to_us = d->bye == NONE ? t->end_us : time_of(&t->items[d->bye]);
        if (meant_so(&l))
            continue;
        listen(&l);
        judge(&l);
    }
}

/* gate.c - is there time for it? New work that is too much is turned away before it costs anything (sip/overload).
 *
 * Room      sip/stack.
 * In        gate_admits(), from the transport, before a message is recorded; gate_on_shown() for those that the record is shown;
 *           gate_hears(), of those that wait later.
 * Out       gate_refuse() (turn_away.c), for what is too much.
 * Touches   its worker's gate and scratch.
 *
 * Calm, a message costs a comparison here. Else it is glanced at, and what goes on with something passes. A refusal keeps nothing,
 * so:
 *   - what was let in must not be refused when it comes again, and what was refused must not be let in, which its sender would not
 *     hear of; what was dropped comes after what is new. The branches of both are remembered (struct gate_memory);
 *   - the ACK of a 503 must not reach anybody: the 503's tag is made of the branch, which the ACK repeats (RFC 3261 §17.1.1.3).
 * While it lasts, the record gets the messages of one call in RECORDED_OF, and what those bring about: to copy and to index costs
 * time too. Those who can be told how much to hold back (RFC 7339) are told in each response. */
#include "sip/stack/stack_priv.h"

#include <string.h>

enum {
    ACKS_US = 32 * 1000000,   /* 64*T1: so long an INVITE may be repeated, and its 503 be acknowledged */
    TELL_US = 1000000,        /* a line in the log while it lasts */
    SHOW_US = 100000,         /* one in so long is shown to the record */
    RECORDED_OF = 8           /* shards, while it lasts: of one in so many the record gets the messages */
};

/* By hash of the branch. What was let in: of the last second or so, a later one of the same place takes it. What was not: two bits
 * of one in `turned_away` (a Bloom filter), which forgets none: for half a minute in the one, then for as long in the other, since for so
 * long it may come again. It may take what is new for one of them, seldom. */
enum { LET_IN = 4096, AWAY_BITS = 2 * 1024 * 1024, WORD_BITS = 64 };
struct gate_memory {
    uint32_t let_in[LET_IN];
    uint64_t turned_away[2][AWAY_BITS / WORD_BITS];
    unsigned now;       /* which of the two takes more */
    uint64_t since_us;
};

/* ---- what was decided before ---- */

static uint32_t mark(uint64_t branch)
{
    return (uint32_t)(branch >> 32) | 1;
}

static bool was_let_in(const struct gate *g, uint64_t branch)
{
    return g->memory && g->memory->let_in[branch % LET_IN] == mark(branch);
}

static bool has_bit(const uint64_t *bits, uint64_t at)
{
    at %= AWAY_BITS;
    return bits[at / WORD_BITS] >> at % WORD_BITS & 1;
}

static void set_bit(uint64_t *bits, uint64_t at)
{
    at %= AWAY_BITS;
    bits[at / WORD_BITS] |= UINT64_C(1) << at % WORD_BITS;
}

static bool was_turned_away(const struct gate *g, uint64_t branch)
{
    const struct gate_memory *m = g->memory;

    return m && ((has_bit(m->turned_away[0], branch) && has_bit(m->turned_away[0], branch >> 32)) ||
                 (has_bit(m->turned_away[1], branch) && has_bit(m->turned_away[1], branch >> 32)));
}

static void note_turned_away(struct gate_memory *m, uint64_t branch, uint64_t now_us)
{
    if (now_us - m->since_us >= ACKS_US) {
        m->now = !m->now;
        m->since_us = now_us;
        memset(m->turned_away[m->now], 0, sizeof m->turned_away[m->now]);
    }
    set_bit(m->turned_away[m->now], branch);
    set_bit(m->turned_away[m->now], branch >> 32);
}

static void remember(struct gate *g, uint64_t branch, enum overload_verdict v, uint64_t now_us)
{
    if (g->memory && v == OVERLOAD_LET_IN)
        g->memory->let_in[branch % LET_IN] = mark(branch);
    else if (g->memory)
        note_turned_away(g->memory, branch, now_us);
}

/* Without memory for it nothing is remembered, and that is all. */
static void begin_to_remember(struct worker *w)
{
    if (!w->gate.memory)
        w->gate.memory = mem_zalloc(w->st->config.mem, sizeof *w->gate.memory);
}

void gate_close(struct worker *w)
{
    mem_free(w->st->config.mem, w->gate.memory, sizeof *w->gate.memory);
    w->gate.memory = NULL;
}

/* ---- telling ---- */

static uint64_t calls_per_s(const struct gate *g)
{
    return g->control.rate / OVERLOAD_CALL_UNITS;
}

static void tell(const struct worker *w, const char *event)
{
    const struct gate     *g = &w->gate;
    const struct counters *n = &w->count;
    struct log_line        l;

    log_begin(&l, w->st->config.log, LOG_WARN, event, SLICE_NONE);
    log_number(&l, "worker", w->index);
    log_number(&l, "refused", atomic_load_explicit(&n->turned_away, memory_order_relaxed) - g->told_away);
    log_number(&l, "silent", atomic_load_explicit(&n->unanswered, memory_order_relaxed) - g->told_unanswered);
    log_number(&l, "per_s", calls_per_s(g));
    log_number(&l, "waits_us", g->control.mean_us);
    log_end(&l);
}

static void note_change(struct worker *w, bool shed, uint64_t now_us)
{
    struct gate *g = &w->gate;
    bool         sheds = overload_sheds(&g->control);

    if (sheds && !shed)
        tell(w, LOG_EVENT("overload.begun"));
    else if (!sheds && shed)
        tell(w, LOG_EVENT("overload.over"));
    else if (sheds && now_us - g->told_us >= TELL_US)
        tell(w, LOG_EVENT("overload.lasts"));
    else
        return;
    if (sheds != shed)
        atomic_store_explicit(&w->count.shedding_since_ms, sheds ? net_wall_us(w->net) / 1000 : 0, memory_order_relaxed);
    atomic_store_explicit(&w->count.calls_per_s, calls_per_s(g), memory_order_relaxed);
    g->told_us = now_us;
    g->told_away = atomic_load_explicit(&w->count.turned_away, memory_order_relaxed);
    g->told_unanswered = atomic_load_explicit(&w->count.unanswered, memory_order_relaxed);
}

/* Of those that are turned away one now and then is shown to the record, with what was done about it. */
static bool is_to_be_shown(struct worker *w, uint64_t now_us)
{
    if (!w->record || now_us - w->gate.seen_us < SHOW_US)
        return false;
    w->gate.seen_us = now_us;
    return w->gate.shown = true;
}

void gate_on_shown(struct worker *w, const struct flow *from, struct slice octets)
{
    w->gate.shown = false;
    gate_refuse(w, from, octets, true);
    arena_reset(&w->scratch);
}

/* As all but all write it; else by all the rules. */
static enum err find_call_id(struct slice octets, struct slice *out)
{
    struct slice name = S("\nCall-ID: ");
    size_t       at = slice_find_slice(octets, name);

    if (at == SIZE_MAX)
        return msg_find_call_id(octets, out);
    *out = slice_from(octets, at + name.n);
    *out = slice_trim(slice_to(*out, slice_find(*out, '\n')));
    return ERR_OK;
}

/* A call's messages are all of one shard. Until the next message comes, this one's consequences are treated like it. */
static void choose_record(struct worker *w, struct slice octets)
{
    struct slice call_id;
    bool         out = overload_sheds(&w->gate.control) && !w->gate.shown && w->record &&
                       (find_call_id(octets, &call_id) || stack_shard_of(w->st, call_id) % RECORDED_OF != 0);

    transport_leave_out(w->tp, out);
}

/* ---- the gate ---- */

static enum overload_rank rank_of(struct worker *w, const struct overload_glance *seen, const struct flow *from, uint64_t branch)
{
    const struct stack_config *c = &w->st->config;
    enum overload_rank         rank = c->user->rank ? c->user->rank(c->ctx, &w->scratch, seen, from) : OVERLOAD_NEW;

    if (rank != OVERLOAD_NEW)
        return rank;
    if (seen->answers_challenge)
        return OVERLOAD_BEGUN;
    return was_turned_away(&w->gate, branch) ? OVERLOAD_AGAIN : OVERLOAD_NEW;
}

static enum overload_verdict judge(struct worker *w, const struct overload_glance *seen, const struct flow *from, uint64_t now_us)
{
    struct gate          *g = &w->gate;
    uint64_t              branch = gate_branch(w, seen);
    unsigned              units = seen->method == METHOD_INVITE ? OVERLOAD_CALL_UNITS : 1;
    enum overload_rank    rank;
    enum overload_verdict v;

    if (was_let_in(g, branch))
        return OVERLOAD_LET_IN;
    rank = rank_of(w, seen, from, branch);
    if (rank == OVERLOAD_AGAIN && !overload_sheds(&g->control))
        return OVERLOAD_REFUSE; /* of one that comes half a minute late nobody would hear the answer: its sender gives up (timer B) */
    v = overload_judge(&g->control, now_us, rank, units);
    if (v == OVERLOAD_LET_IN && overload_sheds(&g->control))
        count(&w->count.let_in);
    if (v == OVERLOAD_DROP && transport_is_reliable((enum transport_kind)from->kind))
        v = OVERLOAD_REFUSE; /* by a stream it would not be asked again, and its sender wait in vain */
    remember(g, branch, v, now_us);
    return v;
}

/* True: it passes, to be worked on or to be shown. */
static bool passes(struct worker *w, const struct flow *from, struct slice octets, uint64_t now_us)
{
    struct overload_glance seen;

    overload_glance(octets, &seen);
    if (seen.kind == OVERLOAD_ACK)
        return !gate_acks_a_503(w, &seen);
    if (seen.kind == OVERLOAD_GOES_ON)
        return true;
    switch (judge(w, &seen, from, now_us)) {
    case OVERLOAD_LET_IN: return true;
    case OVERLOAD_DROP: count(&w->count.unanswered); return false;
    case OVERLOAD_REFUSE: break;
    }
    w->gate.acks_until_us = now_us + ACKS_US;
    if (is_to_be_shown(w, now_us))
        return true;
    gate_refuse(w, from, octets, false);
    return false;
}

/* True: there is something to decide. */
static bool hears(struct worker *w, uint64_t now_us, uint64_t waited_us)
{
    struct gate *g = &w->gate;
    bool         shed = overload_sheds(&g->control), looks = overload_heard(&g->control, now_us, waited_us);

    note_change(w, shed, now_us);
    if (looks)
        begin_to_remember(w);
    return g->looks = looks || now_us < g->acks_until_us;
}

/* A short one says nothing about w, whose own messages may wait for longer. */
void gate_hears(struct worker *w, uint64_t since_us)
{
    uint64_t now_us = net_now_us(w->net);

    if (w->st->config.sheds && now_us > since_us + OVERLOAD_TARGET_US)
        (void)hears(w, now_us, now_us - since_us);
}

bool gate_admits(struct worker *w, const struct flow *from, struct slice octets)
{
    uint64_t waited_us = net_waited_us(w->net), now_us;
    bool     result;

    if ((!w->gate.looks && waited_us <= OVERLOAD_TARGET_US) || !w->st->config.sheds)
        return true;
    now_us = net_now_us(w->net);
    result = hears(w, now_us, waited_us) ? passes(w, from, octets, now_us) : true;
    arena_reset(&w->scratch);
    if (result)
        choose_record(w, octets);
    return result;
}

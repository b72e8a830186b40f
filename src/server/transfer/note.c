/* note.c - what of a transfer outlives kill -9: the REFER itself, from before its 202 leaves until the transferor is told.
 *
 * Room      server/transfer.
 * In        the other files, at each step; transfer_tick().
 * Touches   server/journal; the list of what was found there, under the table's lock.
 *
 * A note is a head, then Call-ID, top Via and the REFER as it came. After a restart it is parsed again, and the transfer goes
 * on where it stood:
 *   ACCEPTED             the REFER goes to the transferee now
 *   CARRIED, datagrams   it goes again with the same branch: who has it takes it for a repeat and repeats its answer
 *   CARRIED, a stream    its connection is gone, and with it what would make a repeat one: it is watched
 *   WATCHED, CALLING     watched for the rest of the time; how a call that is there goes is looked up in the records
 *   EXECUTED             where server/bridge had no room for a note: it is executed anew; the CSeqs of both dialogs leap (RFC 3261 §12.2.1.1: each higher than the last)
 *   ANSWERED             the outcome is told soon
 *   SPEAKING, SPOKEN     told (again), with a CSeq of its own */
#include <string.h>

#include "server/transfer/transfer_priv.h"

enum { NOTE_VERSION = 2 };

struct note_head {
    uint8_t     version, state, from, first;
    uint16_t    code, n_call_id, n_via, n_refer;
    uint32_t    seen_cseq, cseq_leap;
    char        branch[REFER_BRANCH_OCTETS];
    int64_t     until_ms, accepted_ms;
    struct flow flow;
};

struct note {
    struct note_head head;
    struct slice     call_id, via, refer;
};

/* ---- writing ---- */

void refer_note_begin(struct refer *r, const struct stack_in *in)
{
    const struct slice parts[] = {r->call_id, in->via, in->m->raw};
    struct note_head   h = {.version = NOTE_VERSION};
    size_t             n = sizeof h + r->call_id.n + in->via.n + in->m->raw.n;
    char              *room;
    struct buf         b;

    r->accepted_ms = (int64_t)(net_wall_us(shard_net(r->sh)) / 1000);
    if (n > JOURNAL_NOTE_OCTETS || !(room = arena_alloc(&r->arena, n))) {
        refer_reason(r, S("this REFER is too large to be noted: a restart now would lose it"));
        return;
    }
    h.n_call_id = (uint16_t)r->call_id.n;
    h.n_via = (uint16_t)in->via.n;
    h.n_refer = (uint16_t)in->m->raw.n;
    h.flow = in->from;
    memcpy(h.branch, r->branch, sizeof h.branch);
    memcpy(room, &h, sizeof h);
    buf_init(&b, room + sizeof h, n - sizeof h);
    for (size_t i = 0; i < 3; i++)
        buf_put(&b, parts[i]);
    r->note = (struct slice){room, n};
    refer_note_write(r);
}

void refer_note_write(struct refer *r)
{
    struct note_head h;

    if (!r->note.n)
        return;
    memcpy(&h, r->note.p, sizeof h);
    h.state = (uint8_t)r->state;
    h.from = (uint8_t)r->from;
    h.first = r->first;
    h.code = (uint16_t)r->code;
    h.seen_cseq = r->seen_cseq;
    h.cseq_leap = r->cseq_leap;
    h.until_ms = r->until_ms;
    h.accepted_ms = r->accepted_ms;
    memcpy((char *)(size_t)r->note.p, &h, sizeof h); /* the arena's room, which is ours */
    if (journal_put(r->t->journal, JOURNAL_REFER, r->note, &r->note_id) && !r->note_id)
        refer_reason(r, S("there is no room to note this transfer: a restart now would lose it"));
}

void refer_note_hand_on(struct refer *r)
{
    journal_drop(r->t->journal, r->note_id);
    r->note_id = 0;
}

void refer_note_drop(struct refer *r)
{
    refer_note_hand_on(r);
    r->note = SLICE_NONE;
}

/* ---- reading ---- */

static enum err note_read(struct slice octets, struct note *out)
{
    if (octets.n < sizeof out->head)
        return ERR_SYNTAX;
    memcpy(&out->head, octets.p, sizeof out->head);
    if (out->head.version != NOTE_VERSION || out->head.state > REFER_DONE || out->head.from > DIALOG_CALLEE ||
        octets.n != sizeof out->head + out->head.n_call_id + out->head.n_via + out->head.n_refer)
        return ERR_SYNTAX;
    octets = slice_from(octets, sizeof out->head);
    out->call_id = slice_to(octets, out->head.n_call_id);
    octets = slice_from(octets, out->head.n_call_id);
    out->via = slice_to(octets, out->head.n_via);
    out->refer = slice_from(octets, out->head.n_via);
    return ERR_OK;
}

struct loading {
    struct transfer *t;
    enum err         e;
};

static void load_one(void *arg, uint64_t id, struct slice octets)
{
    struct loading  *l = arg;
    struct restored *s = mem_zalloc(l->t->mem, sizeof *s + octets.n);

    if (!s) {
        l->e = ERR_NOMEM;
        return;
    }
    s->note_id = id;
    s->n = octets.n;
    memcpy(s->octets, octets.p, octets.n);
    list_append(&l->t->restored, &s->node);
    atomic_fetch_add(&l->t->n_restored, 1);
}

enum err refer_note_load(struct transfer *t)
{
    struct loading l = {t, ERR_OK};

    journal_each(t->journal, JOURNAL_REFER, load_one, &l);
    return l.e;
}

static void restored_free(struct transfer *t, struct restored *s)
{
    mem_free(t->mem, s, sizeof *s + s->n);
}

void refer_note_unload(struct transfer *t)
{
    for (struct list_node *n; (n = list_pop(&t->restored));)
        restored_free(t, LIST_OF(n, struct restored, node));
}

/* ---- going on ---- */

static void go_on(struct refer *r, const struct stack_in *in, const struct proxy_within *w)
{
    enum refer_state was = r->state;

    refer_reason(r, S("the exchange has restarted: it takes this transfer up where it stood"));
    refer_log(r, LOG_EVENT("transfer.restored"), r->code);
    switch (was) {
    case REFER_CARRIED:
        if (transport_is_reliable((enum transport_kind)r->flow.kind) ||
            transport_is_reliable((enum transport_kind)in->from.kind)) {
            refer_watch(r);
            refer_release(r);
            return;
        }
        refer_carry(r, in, w);
        return;
    case REFER_EXECUTED:
        r->cseq_leap += REFER_CSEQ_LEAP; /* what it said before is not known; noted before it is used */
        refer_execute(r, S("the exchange was executing this transfer when it was killed"));
        return;
    case REFER_ACCEPTED:
        refer_carry(r, in, w);
        return;
    case REFER_WATCHED:
    case REFER_CALLING:
    case REFER_ANSWERED:
        r->answered = true;
        refer_watch_again(r);
        return;
    case REFER_SPEAKING:
    case REFER_SPOKEN:
        r->answered = true;
        r->state = REFER_ANSWERED;
        refer_tell(r, r->code);
        return;
    case REFER_DONE:
        refer_free(r);
        return;
    }
}

static void revive(struct transfer *t, struct shard *sh, struct restored *s)
{
    struct note         note;
    struct msg         *m;
    struct stack_in     in = {.from = {0}};
    struct proxy_within w;
    struct refer       *r;
    char               *room;

    if (note_read((struct slice){s->octets, s->n}, &note) || msg_parse(shard_scratch(sh), note.refer, &m)) {
        journal_drop(t->journal, s->note_id);
        return;
    }
    in.m = m;
    in.from = note.head.flow;
    in.via = note.via;
    proxy_look(t->proxy, sh, &in, &w);
    if (refer_open(t, sh, &in, &w, &r)) {
        journal_drop(t->journal, s->note_id);
        return;
    }
    r->state = (enum refer_state)note.head.state;
    r->from = (enum dialog_side)note.head.from;
    r->first = note.head.first;
    r->code = note.head.code;
    if (note.head.seen_cseq > r->seen_cseq)
        r->seen_cseq = note.head.seen_cseq;
    r->cseq_leap = note.head.cseq_leap;
    r->until_ms = note.head.until_ms;
    r->accepted_ms = note.head.accepted_ms;
    memcpy(r->branch, note.head.branch, sizeof r->branch);
    r->note_id = s->note_id;
    if ((room = arena_alloc(&r->arena, s->n))) {
        memcpy(room, s->octets, s->n);
        r->note = (struct slice){room, s->n};
    }
    go_on(r, &in, &w);
}

/* The next one of this shard, out of the list. */
static struct restored *take_one(struct transfer *t, struct shard *sh)
{
    struct restored *found = NULL;

    spin_lock(&t->lock);
    for (struct list_node *n = list_first(&t->restored); n && !found; n = list_next(&t->restored, n)) {
        struct restored *s = LIST_OF(n, struct restored, node);
        struct note      note;

        if (note_read((struct slice){s->octets, s->n}, &note) ||
            stack_shard_of(shard_stack(sh), note.call_id) == shard_index(sh))
            found = s;
    }
    if (found)
        list_remove(&found->node);
    spin_unlock(&t->lock);
    return found;
}

void refer_note_revive(struct transfer *t, struct shard *sh)
{
    struct restored *s;

    if (atomic_load_explicit(&t->n_restored, memory_order_relaxed) == 0)
        return;
    while ((s = take_one(t, sh))) {
        atomic_fetch_sub(&t->n_restored, 1);
        revive(t, sh, s);
        restored_free(t, s);
    }
}

static void on_woken(void *arg, struct shard *sh)
{
    refer_note_revive(arg, sh);
}

void transfer_tick(struct transfer *t, struct stack *st)
{
    bool wake[STACK_SHARDS] = {false};

    if (atomic_load_explicit(&t->n_restored, memory_order_relaxed) == 0)
        return;
    spin_lock(&t->lock);
    for (struct list_node *n = list_first(&t->restored); n; n = list_next(&t->restored, n)) {
        struct restored *s = LIST_OF(n, struct restored, node);
        struct note      note;

        if (!s->posted)
            wake[note_read((struct slice){s->octets, s->n}, &note) ? 0 : stack_shard_of(st, note.call_id)] = true;
        s->posted = true;
    }
    spin_unlock(&t->lock);
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        if (wake[i])
            (void)stack_post(st, i, on_woken, t); /* without memory the next message of that shard wakes it */
}

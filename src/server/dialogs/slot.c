/* slot.c - one record as it stands in the file: written, ended, checked, read.
 *
 * Room      server/dialogs.
 * Whole     a record is written into a slot whose serial is 0, then its serial is stored with release order. A process that
 *           is killed has made all its stores up to some instruction, so a slot either has its serial and all the rest, or
 *           is free. Of two with one entry number the higher serial is the newer (dialogs.c). Its end is written into the same
 *           slot, behind the texts, and `over` is stored last.
 * Checked   a machine that crashes may leave pages of different ages: sums find those, one over the record and one over its
 *           end. They need not withstand malice: who can write the file can do anything. What changes in place (CSeqs,
 *           last seen) is outside them.
 * Touches   the slot it is given. */
#include <string.h>

#include "base/sum.h"
#include "server/dialogs/dialogs_priv.h"

#define FIRST_SUMMED offsetof(struct slot, used)

/* The texts of a side, in their order in the slot. */
static const size_t text_at[SIDE_TEXTS] = {
    offsetof(struct dialog_party, tag),    offsetof(struct dialog_party, number), offsetof(struct dialog_party, uri),
    offsetof(struct dialog_party, target), offsetof(struct dialog_party, route),  offsetof(struct dialog_party, flow),
    offsetof(struct dialog_party, origin), offsetof(struct dialog_party, outsider)};

static const struct slice *text_of(const struct dialog_party *p, size_t i)
{
    return (const struct slice *)(const void *)((const char *)p + text_at[i]);
}

/* ---- sums ---- */
static uint32_t sum_of_record(const struct slot *s, uint64_t serial)
{
    return (uint32_t)sum_octets(serial, (const char *)s + FIRST_SUMMED, s->used - FIRST_SUMMED);
}

static const char *end_texts(const struct slot *s)
{
    return (const char *)s + s->used;
}

/* Never 0. */
static uint32_t sum_of_end(const struct slot *s)
{
    uint64_t sum = sum_word(s->serial, (uint64_t)s->ended_ms);

    sum = sum_word(sum, (uint64_t)s->end_code << 16 | (uint64_t)s->n_ended_by << 8 | s->n_why);
    return (uint32_t)sum_octets(sum, end_texts(s), (size_t)s->n_ended_by + s->n_why) | 1;
}

/* ---- writing ---- */
size_t slot_octets(const struct dialog_record *r)
{
    size_t n = offsetof(struct slot, text) + r->call_id.n;

    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < SIDE_TEXTS; i++)
            n += text_of(&r->side[side], i)->n;
    return n;
}

static uint16_t put(char **to, struct slice s)
{
    if (s.n)
        memcpy(*to, s.p, s.n);
    *to += s.n;
    return (uint16_t)s.n;
}

/* Texts that lie one behind the other, as those that a slot had lie in a copy of it, are written at once. */
struct run {
    struct slice from;
    char        *to;
};

static void end_run(struct run *w)
{
    put(&w->to, w->from);
    w->from = SLICE_NONE;
}

static uint16_t add_text(struct run *w, struct slice s)
{
    if (s.n && s.p != w->from.p + w->from.n) {
        end_run(w);
        w->from.p = s.p;
    }
    w->from.n += s.n;
    return (uint16_t)s.n;
}

/* Nobody reads a slot before its serial is there, which is stored with release order: so what comes before needs none. */
#define STORE(object, value) atomic_store_explicit(&(object), (value), memory_order_relaxed)

static void add_side(struct slot *s, enum dialog_side side, const struct dialog_party *p, struct run *w)
{
    STORE(s->cseq[side], p->cseq);
    s->shift[side] = p->shift;
    for (size_t i = 0; i < SIDE_TEXTS; i++)
        s->n_text[side][i] = add_text(w, *text_of(p, i));
}

static unsigned flags_of(const struct dialog_party *p)
{
    return (p->no_refer ? FLAG_NO_REFER : 0) | (p->no_replaces ? FLAG_NO_REPLACES : 0) | (p->own ? FLAG_OWN : 0) |
           (p->has_update ? FLAG_HAS_UPDATE : 0);
}

void slot_write(struct slot *s, const struct dialog_record *r)
{
    struct run w = {.from = {s->text, 0}, .to = s->text};

    s->n_call_id = add_text(&w, r->call_id);
    add_side(s, DIALOG_CALLER, &r->side[DIALOG_CALLER], &w);
    add_side(s, DIALOG_CALLEE, &r->side[DIALOG_CALLEE], &w);
    end_run(&w);
    s->used = (uint32_t)(w.to - (char *)s);
    STORE(s->over, 0);
    STORE(s->seen_ms, r->seen_ms);
    s->started_ms = r->started_ms;
    s->answered_ms = r->answered_ms;
    s->due_ms = r->session.due_ms;
    s->interval_s = r->session.interval_s;
    s->refresh = (uint8_t)r->session.by;
    s->invite_cseq = r->invite_cseq;
    s->code = r->code;
    s->state = (uint8_t)r->state;
    s->mode = (uint8_t)r->mode;
    s->flags = (uint16_t)((r->writes_cdr ? FLAG_WRITES_CDR : 0) | (r->spoken ? FLAG_SPOKEN : 0) |
                          flags_of(&r->side[DIALOG_CALLER]) | flags_of(&r->side[DIALOG_CALLEE]) << FLAGS_OF_CALLEE);
    s->none = s->spare = 0;
}

void slot_sum(struct slot *s, uint64_t serial)
{
    s->check = sum_of_record(s, serial);
}

void slot_end(struct slot *s, size_t room, const struct dialog_end *end)
{
    char        *to = s->text + (s->used - offsetof(struct slot, text));
    struct slice by = slice_to(end->by, DIALOGS_BY_OCTETS), why;

    room -= s->used + by.n; /* DIALOGS_END_OCTETS at least are left for both */
    why = slice_to(end->why, room < UINT8_MAX ? room : UINT8_MAX);
    s->n_ended_by = (uint8_t)put(&to, by);
    s->n_why = (uint8_t)put(&to, why);
    s->ended_ms = end->now_ms;
    s->end_code = end->code ? end->code : s->code;
    atomic_store_explicit(&s->over, sum_of_end(s), memory_order_release);
}

/* ---- reading ---- */
static size_t text_octets(const struct slot *s)
{
    size_t n = s->n_call_id;

    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < SIDE_TEXTS; i++)
            n += s->n_text[side][i];
    return n;
}

static bool end_is_sound(const struct slot *s, size_t room)
{
    return s->over == 0 || ((size_t)s->used + s->n_ended_by + s->n_why <= room && s->over == sum_of_end(s));
}

bool slot_is_sound(const struct slot *s, size_t room)
{
    return s->used >= offsetof(struct slot, text) && s->used <= room && s->used - offsetof(struct slot, text) == text_octets(s) &&
           s->gen != 0 && s->state <= DIALOG_CONFIRMED && s->mode <= DIALOG_MODE_EXECUTE &&
           s->refresh <= DIALOG_REFRESH_EXCHANGE && s->check == sum_of_record(s, s->serial) && end_is_sound(s, room);
}

static struct slice take(const char **at, size_t n)
{
    struct slice s = {*at, n};

    *at += n;
    return s;
}

static void read_side(const struct slot *s, enum dialog_side side, const char **at, struct dialog_party *out)
{
    const uint16_t *n = s->n_text[side];
    unsigned        flags = side == DIALOG_CALLER ? s->flags : (unsigned)s->flags >> FLAGS_OF_CALLEE;

    out->cseq = s->cseq[side];
    out->shift = s->shift[side];
    out->tag = take(at, n[0]);
    out->number = take(at, n[1]);
    out->uri = take(at, n[2]);
    out->target = take(at, n[3]);
    out->route = take(at, n[4]);
    out->flow = take(at, n[5]);
    out->origin = take(at, n[6]);
    out->outsider = take(at, n[7]);
    out->no_refer = flags & FLAG_NO_REFER;
    out->no_replaces = flags & FLAG_NO_REPLACES;
    out->own = flags & FLAG_OWN;
    out->has_update = flags & FLAG_HAS_UPDATE;
}

static void read_end(const struct slot *s, struct dialog_record *out)
{
    const char *at = end_texts(s);

    out->state = DIALOG_ENDED;
    out->code = s->end_code;
    out->ended_ms = s->ended_ms;
    out->ended_by = take(&at, s->n_ended_by);
    out->why = take(&at, s->n_why);
}

void slot_read(const struct slot *s, struct dialog_record *out)
{
    const char *at = s->text;

    out->call_id = take(&at, s->n_call_id);
    out->call_hash = 0;
    read_side(s, DIALOG_CALLER, &at, &out->side[DIALOG_CALLER]);
    read_side(s, DIALOG_CALLEE, &at, &out->side[DIALOG_CALLEE]);
    out->invite_cseq = s->invite_cseq;
    out->code = s->code;
    out->state = (enum dialog_state)s->state;
    out->mode = (enum dialog_mode)s->mode;
    out->writes_cdr = s->flags & FLAG_WRITES_CDR;
    out->spoken = s->flags & FLAG_SPOKEN;
    out->session = (struct dialog_session){s->interval_s, (enum dialog_refresh)s->refresh, s->due_ms};
    out->started_ms = s->started_ms;
    out->answered_ms = s->answered_ms;
    out->seen_ms = s->seen_ms;
    out->ended_ms = 0;
    out->ended_by = SLICE_NONE;
    out->why = SLICE_NONE;
    if (s->over)
        read_end(s, out);
}

void slot_names(const struct slot *s, struct slot_names *out)
{
    const char *at = s->text;

    out->call_id = take(&at, s->n_call_id);
    for (int side = 0; side < 2; side++) {
        const uint16_t *n = s->n_text[side];

        out->tag[side] = take(&at, n[0]);
        out->number[side] = take(&at, n[1]);
        for (size_t i = 2; i < SIDE_TEXTS; i++)
            at += n[i];
    }
}

struct slice slot_call_id(const struct slot *s)
{
    return (struct slice){s->text, s->n_call_id};
}

struct slice slot_tag(const struct slot *s, enum dialog_side side)
{
    size_t at = s->n_call_id;

    for (size_t i = 0; side == DIALOG_CALLEE && i < SIDE_TEXTS; i++)
        at += s->n_text[DIALOG_CALLER][i];
    return (struct slice){s->text + at, s->n_text[side][0]};
}

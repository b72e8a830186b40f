/* slot.c - one record as it stands in the file: written, checked, read.
 *
 * Room      server/dialogs.
 * Whole     a record is written into a slot whose serial is 0, then slot_make_valid() stores the serial with release order.
 *           A process that is killed has made all its stores up to some instruction, so a slot either has its serial and
 *           all the rest, or is free. Of two with one entry number the higher serial is the newer (file.c).
 * Checked   a machine that crashes may leave pages of different ages: the checksum finds those. What changes in place
 *           (CSeq, last seen) is outside it.
 * Touches   the slot it is given. */
#include <string.h>

#include "server/dialogs/dialogs_priv.h"

#define FIRST_CHECKED offsetof(struct slot, used)

static uint32_t checksum(const struct slot *s, uint64_t serial)
{
    struct hash_key key = {serial, 0x7374726f77676572};
    struct slot     copy;

    memcpy((void *)&copy, (const void *)s, s->used);
    copy.seen_ms = 0;
    copy.side[0].cseq = copy.side[1].cseq = 0;
    return (uint32_t)hash_octets(&key, (struct slice){(const char *)&copy + FIRST_CHECKED, s->used - FIRST_CHECKED});
}

/* ---- writing ---- */
static uint16_t put(struct buf *b, struct slice s)
{
    buf_put(b, s);
    return (uint16_t)s.n; /* what is longer than the texts' room has overflowed the buffer */
}

static void write_side(struct slot_side *to, const struct dialog_party *p, struct buf *b)
{
    to->cseq = p->cseq;
    to->shift = p->shift;
    to->n_tag = put(b, p->tag);
    to->n_number = put(b, p->number);
    to->n_uri = put(b, p->uri);
    to->n_target = put(b, p->target);
    to->n_route = put(b, p->route);
    to->n_flow = put(b, p->flow);
    to->n_origin = put(b, p->origin);
    to->n_outsider = put(b, p->outsider);
}

enum err slot_write(struct slot *s, const struct dialog_record *r)
{
    struct buf b;

    buf_init(&b, s->text, sizeof s->text);
    s->n_call_id = put(&b, r->call_id);
    write_side(&s->side[0], &r->side[0], &b);
    write_side(&s->side[1], &r->side[1], &b);
    s->n_ended_by = put(&b, r->ended_by);
    s->n_why = put(&b, r->why);
    if (buf_err(&b))
        return ERR_LIMIT;
    s->used = (uint32_t)(offsetof(struct slot, text) + b.n);
    s->invite_cseq = r->invite_cseq;
    s->code = r->code;
    s->state = (uint8_t)r->state;
    s->mode = (uint8_t)r->mode;
    s->shard = r->shard;
    s->flags = (uint8_t)((r->writes_cdr ? FLAG_WRITES_CDR : 0) | (r->spoken ? FLAG_SPOKEN : 0) |
                         (r->side[DIALOG_CALLER].no_refer ? FLAG_CALLER_NO_REFER : 0) |
                         (r->side[DIALOG_CALLEE].no_refer ? FLAG_CALLEE_NO_REFER : 0) |
                         (r->side[DIALOG_CALLER].no_replaces ? FLAG_CALLER_NO_REPLACES : 0) |
                         (r->side[DIALOG_CALLEE].no_replaces ? FLAG_CALLEE_NO_REPLACES : 0) |
                         (r->side[DIALOG_CALLER].own ? FLAG_CALLER_OWN : 0) | (r->side[DIALOG_CALLEE].own ? FLAG_CALLEE_OWN : 0));
    s->interval_s = r->session.interval_s;
    s->refresh = (uint8_t)r->session.by;
    s->abilities = (uint8_t)((r->side[DIALOG_CALLER].has_update ? ABILITY_CALLER_UPDATE : 0) |
                             (r->side[DIALOG_CALLEE].has_update ? ABILITY_CALLEE_UPDATE : 0));
    memset(s->spare, 0, sizeof s->spare);
    s->due_ms = r->session.due_ms;
    s->started_ms = r->started_ms;
    s->answered_ms = r->answered_ms;
    s->ended_ms = r->ended_ms;
    s->seen_ms = r->seen_ms;
    return ERR_OK;
}

void slot_make_valid(struct slot *s, uint64_t serial)
{
    s->check = checksum(s, serial);
    atomic_store_explicit(&s->serial, serial, memory_order_release);
}

/* ---- reading ---- */
static size_t text_octets(const struct slot *s)
{
    size_t n = (size_t)s->n_call_id + s->n_ended_by + s->n_why;

    for (int i = 0; i < 2; i++) {
        const struct slot_side *p = &s->side[i];

        n += (size_t)p->n_tag + p->n_number + p->n_uri + p->n_target + p->n_route + p->n_flow + p->n_origin + p->n_outsider;
    }
    return n;
}

bool slot_is_sound(const struct slot *s)
{
    return s->used >= offsetof(struct slot, text) && s->used <= sizeof *s &&
           s->used - offsetof(struct slot, text) == text_octets(s) && s->gen != 0 && s->state <= DIALOG_ENDED &&
           s->mode <= DIALOG_MODE_EXECUTE && s->refresh <= DIALOG_REFRESH_EXCHANGE && s->check == checksum(s, s->serial);
}

static struct slice take(const char **at, size_t n)
{
    struct slice s = {*at, n};

    *at += n;
    return s;
}

static void read_side(const struct slot_side *s, const char **at, struct dialog_party *out)
{
    out->cseq = s->cseq;
    out->shift = s->shift;
    out->tag = take(at, s->n_tag);
    out->number = take(at, s->n_number);
    out->uri = take(at, s->n_uri);
    out->target = take(at, s->n_target);
    out->route = take(at, s->n_route);
    out->flow = take(at, s->n_flow);
    out->origin = take(at, s->n_origin);
    out->outsider = take(at, s->n_outsider);
}

void slot_read(const struct slot *s, struct dialog_record *out)
{
    const char *at = s->text;

    out->call_id = take(&at, s->n_call_id);
    read_side(&s->side[0], &at, &out->side[0]);
    read_side(&s->side[1], &at, &out->side[1]);
    out->ended_by = take(&at, s->n_ended_by);
    out->why = take(&at, s->n_why);
    out->invite_cseq = s->invite_cseq;
    out->code = s->code;
    out->state = (enum dialog_state)s->state;
    out->mode = (enum dialog_mode)s->mode;
    out->shard = s->shard;
    out->writes_cdr = s->flags & FLAG_WRITES_CDR;
    out->spoken = s->flags & FLAG_SPOKEN;
    out->side[DIALOG_CALLER].no_refer = s->flags & FLAG_CALLER_NO_REFER;
    out->side[DIALOG_CALLEE].no_refer = s->flags & FLAG_CALLEE_NO_REFER;
    out->side[DIALOG_CALLER].no_replaces = s->flags & FLAG_CALLER_NO_REPLACES;
    out->side[DIALOG_CALLEE].no_replaces = s->flags & FLAG_CALLEE_NO_REPLACES;
    out->side[DIALOG_CALLER].own = s->flags & FLAG_CALLER_OWN;
    out->side[DIALOG_CALLEE].own = s->flags & FLAG_CALLEE_OWN;
    out->side[DIALOG_CALLER].has_update = s->abilities & ABILITY_CALLER_UPDATE;
    out->side[DIALOG_CALLEE].has_update = s->abilities & ABILITY_CALLEE_UPDATE;
    out->session = (struct dialog_session){s->interval_s, (enum dialog_refresh)s->refresh, s->due_ms};
    out->started_ms = s->started_ms;
    out->answered_ms = s->answered_ms;
    out->ended_ms = s->ended_ms;
    out->seen_ms = s->seen_ms;
}

struct slice slot_call_id(const struct slot *s)
{
    return (struct slice){s->text, s->n_call_id};
}

struct slice slot_tag(const struct slot *s, enum dialog_side side)
{
    const struct slot_side *c = &s->side[DIALOG_CALLER];
    size_t                  at = s->n_call_id;

    if (side == DIALOG_CALLEE)
        at += (size_t)c->n_tag + c->n_number + c->n_uri + c->n_target + c->n_route + c->n_flow + c->n_origin + c->n_outsider;
    return (struct slice){s->text + at, s->side[side].n_tag};
}

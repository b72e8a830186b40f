/* note.c - a call over kill -9: how it and its dialogs stand is in the journal (PROTOCOL 4.1, 4.3). Two who talk are brought back
 * by the first request in one of their dialogs; a transfer that was being executed goes on soon after the start: the transferee
 * is asked again, and the target called again.
 *
 * Room      server/bridge.
 * In        the other files, when the call or a dialog has changed; side.c, before it looks for a dialog; bridge_tick().
 * Touches   server/journal; the room's list of what was found there, under its lock.
 *
 * What was said in a dialog after its last note is not known: so the CSeqs of this side leap (RFC 3261 §12.2.1.1 wants them
 * to rise, not to be without gaps). */
#include <string.h>

#include "server/bridge/bridge_priv.h"

enum {
    NOTE_VERSION = 2,
    CSEQ_LEAP = 1000,
    ORIGIN_LEAP = 16, /* of a description's version, in the same way (RFC 3264 §8) */
    ENDS = 3          /* KEPT, OTHER, LEAVING                                      */
};

/* ---- one end ---- */

struct end_head {
    uint32_t    local_cseq, remote_cseq;
    uint16_t    n_call_id, n_local, n_remote, n_target, n_routes, n_contact;
    uint8_t     is_uac, direct;
    struct flow flow;
};

static void put_routes(struct buf *b, const struct dialog *d)
{
    for (size_t i = 0; i < d->n_routes; i++)
        buf_puts(b, i ? S(", <") : S("<"), d->route[i], S(">"));
}

static struct slice user_of(struct slice uri)
{
    struct uri u;

    return uri_parse(uri, &u, NULL) ? SLICE_NONE : u.user;
}

void join_note_of_leg(struct leg *leg, struct buf *out)
{
    const struct dialog *d = leg_dialog(leg);
    const struct side   *s = leg_arg(leg);
    struct slice         contact = user_of(leg_local_uri(leg));
    struct end_head      h;
    size_t               at = out->n + sizeof h, routes;

    if (!d)
        return;
    memset(&h, 0, sizeof h);
    h = (struct end_head){.local_cseq = d->local_cseq,
                          .remote_cseq = d->has_remote_cseq ? d->remote_cseq : 0,
                          .n_call_id = (uint16_t)d->call_id.n,
                          .n_local = (uint16_t)d->local.n,
                          .n_remote = (uint16_t)d->remote.n,
                          .n_target = (uint16_t)d->target.n,
                          .n_contact = (uint16_t)contact.n,
                          .is_uac = d->is_uac,
                          .direct = s->direct,
                          .flow = *leg_flow(leg)};
    buf_put(out, (struct slice){(const char *)&h, sizeof h});
    buf_puts(out, d->call_id, d->local, d->remote);
    buf_puts(out, d->target, contact);
    routes = out->n;
    put_routes(out, d);
    if (buf_err(out))
        return;
    h.n_routes = (uint16_t)(out->n - routes);
    memcpy(out->p + at - sizeof h, &h, sizeof h);
}

void join_note_of_end(const struct bridge_end *e, struct buf *out)
{
    const struct dialog_taken *d = &e->dialog;
    struct end_head            h;

    memset(&h, 0, sizeof h);
    h = (struct end_head){.local_cseq = d->local_cseq,
                          .remote_cseq = d->remote_cseq,
                          .n_call_id = (uint16_t)d->call_id.n,
                          .n_local = (uint16_t)d->local.n,
                          .n_remote = (uint16_t)d->remote.n,
                          .n_target = (uint16_t)d->target.n,
                          .n_routes = (uint16_t)d->routes.n,
                          .is_uac = d->is_uac,
                          .direct = true,
                          .flow = e->flow};
    buf_put(out, (struct slice){(const char *)&h, sizeof h});
    buf_puts(out, d->call_id, d->local, d->remote);
    buf_puts(out, d->target, d->routes);
}

struct end_note {
    struct end_head head;
    struct slice    call_id, local, remote, target, contact, routes;
};

/* The texts behind a head: from *at on, one after the other. */
static enum err read_texts(struct slice in, size_t *at, const uint16_t *n, struct slice *const *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (*at + n[i] > in.n)
            return ERR_SYNTAX;
        *text[i] = slice_between(in.p + *at, in.p + *at + n[i]);
        *at += n[i];
    }
    return ERR_OK;
}

static enum err read_end(struct slice in, struct end_note *out)
{
    struct slice *text[] = {&out->call_id, &out->local, &out->remote, &out->target, &out->contact, &out->routes};
    size_t        total = sizeof out->head;

    if (in.n < sizeof out->head)
        return ERR_SYNTAX;
    memcpy(&out->head, in.p, sizeof out->head);
    const uint16_t n[] = {out->head.n_call_id, out->head.n_local, out->head.n_remote,
                          out->head.n_target, out->head.n_contact, out->head.n_routes};
    return read_texts(in, &total, n, text, sizeof n / sizeof *n) == ERR_OK && total == in.n ? ERR_OK : ERR_SYNTAX;
}

struct slice join_note_call_id(struct slice dialog)
{
    struct end_note n;

    return read_end(dialog, &n) ? SLICE_NONE : n.call_id;
}

/* ---- a leg out of it ---- */

static void adopt_noted(struct bridge *b, struct shard *sh, const struct side_of *of, const struct end_note *n, struct leg_adopted *more,
                        uint32_t leap)
{
    struct bridge_end from = {.flow = n->head.flow};
    struct side_of    side = *of;

    from.dialog = (struct dialog_taken){.call_id = n->call_id, .local = n->local, .remote = n->remote, .target = n->target,
                                        .routes = n->routes, .local_cseq = n->head.local_cseq + leap,
                                        .remote_cseq = n->head.remote_cseq, .is_uac = n->head.is_uac};
    side.direct = n->head.direct;
    more->contact_user = n->contact;
    side_restore(b, sh, &side, &from, more);
}

struct adoption {
    struct block   block;
    struct bridge *b;
    struct side_of of;
    uint32_t       leap;
    size_t         n;
    char           octets[];
};

static void run_adoption(void *arg, struct shard *sh)
{
    struct adoption   *a = arg;
    struct leg_adopted more = {.referred = false};
    struct end_note    n;

    if (read_end((struct slice){a->octets, a->n}, &n) == ERR_OK)
        adopt_noted(a->b, sh, &a->of, &n, &more, a->leap);
    bridge_block_free(a->b, a);
}

void join_adopt(struct join *j, struct end *e, struct slice note)
{
    struct bridge   *b = j->b;
    struct adoption *a = bridge_block_new(b, sizeof *a + note.n);
    struct end_note  n;

    e->key = atomic_fetch_add(&b->serial, 1) + 1;
    e->there = a != NULL; /* without memory nothing comes of it: the step's time ends it */
    if (!a)
        return;
    a->b = b;
    a->of = (struct side_of){.call = j->serial, .key = e->key, .home = shard_index(j->sh)};
    a->leap = j->lives * CSEQ_LEAP;
    a->n = note.n;
    memcpy(a->octets, note.p, note.n);
    if (read_end(note, &n) ||
        stack_run(b->stack, shard_worker(j->sh), stack_shard_of(b->stack, n.call_id), run_adoption, a)) {
        bridge_block_free(b, a);
        e->there = false;
    }
}

/* ---- the call ---- */

enum { TEXTS = 7 }; /* of a call, beside its ends: in the order of texts_of() */

struct note_head {
    uint32_t         version, recall_s;
    struct flow      near;
    struct dialog_id record, joined_record;
    uint8_t          from, up, told, no_replaces, lives;
    uint16_t         why, n_text[TEXTS];
    struct {
        uint64_t version;
        uint32_t refer;
        uint16_t n_dialog, n_origin, n_number, n_uri;
        uint8_t  first_refer;
    } end[ENDS];
};

struct note_end {
    struct slice    dialog, origin, number, uri; /* dialog empty: there is none to bring back */
    struct end_note read;
};
struct note {
    struct note_head head;
    struct note_end  end[ENDS];
    struct slice     text[TEXTS];
};

static void texts_of(struct join *j, struct held *(*out)[TEXTS])
{
    struct held *texts[TEXTS] = {&j->target, &j->replaces, &j->referred_by, &j->joined[0], &j->joined[1], &j->joined_origin, &j->joined_number};

    memcpy(*out, texts, sizeof texts);
}

/* Will it be brought back? Who has gone and knows how the transfer went will not; the target is called anew until it talks. */
static bool is_kept(const struct join *j, int i)
{
    switch (i) {
    case OTHER: return j->state == JOIN_UP;
    case LEAVING: return j->end[i].there || (j->end[i].key && !j->told);
    default: return true;
    }
}

static void fill_head(struct join *j, struct held *const *texts, struct note_head *h)
{
    memset(h, 0, sizeof *h);
    h->version = NOTE_VERSION;
    h->recall_s = j->recall_s;
    h->near = j->near;
    h->record = j->record;
    h->joined_record = j->joined_record;
    h->from = (uint8_t)j->from;
    h->up = j->state == JOIN_UP;
    h->told = j->told;
    h->no_replaces = j->no_replaces;
    h->lives = (uint8_t)j->lives;
    h->why = (uint16_t)j->why;
    for (int i = 0; i < TEXTS; i++)
        h->n_text[i] = (uint16_t)texts[i]->n;
    for (int i = 0; i < ENDS; i++) {
        const struct end *e = &j->end[i];

        h->end[i].version = e->version;
        h->end[i].refer = e->refer;
        h->end[i].first_refer = e->first_refer;
        h->end[i].n_dialog = is_kept(j, i) ? (uint16_t)e->dialog.n : 0;
        h->end[i].n_origin = (uint16_t)e->origin.n;
        h->end[i].n_number = (uint16_t)e->number.n;
        h->end[i].n_uri = (uint16_t)e->uri.n;
    }
}

void join_note(struct join *j)
{
    char             room[JOURNAL_NOTE_OCTETS];
    struct buf       b = BUF_ON(room);
    struct held     *texts[TEXTS];
    struct note_head h;

    if (j->state == JOIN_WITHDRAWN || j->state == JOIN_OVER || !j->end[KEPT].dialog.n ||
        (j->state == JOIN_UP && !j->end[OTHER].dialog.n)) /* the other one is on its way here */
        return;
    texts_of(j, &texts);
    fill_head(j, texts, &h);
    buf_put(&b, (struct slice){(const char *)&h, sizeof h});
    for (int i = 0; i < ENDS; i++) {
        const struct end *e = &j->end[i];

        buf_puts(&b, slice_to(held_slice(&e->dialog), h.end[i].n_dialog), held_slice(&e->origin));
        buf_puts(&b, held_slice(&e->number), held_slice(&e->uri));
    }
    for (int i = 0; i < TEXTS; i++)
        buf_put(&b, held_slice(texts[i]));
    if (buf_err(&b) || journal_put(j->b->config.journal, JOURNAL_BRIDGE, buf_slice(&b), &j->note_id))
        join_say(j, S("there is no room to note this call: a restart now would end it"));
}

void join_unnote(struct join *j)
{
    journal_drop(j->b->config.journal, j->note_id);
    j->note_id = 0;
}

static enum err read_note(struct slice in, struct note *out)
{
    struct slice *texts[TEXTS];
    size_t        at = sizeof out->head;

    if (in.n < at)
        return ERR_SYNTAX;
    memcpy(&out->head, in.p, at);
    if (out->head.version != NOTE_VERSION)
        return ERR_SYNTAX;
    for (int i = 0; i < ENDS; i++) {
        struct note_end *e = &out->end[i];
        struct slice    *text[] = {&e->dialog, &e->origin, &e->number, &e->uri};
        const uint16_t   n[] = {out->head.end[i].n_dialog, out->head.end[i].n_origin, out->head.end[i].n_number, out->head.end[i].n_uri};

        if (read_texts(in, &at, n, text, sizeof n / sizeof *n) || (e->dialog.n && read_end(e->dialog, &e->read)))
            return ERR_SYNTAX;
    }
    for (int i = 0; i < TEXTS; i++)
        texts[i] = &out->text[i];
    return read_texts(in, &at, out->head.n_text, texts, TEXTS) == ERR_OK && at == in.n && out->end[KEPT].dialog.n ? ERR_OK : ERR_SYNTAX;
}

/* Is that one of its dialogs? */
static bool note_has(const struct note *n, struct slice call_id)
{
    for (int i = 0; i < ENDS; i++)
        if (n->end[i].dialog.n && slice_eq(n->end[i].read.call_id, call_id))
            return true;
    return false;
}

/* ---- found at start ---- */

struct restored {
    struct block     block;
    struct list_node node;
    struct bridge   *b;
    uint64_t         note_id, call, key[ENDS];
    unsigned         end; /* a copy of it brings that one back */
    size_t           n;
    char             octets[];
};

struct loading {
    struct bridge *b;
    enum err       e;
};

static void load_one(void *arg, uint64_t id, struct slice octets)
{
    struct loading  *l = arg;
    struct note      note;
    struct restored *r;

    if (read_note(octets, &note)) {
        journal_drop(l->b->config.journal, id);
        return;
    }
    if (!(r = bridge_block_new(l->b, sizeof *r + octets.n))) {
        l->e = ERR_NOMEM;
        return;
    }
    r->b = l->b;
    r->note_id = id;
    r->n = octets.n;
    memcpy(r->octets, octets.p, octets.n);
    list_append(&l->b->restored, &r->node);
    atomic_fetch_add(&l->b->n_restored, 1);
    for (int i = 0; i < ENDS && !l->e; i++)
        if (note.end[i].dialog.n)
            l->e = join_left_spare(l->b, note.end[i].read.call_id);
}

enum err join_notes_load(struct bridge *b)
{
    struct loading l = {b, ERR_OK};

    journal_each(b->config.journal, JOURNAL_BRIDGE, load_one, &l);
    return l.e;
}

/* ---- brought back ---- */

/* Without memory for a text it goes on without that. */
static void restore_end(struct join *j, struct end *e, const struct note_end *n)
{
    (void)join_held_set(j->b, &e->dialog, n->dialog);
    (void)join_held_set(j->b, &e->origin, n->origin);
    (void)join_held_set(j->b, &e->number, n->number);
    (void)join_held_set(j->b, &e->uri, n->uri);
}

static void restore_call(struct join *j, const struct note *n)
{
    struct held *texts[TEXTS];

    j->state = n->head.up ? JOIN_UP : JOIN_ASKING;
    j->told = n->head.told;
    j->why = n->head.why;
    j->near = n->head.near;
    j->recall_s = n->head.recall_s;
    j->record = n->head.record;
    j->joined_record = n->head.joined_record;
    j->from = (enum dialog_side)n->head.from;
    j->no_replaces = n->head.no_replaces;
    j->lives = n->head.lives + 1u;
    texts_of(j, &texts);
    for (int i = 0; i < TEXTS; i++)
        (void)join_held_set(j->b, texts[i], n->text[i]);
}

/* In its home shard. */
static void restore_join(void *arg, struct shard *sh)
{
    struct restored *r = arg;
    struct note      note;
    struct join     *j = join_new(r->b, sh, r->call);

    if (!j || read_note((struct slice){r->octets, r->n}, &note)) {
        bridge_block_free(r->b, r);
        return;
    }
    restore_call(j, &note);
    j->note_id = r->note_id;
    for (int i = 0; i < ENDS; i++) {
        struct end *e = &j->end[i];

        restore_end(j, e, &note.end[i]);
        e->key = r->key[i];
        e->there = note.end[i].dialog.n > 0;
        e->version = note.head.end[i].version + ORIGIN_LEAP;
        e->refer = note.head.end[i].refer;
        e->first_refer = note.head.end[i].first_refer;
    }
    if (j->state == JOIN_UP) {
        join_say(j, S("the exchange has restarted: it is between these two again"));
        if (j->end[LEAVING].there)
            join_enter(j, JOIN_UP, BRIDGE_LEAVE_MS);
    } else
        join_go_on(j);
    join_log(j, LOG_EVENT("bridge.restored"), 0);
    bridge_block_free(r->b, r);
}

/* In the shard of that end's Call-ID. */
static void restore_leg(void *arg, struct shard *sh)
{
    struct restored *r = arg;
    struct note      note;
    struct side_of   of = {.call = r->call, .key = r->key[r->end]};

    if (read_note((struct slice){r->octets, r->n}, &note) == ERR_OK) {
        struct leg_adopted more = {.referred = note.head.end[r->end].refer != 0 && !note.head.told,
                                   .refer = note.head.end[r->end].refer,
                                   .first_refer = note.head.end[r->end].first_refer};

        of.home = stack_shard_of(shard_stack(sh), note.end[KEPT].read.call_id);
        adopt_noted(r->b, sh, &of, &note.end[r->end].read, &more, CSEQ_LEAP);
    }
    bridge_block_free(r->b, r);
}

static void post(struct bridge *b, struct shard *sh, const struct restored *r, unsigned shard, void (*fn)(void *, struct shard *))
{
    struct restored *copy = bridge_block_new(b, sizeof *copy + r->n);

    if (!copy)
        return;
    copy->b = b;
    copy->note_id = r->note_id;
    copy->call = r->call;
    memcpy(copy->key, r->key, sizeof copy->key);
    copy->end = r->end;
    copy->n = r->n;
    memcpy(copy->octets, r->octets, r->n);
    if (shard == shard_index(sh))
        fn(copy, sh);
    else if (stack_run(b->stack, shard_worker(sh), shard, fn, copy))
        bridge_block_free(b, copy);
}

/* Of the list, under the lock: the one that has that dialog. */
static struct restored *find(struct bridge *b, struct slice call_id, struct note *note)
{
    for (struct list_node *n = list_first(&b->restored); n; n = list_next(&b->restored, n)) {
        struct restored *r = LIST_OF(n, struct restored, node);

        if (read_note((struct slice){r->octets, r->n}, note) == ERR_OK && note_has(note, call_id))
            return r;
    }
    return NULL;
}

/* Out of the list: its call and its legs, each in its shard. */
static void bring_back(struct bridge *b, struct shard *sh, struct restored *r, const struct note *note)
{
    atomic_fetch_sub(&b->n_restored, 1);
    r->call = atomic_fetch_add(&b->serial, 1) + 1;
    for (int i = 0; i < ENDS; i++)
        r->key[i] = atomic_fetch_add(&b->serial, 1) + 1;
    post(b, sh, r, stack_shard_of(b->stack, note->end[KEPT].read.call_id), restore_join);
    for (r->end = 0; r->end < ENDS; r->end++)
        if (note->end[r->end].dialog.n)
            post(b, sh, r, stack_shard_of(b->stack, note->end[r->end].read.call_id), restore_leg);
    bridge_block_free(b, r);
}

void join_notes_revive(struct bridge *b, struct shard *sh, struct slice call_id)
{
    struct restored *r;
    struct note      note;

    if (atomic_load_explicit(&b->n_restored, memory_order_relaxed) == 0)
        return;
    spin_lock(&b->lock);
    if ((r = find(b, call_id, &note)))
        list_remove(&r->node);
    spin_unlock(&b->lock);
    if (r)
        bring_back(b, sh, r, &note);
}

/* The Call-ID of one that is still to be brought back, and is at home in this shard; empty: none. */
static struct slice next_in(struct bridge *b, struct shard *sh, bool that_talk_too)
{
    struct slice call_id = SLICE_NONE;
    struct note  note;

    spin_lock(&b->lock);
    for (struct list_node *n = list_first(&b->restored); n && !call_id.n; n = list_next(&b->restored, n)) {
        const struct restored *r = LIST_OF(n, struct restored, node);

        if (read_note((struct slice){r->octets, r->n}, &note) == ERR_OK && (that_talk_too || !note.head.up) &&
            stack_shard_of(b->stack, note.end[KEPT].read.call_id) == shard_index(sh) &&
            arena_dup(shard_scratch(sh), note.end[KEPT].read.call_id, &call_id))
            break; /* without memory the first request of either end does it */
    }
    spin_unlock(&b->lock);
    return call_id;
}

static void wake_under_way(void *arg, struct shard *sh)
{
    struct bridge *b = arg;

    for (struct slice call_id; (call_id = next_in(b, sh, false)).n;)
        join_notes_revive(b, sh, call_id);
}

static void wake_all(void *arg, struct shard *sh)
{
    struct bridge *b = arg;

    for (struct slice call_id; (call_id = next_in(b, sh, true)).n;)
        join_notes_revive(b, sh, call_id);
}

static void wake(struct bridge *b, void (*fn)(void *, struct shard *))
{
    for (unsigned i = 0; i < STACK_SHARDS && atomic_load(&b->n_restored); i++)
        (void)stack_post(b->stack, i, fn, b); /* as above */
}

void join_notes_wake(struct bridge *b)
{
    wake(b, wake_under_way);
}

void bridge_wake(struct bridge *b)
{
    wake(b, wake_all);
}

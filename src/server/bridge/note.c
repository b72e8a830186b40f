/* note.c - two who talk, over kill -9: how both dialogs stand is in the journal, and brought back by the first request in either
 * of them (PROTOCOL 4.1, 4.3).
 *
 * Room      server/bridge.
 * In        join.c, when the call is up and when a dialog has changed; side.c, before it looks for a dialog.
 * Touches   server/journal; the room's list of what was found there, under its lock.
 *
 * What was said in a dialog after its last note is not known: so the CSeqs of this side leap (RFC 3261 §12.2.1.1 wants them
 * to rise, not to be without gaps). */
#include <string.h>

#include "server/bridge/bridge_priv.h"

enum { NOTE_VERSION = 1, CSEQ_LEAP = 1000, ENDS = 2 };

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

static void adopt_noted(struct bridge *b, struct shard *sh, const struct side_of *of, const struct end_note *n, uint32_t leap)
{
    struct leg_adopted more = {.contact_user = n->contact};
    struct bridge_end  from = {.flow = n->head.flow};
    struct side_of     side = *of;

    from.dialog = (struct dialog_taken){.call_id = n->call_id, .local = n->local, .remote = n->remote, .target = n->target,
                                        .routes = n->routes, .local_cseq = n->head.local_cseq + leap,
                                        .remote_cseq = n->head.remote_cseq, .is_uac = n->head.is_uac};
    side.direct = n->head.direct;
    side_restore(b, sh, &side, &from, &more);
}

struct adoption {
    struct block   block;
    struct bridge *b;
    struct side_of of;
    size_t         n;
    char           octets[];
};

static void run_adoption(void *arg, struct shard *sh)
{
    struct adoption *a = arg;
    struct end_note  n;

    if (read_end((struct slice){a->octets, a->n}, &n) == ERR_OK)
        adopt_noted(a->b, sh, &a->of, &n, 0);
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
    a->n = note.n;
    memcpy(a->octets, note.p, note.n);
    if (read_end(note, &n) ||
        stack_run(b->stack, shard_worker(j->sh), stack_shard_of(b->stack, n.call_id), run_adoption, a)) {
        bridge_block_free(b, a);
        e->there = false;
    }
}

/* ---- the call ---- */

struct note_head {
    uint32_t    version, recall_s;
    struct flow near;
    struct {
        uint64_t version;
        uint16_t n_dialog, n_origin, n_number, n_uri;
    } end[ENDS];
};

struct note_end {
    struct slice    dialog, origin, number, uri;
    struct end_note read;
};
struct note {
    struct note_head head;
    struct note_end  end[ENDS];
};

void join_note(struct join *j)
{
    char             room[JOURNAL_NOTE_OCTETS];
    struct buf       b = BUF_ON(room);
    struct note_head h;

    if (!j->end[KEPT].dialog.n || !j->end[OTHER].dialog.n)
        return; /* the other one is on its way here */
    memset(&h, 0, sizeof h);
    h.version = NOTE_VERSION;
    h.recall_s = j->recall_s;
    h.near = j->near;
    for (int i = 0; i < ENDS; i++) {
        const struct end *e = &j->end[i];

        h.end[i].version = e->version;
        h.end[i].n_dialog = (uint16_t)e->dialog.n;
        h.end[i].n_origin = (uint16_t)e->origin.n;
        h.end[i].n_number = (uint16_t)e->number.n;
        h.end[i].n_uri = (uint16_t)e->uri.n;
    }
    buf_put(&b, (struct slice){(const char *)&h, sizeof h});
    for (int i = 0; i < ENDS; i++) {
        const struct end *e = &j->end[i];

        buf_puts(&b, held_slice(&e->dialog), held_slice(&e->origin));
        buf_puts(&b, held_slice(&e->number), held_slice(&e->uri));
    }
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
    size_t at = sizeof out->head;

    if (in.n < at)
        return ERR_SYNTAX;
    memcpy(&out->head, in.p, at);
    if (out->head.version != NOTE_VERSION)
        return ERR_SYNTAX;
    for (int i = 0; i < ENDS; i++) {
        struct slice  *text[] = {&out->end[i].dialog, &out->end[i].origin, &out->end[i].number, &out->end[i].uri};
        const uint16_t n[] = {out->head.end[i].n_dialog, out->head.end[i].n_origin, out->head.end[i].n_number, out->head.end[i].n_uri};

        if (read_texts(in, &at, n, text, sizeof n / sizeof *n) || read_end(out->end[i].dialog, &out->end[i].read))
            return ERR_SYNTAX;
    }
    return at == in.n ? ERR_OK : ERR_SYNTAX;
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
}

enum err join_notes_load(struct bridge *b)
{
    struct loading l = {b, ERR_OK};

    journal_each(b->config.journal, JOURNAL_BRIDGE, load_one, &l);
    return l.e;
}

/* ---- brought back ---- */

static enum err restore_end(struct join *j, struct end *e, const struct note_end *n)
{
    enum err err;

    if ((err = join_held_set(j->b, &e->dialog, n->dialog)) || (err = join_held_set(j->b, &e->origin, n->origin)) ||
        (err = join_held_set(j->b, &e->number, n->number)))
        return err;
    return join_held_set(j->b, &e->uri, n->uri);
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
    j->state = JOIN_UP;
    j->told = true;
    j->note_id = r->note_id;
    j->near = note.head.near;
    j->recall_s = note.head.recall_s;
    for (int i = 0; i < ENDS; i++) {
        struct end *e = &j->end[i];

        (void)restore_end(j, e, &note.end[i]); /* without memory for a text it goes on without that */
        e->key = r->key[i];
        e->there = true;
        e->version = note.head.end[i].version;
    }
    join_say(j, S("the exchange has restarted: it is between these two again"));
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
        of.home = stack_shard_of(shard_stack(sh), note.end[0].read.call_id);
        adopt_noted(r->b, sh, &of, &note.end[r->end].read, CSEQ_LEAP);
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
    copy->key[0] = r->key[0];
    copy->key[1] = r->key[1];
    copy->end = r->end;
    copy->n = r->n;
    memcpy(copy->octets, r->octets, r->n);
    if (shard == shard_index(sh))
        fn(copy, sh);
    else if (stack_run(b->stack, shard_worker(sh), shard, fn, copy))
        bridge_block_free(b, copy);
}

static struct restored *take(struct bridge *b, struct slice call_id, struct note *note)
{
    struct restored *found = NULL;

    spin_lock(&b->lock);
    for (struct list_node *n = list_first(&b->restored); n && !found; n = list_next(&b->restored, n)) {
        struct restored *r = LIST_OF(n, struct restored, node);

        if (read_note((struct slice){r->octets, r->n}, note) == ERR_OK &&
            (slice_eq(note->end[0].read.call_id, call_id) || slice_eq(note->end[1].read.call_id, call_id)))
            found = r;
    }
    if (found)
        list_remove(&found->node);
    spin_unlock(&b->lock);
    return found;
}

void join_notes_revive(struct bridge *b, struct shard *sh, struct slice call_id)
{
    struct restored *r;
    struct note      note;

    if (atomic_load_explicit(&b->n_restored, memory_order_relaxed) == 0 || !(r = take(b, call_id, &note)))
        return;
    atomic_fetch_sub(&b->n_restored, 1);
    r->call = atomic_fetch_add(&b->serial, 1) + 1;
    for (int i = 0; i < ENDS; i++)
        r->key[i] = atomic_fetch_add(&b->serial, 1) + 1;
    post(b, sh, r, stack_shard_of(b->stack, note.end[0].read.call_id), restore_join);
    for (r->end = 0; r->end < ENDS; r->end++)
        post(b, sh, r, stack_shard_of(b->stack, note.end[r->end].read.call_id), restore_leg);
    bridge_block_free(b, r);
}

/* The Call-ID of one that is still to be brought back, and is at home in this shard; empty: none. */
static struct slice next_in(struct bridge *b, struct shard *sh)
{
    struct slice call_id = SLICE_NONE;
    struct note  note;

    spin_lock(&b->lock);
    for (struct list_node *n = list_first(&b->restored); n && !call_id.n; n = list_next(&b->restored, n)) {
        const struct restored *r = LIST_OF(n, struct restored, node);

        if (read_note((struct slice){r->octets, r->n}, &note) == ERR_OK &&
            stack_shard_of(b->stack, note.end[0].read.call_id) == shard_index(sh) &&
            arena_dup(shard_scratch(sh), note.end[0].read.call_id, &call_id))
            break; /* without memory the first request of either end does it */
    }
    spin_unlock(&b->lock);
    return call_id;
}

static void wake(void *arg, struct shard *sh)
{
    struct bridge *b = arg;

    for (struct slice call_id; (call_id = next_in(b, sh)).n;)
        join_notes_revive(b, sh, call_id);
}

void bridge_wake(struct bridge *b)
{
    for (unsigned i = 0; i < STACK_SHARDS && atomic_load(&b->n_restored); i++)
        (void)stack_post(b->stack, i, wake, b); /* as above */
}

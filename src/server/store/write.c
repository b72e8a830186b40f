/* write.c - a write before it is submitted: rows, copied into its arena.
 *
 * Room      server/store. A write belongs to one thread until store_submit().
 * Touches   the write. The first failure stays in w->e, and store_submit() tells it. */
#include "server/store/store_priv.h"

#define BLOCK_OCTETS 1000 /* stands behind the write: few need more */
#define MORE_OCTETS 4000

/* ---- memory: a write begins on one thread and ends on another, so what has ended is kept for the next ---- */
struct store_spare {
    struct store_spare *next;
};

static void *spare_take(struct store *s)
{
    struct store_spare *p;

    spin_lock(&s->spare_lock);
    if ((p = s->spare)) {
        s->spare = p->next;
        s->n_spare--;
    }
    spin_unlock(&s->spare_lock);
    return p ? p : mem_alloc(s->conf.mem, sizeof(struct store_write) + BLOCK_OCTETS);
}

static void spare_keep(struct store *s, struct store_spare *p)
{
    bool kept;

    spin_lock(&s->spare_lock);
    if ((kept = s->n_spare < STORE_SPARE)) {
        p->next = s->spare;
        s->spare = p;
        s->n_spare++;
    }
    spin_unlock(&s->spare_lock);
    if (!kept)
        mem_free(s->conf.mem, p, sizeof(struct store_write) + BLOCK_OCTETS);
}

void store_spare_close(struct store *s)
{
    for (struct store_spare *p = s->spare, *next; p; p = next) {
        next = p->next;
        mem_free(s->conf.mem, p, sizeof(struct store_write) + BLOCK_OCTETS);
    }
}

/* ---- a write ---- */
struct store_write *store_begin(struct store *s, enum store_when when)
{
    struct store_write *w = spare_take(s);

    if (!w)
        return NULL;
    *w = (struct store_write){.store = s, .when = when, .last = &w->first};
    arena_init_in(&w->arena, w + 1, BLOCK_OCTETS, s->conf.mem, MORE_OCTETS, STORE_MAX_WRITE_OCTETS);
    return w;
}

void store_drop(struct store_write *w)
{
    if (!w)
        return;
    arena_close(&w->arena);
    spare_keep(w->store, (struct store_spare *)(void *)w);
}

static void fail(struct store_write *w, size_t wanted)
{
    if (!w->e)
        w->e = w->arena.taken_octets + wanted + MORE_OCTETS > STORE_MAX_WRITE_OCTETS ? ERR_LIMIT : ERR_NOMEM;
}

static struct slice copy(struct store_write *w, struct slice s)
{
    struct slice out = SLICE_NONE;

    if (w->fill)
        return s;
    if (!w->e && arena_dup(&w->arena, s, &out))
        fail(w, s.n);
    return out;
}

/* A new row at the end; NULL when the write has failed. One that is being filled has one row, again and again. */
static struct store_row *row(struct store_write *w, enum store_kind kind)
{
    struct store_row *r = w->fill ? w->first : NULL;

    if (w->e || w->sql)
        return NULL;
    if (!r && !(r = ARENA_NEW(&w->arena, struct store_row))) {
        fail(w, sizeof *r);
        return NULL;
    }
    r->kind = kind;
    *w->last = r;
    if (!w->fill)
        w->last = &r->next;
    return r;
}

/* The row is whole: where the write is being filled, it is put now. */
static void end_row(struct store_write *w, const struct store_row *r)
{
    if (w->fill)
        w->sql = store_row_apply(w->store, r);
}

int store_fill(struct store_write *w)
{
    w->sql = SQLITE_OK;
    w->fill(w->arg, w);
    return w->e ? STORE_UNFILLED : w->sql;
}

void store_put_user(struct store_write *w, const struct store_user *u)
{
    struct store_row *r = row(w, STORE_USER_PUT);

    if (!r)
        return;
    r->u.user = (struct store_user){.number = copy(w, u->number), .name = copy(w, u->name), .auth_name = copy(w, u->auth_name),
                                    .secrets = copy(w, u->secrets), .settings = copy(w, u->settings), .made_ms = u->made_ms};
    end_row(w, r);
}

void store_delete_user(struct store_write *w, struct slice number)
{
    struct store_row *r = row(w, STORE_USER_DELETE);

    if (!r)
        return;
    r->u.user.number = copy(w, number);
    end_row(w, r);
}

void store_put_setting(struct store_write *w, struct slice key, struct slice value)
{
    struct store_row *r = row(w, STORE_SETTING_PUT);

    if (!r)
        return;
    r->u.setting.key = copy(w, key);
    r->u.setting.value = copy(w, value);
    end_row(w, r);
}

void store_delete_setting(struct store_write *w, struct slice key)
{
    struct store_row *r = row(w, STORE_SETTING_DELETE);

    if (!r)
        return;
    r->u.setting.key = copy(w, key);
    end_row(w, r);
}

void store_put_binding(struct store_write *w, const struct store_binding *b)
{
    struct store_row *r = row(w, STORE_BINDING_PUT);
    size_t            octets = store_binding_octets(b);
    char             *value;

    if (!r)
        return;
    if (!octets)
        w->e = ERR_LIMIT;
    if (w->e)
        return;
    if (!(value = arena_alloc(&w->arena, octets))) {
        fail(w, octets);
        return;
    }
    store_binding_pack(b, value);
    r->u.binding.slot = b->slot;
    r->u.binding.value = (struct slice){value, octets};
    end_row(w, r);
}

void store_delete_binding(struct store_write *w, uint32_t slot)
{
    struct store_row *r = row(w, STORE_BINDING_DELETE);

    if (!r)
        return;
    r->u.binding.slot = slot;
    end_row(w, r);
}

void store_put_cdr(struct store_write *w, const struct store_cdr *c)
{
    struct store_row *r = row(w, STORE_CDR_PUT);
    struct store_cdr *to;

    if (!r)
        return;
    to = &r->u.cdr;
    *to = *c;
    to->call_id = copy(w, c->call_id);
    to->from_tag = copy(w, c->from_tag);
    to->caller = copy(w, c->caller);
    to->callee = copy(w, c->callee);
    to->caller_name = copy(w, c->caller_name);
    to->ended_by = copy(w, c->ended_by);
    to->why = copy(w, c->why);
    to->mode = copy(w, c->mode);
    end_row(w, r);
}

void store_put_quality(struct store_write *w, const struct store_quality *q)
{
    struct store_row *r = row(w, STORE_QUALITY_PUT);

    if (!r)
        return;
    r->u.quality = *q;
    r->u.quality.call_id = copy(w, q->call_id);
    r->u.quality.codec = copy(w, q->codec);
    end_row(w, r);
}

void store_put_audit(struct store_write *w, const struct store_audit *a)
{
    struct store_row *r = row(w, STORE_AUDIT_PUT);

    if (!r)
        return;
    r->u.audit.at_ms = a->at_ms;
    r->u.audit.who = copy(w, a->who);
    r->u.audit.what = copy(w, a->what);
    end_row(w, r);
}

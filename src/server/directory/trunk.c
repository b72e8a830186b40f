/* trunk.c - trunks: loaded, and the acts that change one.
 *
 * Room      server/directory.
 * Stored    a setting of the store, "trunk.NAME", with "key=value" lines; the password among them sealed (seal.c).
 * Acts      as those on users: all that may fail is done before the commit. The whole list is made anew each time: it is short.
 * Touches   everything under d->acting. */
#include <stdio.h>
#include <string.h>

#include "server/directory/directory_priv.h"

#define PREFIX "trunk."

enum { KEY_OCTETS = sizeof PREFIX + DIRECTORY_MAX_TRUNK_NAME, BLOCK_OCTETS = 4096,
       LIST_OCTETS = DIRECTORY_MAX_TRUNKS * (2 * DIRECTORY_MAX_TRUNK_SETTINGS + (int)sizeof(struct directory_trunk) + 1024) };

/* ---- lists ---- */

static struct trunk_list *list_new(struct directory *d)
{
    struct trunk_list *l = mem_zalloc(d->conf.mem, sizeof *l);

    if (!l)
        return NULL;
    l->mem = d->conf.mem;
    arena_init(&l->arena, d->conf.mem, BLOCK_OCTETS, LIST_OCTETS);
    if (!(l->trunks = arena_zalloc(&l->arena, DIRECTORY_MAX_TRUNKS * sizeof *l->trunks))) {
        trunks_free(l);
        return NULL;
    }
    return l;
}

void trunks_free(struct trunk_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->trunks && i < l->n; i++)
        if (l->trunks[i].password.n)
            explicit_bzero((void *)(uintptr_t)l->trunks[i].password.p, l->trunks[i].password.n);
    arena_close(&l->arena);
    mem_free(l->mem, l, sizeof *l);
}

/* What is stored of one, as it is read. */
struct stored {
    struct slice name;
    struct slice lines;   /* with the password, sealed */
    uint64_t     version; /* 0: a new one */
};

/* Behind those that are there. A line whose seal is another store's leaves it without password. */
static enum err list_add(struct directory *d, struct trunk_list *l, const struct stored *s)
{
    struct directory_trunk *t = &l->trunks[l->n];
    char                    plain[DIRECTORY_MAX_PASSWORD], lines[DIRECTORY_MAX_TRUNK_SETTINGS];
    struct buf              p = BUF_ON(plain), b = BUF_ON(lines);
    struct slice            sealed = directory_setting(&(struct directory_user){.settings = s->lines}, S("password"));
    enum err                e;

    if (l->n == DIRECTORY_MAX_TRUNKS)
        return ERR_LIMIT;
    *t = (struct directory_trunk){.version = s->version ? s->version : atomic_fetch_add(&d->trunk_versions, 1) + 1};
    if (sealed.n && seal_open(d, sealed, &p))
        buf_reset(&p);
    if ((e = setting_put(&b, s->lines, S("password"), SLICE_NONE)) || (e = arena_dup(&l->arena, s->name, &t->name)) ||
        (e = arena_dup(&l->arena, buf_slice(&b), &t->settings)) || (e = arena_dup(&l->arena, buf_slice(&p), &t->password)))
        goto out;
    if (trunks_read(t))
        l->n++;
out:
    explicit_bzero(plain, sizeof plain);
    return e;
}

struct loading {
    struct directory  *d;
    struct trunk_list *list;
    enum err           e;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
    struct loading *l = arg;

    if (!slice_starts(key, S(PREFIX)))
        return true;
    l->e = list_add(l->d, l->list, &(struct stored){slice_from(key, sizeof PREFIX - 1), value, 0});
    return l->e == ERR_OK;
}

enum err trunks_load(struct directory *d, struct trunk_list **out, struct directory_fault *fault)
{
    struct loading l = {.d = d, .list = list_new(d)};
    enum err       e = l.list ? store_each_setting(d->conf.store, load_one, &l) : ERR_NOMEM;

    if (!e)
        e = l.e;
    if (e) {
        FAULT(fault, "the trunks cannot be read: %s", err_text(e));
        trunks_free(l.list);
        return e;
    }
    *out = l.list;
    return ERR_OK;
}

/* ---- acts; d->acting is held ---- */

struct finding {
    struct slice key;
    struct buf  *out;
    bool         found;
};

static bool find_one(void *arg, struct slice key, struct slice value)
{
    struct finding *f = arg;

    if (!slice_eq(key, f->key))
        return true;
    buf_put(f->out, value);
    f->found = true;
    return false;
}

/* One setting of it, checked, with what `b` has to hold. A password is sealed. */
static enum err set_pair(struct directory *d, struct slice lines, const struct directory_pair *p, struct buf *b,
                         struct directory_fault *fault)
{
    char       sealed[SEAL_MAX_OCTETS];
    struct buf sb = BUF_ON(sealed);
    enum err   e = trunks_key_check(p->key, p->value, fault);

    if (e)
        return e;
    if (slice_eq(p->key, S("password")) && p->value.n) {
        seal_put(d, p->value, &sb);
        e = setting_put(b, lines, p->key, buf_slice(&sb));
    } else
        e = setting_put(b, lines, p->key, p->value);
    if (e)
        FAULT(fault, "all settings of a trunk together have at most %d octets", DIRECTORY_MAX_TRUNK_SETTINGS);
    return e;
}

static enum err check_whole(struct slice lines, struct directory_fault *fault)
{
    const struct directory_user u = {.settings = lines};

    if (!directory_setting(&u, S("server")).n) {
        FAULT(fault, "a trunk needs a server: server=sip:sip.example.net");
        return ERR_INVALID;
    }
    if (slice_eq(directory_setting(&u, S("register")), S("on")) && !directory_setting(&u, S("user")).n) {
        FAULT(fault, "register=on needs a user: the name that the other exchange knows us by");
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check_name(struct slice name, struct directory_fault *fault)
{
    for (size_t i = 0; i < name.n; i++)
        if (!ascii_is_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '_') {
            FAULT(fault, "the name of a trunk is made of letters, digits and - _");
            return ERR_SYNTAX;
        }
    if (name.n > 0 && name.n <= DIRECTORY_MAX_TRUNK_NAME)
        return ERR_OK;
    FAULT(fault, "the name of a trunk has from 1 to %d characters", DIRECTORY_MAX_TRUNK_NAME);
    return ERR_LIMIT;
}

/* The list as it will be: without that name, and with `s` where its name has its place. */
static enum err list_make(struct directory *d, struct slice without, const struct stored *s, struct trunk_list **out)
{
    const struct trunk_list *old = d->newest->trunks;
    struct trunk_list       *l = list_new(d);
    bool                     placed = s == NULL;
    enum err                 e = l ? ERR_OK : ERR_NOMEM;

    for (size_t i = 0; i < old->n && !e; i++) {
        struct directory_trunk t = old->trunks[i];

        if (!placed && slice_cmp(s->name, t.name) < 0) {
            e = list_add(d, l, s);
            placed = true;
        }
        if (e || slice_eq(t.name, without))
            continue;
        if ((e = arena_dup(&l->arena, t.name, &t.name)) || (e = arena_dup(&l->arena, t.settings, &t.settings)) ||
            (e = arena_dup(&l->arena, t.password, &t.password)))
            break;
        trunks_read(&t);
        l->trunks[l->n++] = t;
    }
    if (!placed && !e)
        e = list_add(d, l, s);
    if (e)
        trunks_free(l);
    else
        *out = l;
    return e;
}

/* `s` NULL: it goes. */
static enum err commit(struct directory *d, const struct directory_act *act, const struct stored *s, const char *what,
                       struct directory_fault *fault)
{
    char                   key[KEY_OCTETS], audit[64 + DIRECTORY_MAX_TRUNK_NAME];
    struct buf             kb = BUF_ON(key), ab = BUF_ON(audit);
    struct view_change     c = {0};
    struct directory_view *v;
    struct store_write    *w;
    enum err               e;

    buf_puts(&kb, S(PREFIX), act->number);
    buf_puts(&ab, slice_z(what), S(" "), act->number);
    if ((e = list_make(d, act->number, s, &c.trunks)))
        return no_view(e, fault);
    if ((e = view_make(d, &c, &v)) == ERR_OK && !(w = store_begin(d->conf.store, STORE_PROMISE))) {
        view_free(v);
        e = ERR_NOMEM;
    }
    if (e) {
        trunks_free(c.trunks);
        return no_view(e, fault);
    }
    if (s)
        store_put_setting(w, buf_slice(&kb), s->lines);
    else
        store_delete_setting(w, buf_slice(&kb));
    store_put_audit(w, &(struct store_audit){act->now_ms, act->who, buf_slice(&ab)});
    if ((e = carry_out(d, &(struct carried){w, v, act->number, true}, fault)))
        trunks_free(c.trunks);
    return e;
}

static enum err put(struct directory *d, const struct directory_act *act, struct slice lines, bool is_new, struct directory_fault *fault)
{
    char          text[2][DIRECTORY_MAX_TRUNK_SETTINGS];
    struct stored s = {.name = act->number, .lines = lines};
    enum err      e;

    for (size_t i = 0; i < act->n_pairs; i++) {
        struct buf b = BUF_ON(text[i % 2]);

        if ((e = set_pair(d, s.lines, &act->pairs[i], &b, fault)))
            return e;
        s.lines = buf_slice(&b);
    }
    if ((e = check_whole(s.lines, fault)))
        return e;
    return commit(d, act, &s, is_new ? "trunk add" : "trunk set", fault);
}

static enum err not_there(struct slice name, struct directory_fault *fault)
{
    char       shown[4 * DIRECTORY_MAX_TRUNK_NAME];
    struct buf b = BUF_ON(shown);

    buf_put_escaped(&b, slice_to(name, DIRECTORY_MAX_TRUNK_NAME));
    FAULT(fault, "there is no trunk %.*s", SARG(buf_slice(&b)));
    return ERR_NOTFOUND;
}

enum err directory_trunk_add(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    enum err e;

    fault->text[0] = '\0';
    if ((e = check_name(act->number, fault)))
        return e;
    pthread_mutex_lock(&d->acting);
    if (directory_trunk(d->newest, act->number)) {
        FAULT(fault, "trunk %.*s is there already", SARG(act->number));
        e = ERR_EXISTS;
    } else if (d->newest->trunks->n == DIRECTORY_MAX_TRUNKS) {
        FAULT(fault, "there are %d trunks already, and no more than that are possible", DIRECTORY_MAX_TRUNKS);
        e = ERR_LIMIT;
    } else
        e = put(d, act, SLICE_NONE, true, fault);
    pthread_mutex_unlock(&d->acting);
    return e;
}

enum err directory_trunk_set(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    char           key[KEY_OCTETS], lines[DIRECTORY_MAX_TRUNK_SETTINGS];
    struct buf     kb = BUF_ON(key), b = BUF_ON(lines);
    struct finding f = {.out = &b};
    enum err       e;

    fault->text[0] = '\0';
    buf_puts(&kb, S(PREFIX), slice_to(act->number, DIRECTORY_MAX_TRUNK_NAME));
    f.key = buf_slice(&kb);
    pthread_mutex_lock(&d->acting);
    if (!directory_trunk(d->newest, act->number))
        e = not_there(act->number, fault);
    else if ((e = store_each_setting(d->conf.store, find_one, &f)) || !f.found)
        FAULT(fault, "the trunk cannot be read: %s", err_text(e = e ? e : ERR_IO));
    else
        e = put(d, act, buf_slice(&b), false, fault);
    pthread_mutex_unlock(&d->acting);
    return e;
}

enum err directory_trunk_remove(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    enum err e;

    fault->text[0] = '\0';
    pthread_mutex_lock(&d->acting);
    e = directory_trunk(d->newest, act->number) ? commit(d, act, NULL, "trunk remove", fault) : not_there(act->number, fault);
    pthread_mutex_unlock(&d->acting);
    return e;
}

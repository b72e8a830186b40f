/* directory.c - opened from the store, closed; and the acts that change one user.
 *
 * Room      server/directory.
 * Acts      check, draft, cell and view made (all that may fail for want of memory), then committed, then published: after
 *           the commit nothing can go wrong any more.
 * Touches   everything under d->acting; readers see only what view_publish() shows. */
#include <stdio.h>
#include <string.h>

#include "server/directory/directory_priv.h"
#include "sys/random.h"

/* ---- open and close ---- */
struct loading {
    struct directory *d;
    struct user_cell *cells;
    size_t            n;
    enum err          e;
};

static bool load_user(void *arg, const struct store_user *u)
{
    struct loading   *l = arg;
    struct user_draft draft = {.number = u->number, .name = u->name, .auth_name = u->auth_name, .secrets = u->secrets,
                               .settings = u->settings, .made_ms = u->made_ms};
    struct user_cell *c;

    if (l->n == DIRECTORY_MAX_USERS) {
        l->e = ERR_LIMIT;
        return false;
    }
    if ((l->e = draft_renew(&draft)))
        return false;
    if (!(c = cell_make(l->d, &draft))) {
        l->e = ERR_NOMEM;
        return false;
    }
    c->next_garbage = l->cells;
    l->cells = c;
    l->n++;
    return true;
}

static void free_cells(struct directory *d, struct user_cell *c)
{
    for (struct user_cell *next; c; c = next) {
        next = c->next_garbage;
        cell_free(d, c);
    }
}

static enum err make_decoy(struct directory *d)
{
    struct user_draft u = {.number = S("\1"), .auth_name = S("\1")};
    unsigned char     secret[32];

    random_octets(d->conf.random, secret, sizeof secret);
    u.password = (struct slice){(const char *)secret, sizeof secret};
    if (draft_settle(d, &u, NULL, &(struct directory_fault){0}))
        return ERR_LIMIT;
    d->decoy = cell_make(d, &u);
    explicit_bzero(secret, sizeof secret);
    return d->decoy ? ERR_OK : ERR_NOMEM;
}

static enum err set_realm(struct directory *d, struct slice realm, struct directory_fault *fault)
{
    for (size_t i = 0; i < realm.n; i++)
        if ((unsigned char)realm.p[i] < ' ' || realm.p[i] == '"' || realm.p[i] == '\\') {
            FAULT(fault, "the realm has characters that are not allowed there");
            return ERR_SYNTAX;
        }
    if (realm.n == 0 || realm.n > DIRECTORY_MAX_REALM) {
        FAULT(fault, "the realm has from 1 to %d octets", DIRECTORY_MAX_REALM);
        return ERR_LIMIT;
    }
    memcpy(d->realm_text, realm.p, realm.n);
    d->realm = (struct slice){d->realm_text, realm.n};
    return ERR_OK;
}

/* The first view, from what is stored. */
static enum err load(struct directory *d, struct directory_fault *fault)
{
    struct loading         l = {.d = d};
    struct view_change     c = {0};
    struct directory_view *v;
    enum err               e;

    if ((e = trunks_load(d, &c.trunks, fault)))
        return e;
    if ((e = names_make(d, &d->conf, &c.names))) {
        trunks_free(c.trunks);
        FAULT(fault, "a domain or address of the configuration is none, or there are too many");
        return e;
    }
    if ((e = store_each_user(d->conf.store, load_user, &l)) == ERR_OK)
        e = l.e;
    c.put = l.cells;
    c.n_put = l.n;
    if (e || (e = view_make(d, &c, &v))) {
        FAULT(fault, "the users cannot be read: %s", err_text(e));
        free_cells(d, l.cells);
        names_free(c.names);
        trunks_free(c.trunks);
        return e;
    }
    view_publish(v);
    return hosts_load(d);
}

enum err directory_open(struct directory **out, const struct directory_conf *conf, struct directory_fault *fault)
{
    struct directory *d = mem_zalloc(conf->mem, sizeof *d);
    enum err          e;

    fault->text[0] = '\0';
    if (!d) {
        FAULT(fault, "no memory");
        return ERR_NOMEM;
    }
    d->conf = *conf;
    pthread_mutex_init(&d->acting, NULL);
    random_octets(conf->random, &d->key, sizeof d->key);
    if (conf->codes)
        d->codes = *conf->codes;
    else
        plan_codes_default(&d->codes);
    list_init(&d->later);
    pthread_mutex_init(&d->later_lock, NULL);
    pthread_cond_init(&d->later_wake, NULL);
    if ((e = set_realm(d, conf->realm, fault)) || (e = make_decoy(d)) || (e = load(d, fault)) || (e = later_open(d))) {
        if (!fault->text[0])
            FAULT(fault, "the directory cannot be opened: %s", err_text(e));
        directory_close(d);
        return e;
    }
    *out = d;
    return ERR_OK;
}

void directory_close(struct directory *d)
{
    if (!d)
        return;
    later_close(d);
    views_close(d);
    cell_free(d, d->decoy);
    pthread_cond_destroy(&d->later_wake);
    pthread_mutex_destroy(&d->later_lock);
    pthread_mutex_destroy(&d->acting);
    mem_free(d->conf.mem, d, sizeof *d);
}

enum err directory_set_domains(struct directory *d, const struct directory_conf *conf)
{
    struct view_change     c = {0};
    struct directory_view *v;
    enum err               e;

    if ((e = names_make(d, conf, &c.names)))
        return e;
    pthread_mutex_lock(&d->acting);
    e = view_make(d, &c, &v);
    if (!e)
        view_publish(v);
    pthread_mutex_unlock(&d->acting);
    if (e)
        names_free(c.names);
    return e;
}

/* ---- acts on one user; d->acting is held ---- */
static enum err already_there(const struct user_cell *c, struct directory_fault *fault)
{
    char       shown[4 * DIRECTORY_MAX_NAME];
    struct buf b = BUF_ON(shown);

    buf_put_escaped(&b, c->u.name);
    FAULT(fault, "%s %.*s is there already%s%.*s%s", c->u.is_group ? "group" : "user", SARG(c->u.number), c->u.name.n ? " (" : "",
          (int)slice_to(buf_slice(&b), 100).n, shown, c->u.name.n ? ")" : "");
    return ERR_EXISTS;
}

static enum err not_there(struct slice number, struct directory_fault *fault)
{
    char       shown[4 * DIRECTORY_MAX_NUMBER];
    struct buf b = BUF_ON(shown);

    buf_put_escaped(&b, slice_to(number, DIRECTORY_MAX_NUMBER));
    FAULT(fault, "there is no user %.*s", SARG(buf_slice(&b)));
    return ERR_NOTFOUND;
}

/* Two users with one auth name could not be told apart by their credentials. */
static enum err check_auth_name(const struct directory *d, const struct user_draft *u, struct directory_fault *fault)
{
    const struct user_cell *other = view_find_auth(d->newest, u->auth_name);

    if (!other || slice_eq(other->u.number, u->number))
        return ERR_OK;
    FAULT(fault, "user %.*s has this auth-name already", SARG(other->u.number));
    return ERR_EXISTS;
}

static enum err set_pairs(struct user_draft *u, const struct directory_act *act, struct directory_fault *fault)
{
    for (size_t i = 0; i < act->n_pairs; i++) {
        enum err e = draft_set(u, act->pairs[i].key, act->pairs[i].value, fault);

        if (e)
            return e;
    }
    return ERR_OK;
}

static void put_audit(struct store_write *w, const struct directory_act *act, struct slice what)
{
    char       text[DIRECTORY_MAX_NUMBER + 32];
    struct buf b = BUF_ON(text);

    buf_puts(&b, what, S(" "), act->number);
    store_put_audit(w, &(struct store_audit){act->now_ms, act->who, buf_slice(&b)});
}

void directory_watch(struct directory *d, directory_changed *changed, void *ctx)
{
    d->changed = changed;
    d->changed_ctx = ctx;
}

enum err carry_out(struct directory *d, const struct carried *c, struct directory_fault *fault)
{
    enum err           e = store_submit_wait(c->write);
    struct store_fault said;

    if (!e) {
        view_publish(c->view);
        if (d->changed && !c->quiet)
            d->changed(d->changed_ctx, c->number);
        return ERR_OK;
    }
    view_free(c->view);
    if (e == ERR_IO && store_last_fault(d->conf.store, &said))
        FAULT(fault, "%.300s", said.text);
    else
        FAULT(fault, "the change could not be stored: %s", err_text(e));
    return e;
}

enum err no_view(enum err e, struct directory_fault *fault)
{
    FAULT(fault, e == ERR_BUSY ? "too much is being read just now; try again" : "no memory");
    return e;
}

/* The drafted user goes to the store and into a new view. */
static enum err put_user(struct directory *d, struct user_draft *u, const struct directory_act *act, struct slice what,
                         struct directory_fault *fault)
{
    struct user_cell      *c = cell_make(d, u);
    struct directory_view *v;
    struct store_write    *w;
    enum err               e = ERR_NOMEM;

    if (!c)
        return no_view(ERR_NOMEM, fault);
    if ((e = view_make(d, &(struct view_change){.put = c, .n_put = 1}, &v))) {
        cell_free(d, c);
        return no_view(e, fault);
    }
    if (!(w = store_begin(d->conf.store, STORE_PROMISE))) {
        view_free(v);
        cell_free(d, c);
        return no_view(ERR_NOMEM, fault);
    }
    store_put_user(w, &(struct store_user){c->u.number, c->u.name, c->u.auth_name, c->secrets, c->u.settings, c->u.made_ms});
    put_audit(w, act, what);
    if ((e = carry_out(d, &(struct carried){w, v, act->number, false}, fault)))
        cell_free(d, c);
    return e;
}

/* `made` is the password of a user who is given none. */
static enum err add(struct directory *d, struct user_draft *u, const struct directory_act *act, struct slice made,
                    struct directory_fault *fault)
{
    const struct user_cell *was = view_find(d->newest, act->number);
    enum err                e;

    if (was)
        return already_there(was, fault);
    if (d->newest->by_number.n >= DIRECTORY_MAX_USERS) {
        FAULT(fault, "there are %d users already, and no more than that are possible", DIRECTORY_MAX_USERS);
        return ERR_LIMIT;
    }
    if ((e = set_pairs(u, act, fault)) || (e = draft_check_group(u, NULL, fault)) || (e = check_auth_name(d, u, fault)))
        return e;
    if (!draft_is_group(u) && !u->password.n)
        u->password = made;
    if ((e = draft_settle(d, u, NULL, fault)))
        return e;
    return put_user(d, u, act, draft_is_group(u) ? S("group add") : S("user add"), fault);
}

enum err directory_add(struct directory *d, const struct directory_act *act, struct buf *password, struct directory_fault *fault)
{
    struct user_draft u = {.number = act->number, .auth_name = act->number, .made_ms = act->now_ms};
    char              made[DIRECTORY_PASSWORD_LETTERS];
    struct buf        b = BUF_ON(made);
    enum err          e;

    fault->text[0] = '\0';
    if ((e = check_number(act->number, fault)))
        return e;
    pthread_mutex_lock(&d->acting);
    directory_make_password(d->conf.random, &b);
    e = add(d, &u, act, buf_slice(&b), fault);
    pthread_mutex_unlock(&d->acting);
    if (!e && password)
        buf_put(password, u.password);
    explicit_bzero(made, sizeof made);
    return e;
}

enum err directory_set(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    struct user_draft       u = {0};
    const struct user_cell *was;
    enum err                e;

    fault->text[0] = '\0';
    pthread_mutex_lock(&d->acting);
    was = view_find(d->newest, act->number);
    if (!was) {
        e = not_there(act->number, fault);
    } else {
        draft_of(was, &u);
        if (!(e = set_pairs(&u, act, fault)) && !(e = draft_check_group(&u, was, fault)) && !(e = check_auth_name(d, &u, fault)) &&
            !(e = draft_settle(d, &u, was, fault)))
            e = put_user(d, &u, act, draft_is_group(&u) ? S("group set") : S("user set"), fault);
    }
    pthread_mutex_unlock(&d->acting);
    return e;
}

static enum err drop_user(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    const struct user_cell *was = view_find(d->newest, act->number);
    struct directory_view  *v;
    struct store_write     *w;
    enum err                e;

    if (!was)
        return not_there(act->number, fault);
    if ((e = view_make(d, &(struct view_change){.removed = &act->number}, &v)))
        return no_view(e, fault);
    if (!(w = store_begin(d->conf.store, STORE_PROMISE))) {
        view_free(v);
        return no_view(ERR_NOMEM, fault);
    }
    store_delete_user(w, act->number);
    put_audit(w, act, was->u.is_group ? S("group remove") : S("user remove"));
    return carry_out(d, &(struct carried){w, v, act->number, false}, fault);
}

enum err directory_remove(struct directory *d, const struct directory_act *act, struct directory_fault *fault)
{
    enum err e;

    fault->text[0] = '\0';
    pthread_mutex_lock(&d->acting);
    e = drop_user(d, act, fault);
    pthread_mutex_unlock(&d->acting);
    return e;
}

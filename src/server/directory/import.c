/* import.c - many users at once, from CSV and to CSV.
 *
 * Room      server/directory.
 * Import    all rows are read and checked into cells and one write; then one commit and one new view, or nothing.
 * Touches   everything under d->acting.
 * Not here  the grammar of CSV (csv.c), what a field may hold (user.c, keys.c). */
#include <stdio.h>
#include <string.h>

#include "server/directory/directory_priv.h"

#define MAX_COLUMNS 32
#define MAX_FIELD 512

struct told {
    struct told *next;
    struct slice number, password;
};

struct import {
    struct directory        *d;
    struct directory_import *im;
    struct directory_fault  *fault;
    struct store_write      *w;
    struct arena             arena; /* column names, numbers seen, passwords to be told */
    struct slice             rest;
    const char              *at;    /* where the row in hand begins */
    size_t                   line;
    struct slice             columns[MAX_COLUMNS];
    size_t                   n_columns, number_column;
    struct user_cell        *cells;
    size_t                   n_cells;
    struct map               seen;  /* cells of this import by number */
    struct told             *told, **last_told;
};

struct seen {
    struct map_node node;
    struct slice    number;
};

/* Put the line in front of what has been said. */
static enum err at_line(struct import *i, enum err e)
{
    struct directory_fault said = *i->fault;

    FAULT(i->fault, "line %zu: %.280s", i->line, said.text[0] ? said.text : err_text(e));
    return e;
}

/* All fields of the next row. *fields point into `text`. Empty lines are passed over. ERR_NOTFOUND at the end. */
static enum err read_row(struct import *i, struct arena *a, struct slice *fields, size_t *n)
{
    char       text[MAX_FIELD];
    struct buf b = BUF_ON(text);
    bool       last = false;
    enum err   e;

    for (;;) {
        for (const char *p = i->at; p < i->rest.p; p++)
            i->line += *p == '\n';
        i->at = i->rest.p;
        if (i->rest.n == 0)
            return ERR_NOTFOUND;
        if (i->rest.p[0] != '\n' && !slice_starts(i->rest, S("\r\n")))
            break;
        i->rest = slice_from(i->rest, slice_find(i->rest, '\n') + 1);
    }
    for (*n = 0; !last; (*n)++) {
        if (*n == MAX_COLUMNS) {
            FAULT(i->fault, "more than %d columns", MAX_COLUMNS);
            return ERR_LIMIT;
        }
        if ((e = csv_field(&i->rest, &b, &last))) {
            FAULT(i->fault, e == ERR_LIMIT ? "a field is too long" : "a quote is missing, or stands where none may be");
            return e;
        }
        if (arena_dup(a, buf_slice(&b), &fields[*n]))
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static bool is_field(struct slice name)
{
    static const char *const fields[] = {"number", "name", "auth-name", "password", "ha1-md5", "ha1-sha256", "realm"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (slice_eq(name, slice_z(fields[i])))
            return true;
    return false;
}

static enum err read_head(struct import *i)
{
    enum err e;

    if (slice_starts(i->rest, S("\xef\xbb\xbf"))) /* what some programs write before UTF-8 */
        i->rest = slice_from(i->rest, 3);
    i->at = i->rest.p;
    e = read_row(i, &i->arena, i->columns, &i->n_columns);
    if (e == ERR_NOTFOUND) {
        FAULT(i->fault, "the file is empty; its first row has the names of the columns");
        return ERR_SYNTAX;
    }
    if (e)
        return e;
    i->number_column = SIZE_MAX;
    for (size_t k = 0; k < i->n_columns; k++) {
        i->columns[k] = slice_trim(i->columns[k]);
        if (slice_eq(i->columns[k], S("number")))
            i->number_column = k;
        if (!is_field(i->columns[k]) && (e = key_check(i->columns[k], SLICE_NONE, i->fault)))
            return e;
    }
    if (i->number_column == SIZE_MAX) {
        FAULT(i->fault, "no column is called \"number\"");
        return ERR_SYNTAX;
    }
    return ERR_OK;
}

/* Has this number been in an earlier row? Notes that it has now. */
static enum err note_number(struct import *i, struct slice number)
{
    uint64_t     hash = hash_name(&i->d->key, number);
    struct seen *s;

    for (struct map_node *n = map_find(&i->seen, hash); n; n = map_find_next(n))
        if (slice_eq(MAP_OF(n, struct seen, node)->number, number)) {
            FAULT(i->fault, "%.*s stands in the file twice", SARG(number));
            return ERR_EXISTS;
        }
    if (!(s = ARENA_NEW(&i->arena, struct seen)) || arena_dup(&i->arena, number, &s->number))
        return ERR_NOMEM;
    map_insert(&i->seen, &s->node, hash);
    return ERR_OK;
}

/* A new user that came without anything to prove itself by gets a password. */
static enum err give_password(struct import *i, struct user_draft *u)
{
    struct told *t;
    char         text[DIRECTORY_PASSWORD_LETTERS];
    struct buf   b = BUF_ON(text);

    directory_make_password(i->d->conf.random, &b);
    if (!(t = ARENA_NEW(&i->arena, struct told)) || arena_dup(&i->arena, u->number, &t->number) ||
        arena_dup(&i->arena, buf_slice(&b), &t->password))
        return ERR_NOMEM;
    u->password = t->password;
    *i->last_told = t;
    i->last_told = &t->next;
    return ERR_OK;
}

static enum err add_cell(struct import *i, struct user_draft *u)
{
    struct user_cell *c = cell_make(i->d, u);

    if (!c)
        return ERR_NOMEM;
    c->next_garbage = i->cells;
    i->cells = c;
    i->n_cells++;
    store_put_user(i->w, &(struct store_user){c->u.number, c->u.name, c->u.auth_name, c->secrets, c->u.settings, c->u.made_ms});
    return ERR_OK;
}

static enum err take_row(struct import *i, const struct slice *fields, size_t n)
{
    struct slice            number = i->number_column < n ? slice_trim(fields[i->number_column]) : SLICE_NONE;
    struct user_draft       u = {.number = number, .auth_name = number, .made_ms = i->im->now_ms};
    const struct user_cell *was;
    enum err                e;

    if ((e = check_number(number, i->fault)) || (e = note_number(i, number)))
        return e;
    if ((was = view_find(i->d->newest, number)))
        draft_of(was, &u);
    if (n > i->n_columns) {
        FAULT(i->fault, "it has %zu fields, but there are %zu columns", n, i->n_columns);
        return ERR_SYNTAX;
    }
    for (size_t k = 0; k < n; k++)
        if (k != i->number_column && fields[k].n > 0 && (e = draft_set(&u, i->columns[k], fields[k], i->fault)))
            return e;
    if ((e = draft_check_group(&u, was, i->fault)))
        return e;
    if (!was && !draft_is_group(&u) && !u.password.n && !u.given_md5.n && !u.given_sha256.n && (e = give_password(i, &u)))
        return e;
    if ((e = draft_settle(i->d, &u, was, i->fault)))
        return e;
    i->im->added += !was;
    i->im->changed += was != NULL;
    return add_cell(i, &u);
}

static enum err take_rows(struct import *i)
{
    struct slice fields[MAX_COLUMNS];
    struct arena row;
    enum err     e;
    size_t       n;

    arena_init(&row, i->d->conf.mem, 4096, 0);
    while ((e = read_row(i, &row, fields, &n)) == ERR_OK && (e = take_row(i, fields, n)) == ERR_OK)
        arena_reset(&row);
    arena_close(&row);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err check_auth_names(struct import *i, const struct directory_view *v)
{
    for (const struct user_cell *c = i->cells; c; c = c->next_garbage) {
        const struct user_cell *other = view_auth_clash(v, c);

        if (other) {
            FAULT(i->fault, "users %.*s and %.*s would have the same auth-name", SARG(c->u.number), SARG(other->u.number));
            return ERR_EXISTS;
        }
    }
    return ERR_OK;
}

static enum err carry_out_import(struct import *i)
{
    struct directory_view *v;
    struct store_write    *w = i->w;
    char                   text[80];
    struct buf             b = BUF_ON(text);
    enum err               e;

    if (i->d->newest->by_number.n + i->im->added > DIRECTORY_MAX_USERS) {
        FAULT(i->fault, "no more than %d users are possible", DIRECTORY_MAX_USERS);
        return ERR_LIMIT;
    }
    if ((e = view_make(i->d, &(struct view_change){.put = i->cells, .n_put = i->n_cells}, &v)))
        return no_view(e, i->fault);
    if ((e = check_auth_names(i, v))) {
        view_free(v);
        return e;
    }
    buf_put(&b, S("user import: "));
    buf_putu(&b, i->im->added);
    buf_put(&b, S(" added, "));
    buf_putu(&b, i->im->changed);
    buf_put(&b, S(" changed"));
    store_put_audit(w, &(struct store_audit){i->im->now_ms, i->im->who, buf_slice(&b)});
    i->w = NULL; /* the store's from now on */
    return carry_out(i->d, &(struct carried){w, v, SLICE_NONE, false}, i->fault);
}

static enum err import(struct import *i)
{
    enum err e = read_head(i);

    if (!e)
        e = take_rows(i);
    if (e)
        return at_line(i, e);
    return i->n_cells ? carry_out_import(i) : ERR_OK;
}

enum err directory_import(struct directory *d, struct directory_import *im, struct directory_fault *fault)
{
    struct import i = {.d = d, .im = im, .fault = fault, .rest = im->csv, .line = 1};
    enum err      e;

    fault->text[0] = '\0';
    im->added = im->changed = 0;
    if (im->csv.n > DIRECTORY_MAX_IMPORT) {
        FAULT(fault, "the file is larger than %u octets", DIRECTORY_MAX_IMPORT);
        return ERR_LIMIT;
    }
    i.last_told = &i.told;
    arena_init(&i.arena, d->conf.mem, 65536, 0);
    if (map_init(&i.seen, d->conf.mem, 1024))
        return no_view(ERR_NOMEM, fault);
    pthread_mutex_lock(&d->acting);
    i.w = store_begin(d->conf.store, STORE_PROMISE);
    e = i.w ? import(&i) : no_view(ERR_NOMEM, fault);
    for (struct user_cell *c = e ? i.cells : NULL, *next; c; c = next) {
        next = c->next_garbage;
        cell_free(d, c);
    }
    pthread_mutex_unlock(&d->acting);
    store_drop(i.w);
    for (const struct told *t = e || !im->made ? NULL : i.told; t; t = t->next)
        im->made(im->arg, t->number, t->password);
    if (e)
        im->added = im->changed = 0;
    map_close(&i.seen);
    arena_close(&i.arena);
    return e;
}

/* ---- export ---- */
struct export {
    void (*put)(void *arg, struct slice text);
    void *arg;
    bool  secrets;
};

static void put_columns(struct buf *b, bool secrets)
{
    buf_put(b, S("number,name,auth-name"));
    for (size_t i = 0; key_name(i).n; i++)
        buf_puts(b, S(","), key_name(i));
    buf_put(b, secrets ? S(",realm,ha1-md5,ha1-sha256\r\n") : S("\r\n"));
}

static bool export_user(void *arg, const struct directory_user *u)
{
    const struct export *x = arg;
    struct slice         rest = ((const struct user_cell *)u)->secrets, realm, md5;
    char                 row[2 * (DIRECTORY_MAX_NUMBER + DIRECTORY_MAX_NAME + DIRECTORY_MAX_AUTH_NAME + DIRECTORY_MAX_SETTINGS) +
                     DIRECTORY_MAX_SECRETS];
    struct buf           b = BUF_ON(row);

    csv_put_field(&b, u->number);
    buf_putc(&b, ',');
    csv_put_field(&b, u->name);
    buf_putc(&b, ',');
    csv_put_field(&b, u->auth_name);
    for (size_t i = 0; key_name(i).n; i++) {
        buf_putc(&b, ',');
        csv_put_field(&b, directory_setting(u, key_name(i)));
    }
    if (x->secrets) {
        slice_cut(&rest, '\t', &realm);
        slice_cut(&rest, '\t', &md5);
        buf_putc(&b, ',');
        csv_put_field(&b, realm);
        buf_puts(&b, S(","), md5, S(","), slice_trim(rest));
    }
    buf_put(&b, S("\r\n"));
    x->put(x->arg, buf_slice(&b));
    return true;
}

enum err directory_export(const struct directory_view *v, bool secrets, void (*put)(void *arg, struct slice text), void *arg)
{
    struct export x = {put, arg, secrets};
    char          head[1024];
    struct buf    b = BUF_ON(head);

    put_columns(&b, secrets);
    put(arg, buf_slice(&b));
    return directory_each(v, export_user, &x);
}

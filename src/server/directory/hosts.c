/* hosts.c - the names and addresses that the exchange answers to.
 *
 * Room      server/directory.
 * Learned   names (when none is configured) stand in a table that only grows: an entry is written, then counted by a
 *           release store; readers look at what is counted. They are settings of the store: "learned-host.NAME".
 * Touches   d->learned, d->n_learned; name lists. */
#include <string.h>

#include "base/addr.h"
#include "server/directory/directory_priv.h"

#define PREFIX "learned-host."

/* Hosts are compared in this form: lower case, no final dot, addresses as RFC 5952 has them. */
static struct slice canonical(struct slice host, struct buf *b)
{
    struct addr a;

    buf_reset(b);
    if (host.n > 1 && host.p[host.n - 1] == '.')
        host.n--;
    if (addr_parse_ip(host, &a) == ERR_OK)
        addr_put_ip(b, &a);
    else
        buf_put_lower(b, host);
    return buf_slice(b);
}

/* A name that may be kept: what RFC 3261 §25.1 lets stand as a host. */
static bool is_host(struct slice h)
{
    if (h.n == 0 || h.n > DIRECTORY_MAX_HOST)
        return false;
    for (size_t i = 0; i < h.n; i++)
        if (!ascii_is_alnum(h.p[i]) && h.p[i] != '-' && h.p[i] != '.' && h.p[i] != '_' && h.p[i] != ':')
            return false;
    return true;
}

/* ---- configured names ---- */
static enum err copy_names(struct name_list *l, const struct slice *from, size_t n, struct slice **out)
{
    struct slice *list = arena_alloc(&l->arena, (n + 1) * sizeof *list);
    char          text[DIRECTORY_MAX_HOST + 1];
    struct buf    b = BUF_ON(text);

    if (!list)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct slice name = canonical(from[i], &b);

        if (!is_host(name))
            return ERR_SYNTAX;
        if (arena_dup(&l->arena, name, &list[i]))
            return ERR_NOMEM;
    }
    *out = list;
    return ERR_OK;
}

enum err names_make(struct directory *d, const struct directory_conf *conf, struct name_list **out)
{
    struct name_list *l = mem_zalloc(d->conf.mem, sizeof *l);
    enum err          e;

    if (!l)
        return ERR_NOMEM;
    l->mem = d->conf.mem;
    arena_init(&l->arena, l->mem, 1024, 0);
    l->n_domains = conf->n_domains;
    l->n_own = conf->n_own_hosts;
    e = conf->n_domains > DIRECTORY_MAX_DOMAINS ? ERR_LIMIT : copy_names(l, conf->domains, conf->n_domains, &l->domains);
    if (!e)
        e = copy_names(l, conf->own_hosts, conf->n_own_hosts, &l->own);
    if (e)
        names_free(l);
    else
        *out = l;
    return e;
}

void names_free(struct name_list *l)
{
    arena_close(&l->arena);
    mem_free(l->mem, l, sizeof *l);
}

static bool among(const struct slice *list, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(list[i], name))
            return true;
    return false;
}

/* ---- learned names ---- */
static bool is_learned(struct directory *d, struct slice name)
{
    uint32_t n = atomic_load_explicit(&d->n_learned, memory_order_acquire);

    for (uint32_t i = 0; i < n; i++)
        if (slice_eq((struct slice){d->learned[i].text, d->learned[i].n}, name))
            return true;
    return false;
}

static bool is_known(const struct directory_view *v, struct slice name)
{
    const struct name_list *l = v->names;

    return among(l->own, l->n_own, name) || among(l->domains, l->n_domains, name) || (l->n_domains == 0 && is_learned(v->d, name));
}

/* As it is written it mostly is one; only else it is worth while to see how it should be written. */
bool directory_host_is_ours(const struct directory_view *v, struct slice host)
{
    char         text[DIRECTORY_MAX_HOST + 1];
    struct buf   b = BUF_ON(text);
    struct slice name;

    if (host.n && is_known(v, host))
        return true;
    name = canonical(host, &b);
    return name.n && is_known(v, name);
}

bool directory_host_may_be_ours(const struct directory_view *v, struct slice host)
{
    char       text[DIRECTORY_MAX_HOST + 1];
    struct buf b = BUF_ON(text);

    return directory_host_is_ours(v, host) || (v->names->n_domains == 0 && is_host(canonical(host, &b)));
}

/* ERR_EXISTS: another thread was faster. */
static enum err learn(struct directory *d, struct slice name)
{
    enum err e = ERR_OK;
    uint32_t n;

    spin_lock(&d->learning);
    n = atomic_load_explicit(&d->n_learned, memory_order_relaxed);
    if (is_learned(d, name)) {
        e = ERR_EXISTS;
    } else if (n == DIRECTORY_MAX_LEARNED) {
        e = ERR_FULL;
    } else {
        d->learned[n].n = (uint8_t)name.n;
        memcpy(d->learned[n].text, name.p, name.n);
        atomic_store_explicit(&d->n_learned, n + 1, memory_order_release);
    }
    spin_unlock(&d->learning);
    return e;
}

static void store_learned(struct directory *d, struct slice name)
{
    struct store_write *w = store_begin(d->conf.store, STORE_BEHIND);
    char                key[sizeof PREFIX + DIRECTORY_MAX_HOST];
    struct buf          b = BUF_ON(key);

    if (!w)
        return; /* the next phone that registers after a restart teaches it again */
    buf_puts(&b, S(PREFIX), name);
    store_put_setting(w, buf_slice(&b), S("1"));
    store_submit(w, NULL, NULL);
}

enum err directory_learn_host(struct directory *d, struct slice host)
{
    const struct directory_view *v = directory_take(d);
    char                         text[DIRECTORY_MAX_HOST + 1];
    struct buf                   b = BUF_ON(text);
    struct slice                 name;
    enum err                     e = ERR_OK;

    if (!directory_host_is_ours(v, host)) {
        name = canonical(host, &b);
        e = v->names->n_domains > 0 ? ERR_DENIED : !is_host(name) ? ERR_SYNTAX : learn(d, name);
        if (!e)
            store_learned(d, name);
        if (e == ERR_EXISTS)
            e = ERR_OK;
    }
    directory_give(v);
    return e;
}

static bool load_one(void *arg, struct slice key, struct slice value)
{
    struct slice name = slice_from(key, sizeof PREFIX - 1);

    (void)value;
    if (slice_starts(key, S(PREFIX)) && is_host(name))
        (void)learn(arg, name); /* full: the rest is learned again */
    return true;
}

enum err hosts_load(struct directory *d)
{
    return store_each_setting(d->conf.store, load_one, d);
}

/* tls.c - the exchange's certificate for TLS: read, or made once; and what each worker has of it.
 *
 * Room      app/serve.
 * Touches   x->tls, x->certificate; keys/ in the data folder. The key's text is wiped once it has been read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/serve/exchange.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/oserr.h"

enum { MAX_PEM_OCTETS = 512 * 1024, OWN_DAYS = 3650, EARLIER_S = 24 * 3600 /* phones' clocks may be behind */ };

/* A file of one of them, and what stands in it. */
struct pem {
    const char  *setting;
    char         path[OPTIONS_MAX_TEXT + 32];
    struct slice text;
};

struct pems {
    struct arena a;
    struct pem   chain, key, trust;
};

static bool wants_tls(const struct serve_options *o)
{
    for (size_t i = 0; i < o->n_listen; i++)
        if (o->listen[i].kind == TRANSPORT_TLS)
            return true;
    return false;
}

static enum err say(struct exchange_fault *fault, enum err e, const struct pem *p, const char *why)
{
    (void)snprintf(fault->text, sizeof fault->text, "%s: %.400s %s", p->setting, p->path, why);
    return e;
}

/* ---- one of our own making ---- */

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!ascii_is_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '.' && name.p[i] != ':')
            return false;
    return name.n > 0;
}

static void put_name(struct buf *b, struct slice name)
{
    struct addr ip;
    size_t      before = b->n;

    if (!is_plain_name(name))
        return;
    buf_puts(b, before ? S(",") : SLICE_NONE, addr_parse_ip(name, &ip) ? S("DNS:") : S("IP:"), name);
    if (!buf_err(b))
        return;
    b->n = before; /* those that there was room for */
    b->overflow = false;
}

static enum err write_own(struct exchange *x, const struct pems *p, const struct buf *chain, const struct buf *key)
{
    char            print[CERT_MAX_FINGERPRINT];
    struct buf      b = BUF_ON(print);
    struct log_line l;
    enum err        e = file_write(p->key.path, buf_slice(key), 0600);

    if (e || (e = file_write(p->chain.path, buf_slice(chain), 0644)) || (e = cert_put_fingerprint(&b, buf_slice(chain))))
        return e;
    if (!x->log)
        return ERR_OK;
    log_begin(&l, x->log, LOG_WARN, LOG_EVENT("tls.made"), SLICE_NONE);
    log_text(&l, "file", slice_z(p->chain.path));
    log_text(&l, "sha256", buf_slice(&b));
    log_end(&l);
    return ERR_OK;
}

/* Good for every name and address that we know to be ours now. */
static enum err make_own(struct exchange *x, const struct exchange_config *c, const struct pems *p)
{
    char        names[CERT_MAX_NAMES], room[2][CERT_MAX_PEM];
    struct buf  b = {.p = names, .cap = sizeof names - 1}, chain = BUF_ON(room[0]), key = BUF_ON(room[1]);
    struct cert own = {.name = "strowger", .names = names, .from_s = clock_wall_us() / 1000000 - EARLIER_S, .days = OWN_DAYS};
    enum err    e;

    for (size_t i = 0; i < c->options->n_domains; i++)
        put_name(&b, slice_z(c->options->domain[i]));
    for (size_t i = 0; i < c->n_own_hosts; i++)
        put_name(&b, c->own_hosts[i]);
    if (!b.n)
        put_name(&b, S("localhost"));
    names[b.n] = '\0';
    if ((e = cert_make(&own, &chain, &key)) == ERR_OK)
        e = write_own(x, p, &chain, &key);
    explicit_bzero(room, sizeof room);
    return e;
}

/* Both files or none: half of a pair that we made is of no use. */
static enum err find_own(struct exchange *x, const struct exchange_config *c, struct pems *p, struct exchange_fault *fault)
{
    enum err e;

    if ((e = store_path(x->store, S("keys/tls.crt"), p->chain.path, sizeof p->chain.path)) ||
        (e = store_path(x->store, S("keys/tls.key"), p->key.path, sizeof p->key.path)))
        return say(fault, e, &p->chain, err_text(e));
    if (access(p->chain.path, F_OK) == 0 && access(p->key.path, F_OK) == 0)
        return ERR_OK;
    return (e = make_own(x, c, p)) ? say(fault, e, &p->chain, "cannot be made") : ERR_OK;
}

/* ---- what there is ---- */

static enum err read_pem(struct pems *all, struct pem *p, struct exchange_fault *fault)
{
    char       why[160];
    struct buf b = {.p = why, .cap = sizeof why - 1};
    enum err   e;

    if (!p->path[0] || !(e = file_read(p->path, MAX_PEM_OCTETS, &all->a, &p->text)))
        return ERR_OK;
    buf_put(&b, S("cannot be read: "));
    if (e == ERR_LIMIT || e == ERR_INVALID)
        buf_put(&b, S("that is no certificate or key"));
    else
        oserr_put(&b, errno);
    why[b.n] = '\0';
    return say(fault, e, p, why);
}

static enum err find_all(struct exchange *x, const struct exchange_config *c, struct pems *p, struct exchange_fault *fault)
{
    const struct serve_options *o = c->options;
    enum err                    e;

    p->chain.setting = "tls-cert";
    p->key.setting = "tls-key";
    p->trust.setting = "tls-trust";
    (void)snprintf(p->chain.path, sizeof p->chain.path, "%s", o->tls_cert);
    (void)snprintf(p->key.path, sizeof p->key.path, "%s", o->tls_key);
    (void)snprintf(p->trust.path, sizeof p->trust.path, "%s", o->tls_trust);
    if (!o->tls_cert[0] && (e = find_own(x, c, p, fault)))
        return e;
    if ((e = read_pem(p, &p->chain, fault)) || (e = read_pem(p, &p->key, fault)))
        return e;
    return read_pem(p, &p->trust, fault);
}

static enum err say_wrong(struct exchange_fault *fault, enum err e, const struct pems *p, enum net_tls_part wrong)
{
    switch (e == ERR_NOMEM ? NET_TLS_CHAIN : wrong) {
    case NET_TLS_PAIR:
        return say(fault, e, &p->key, "is not the key of that certificate");
    case NET_TLS_KEY:
        return say(fault, e, &p->key, "holds no private key in PEM (one with a password cannot be used)");
    case NET_TLS_TRUST:
        return say(fault, e, &p->trust, "holds no certificate in PEM");
    case NET_TLS_CHAIN:
    default:
        return say(fault, e, &p->chain, e == ERR_NOMEM ? "cannot be used: out of memory" : "holds no certificate in PEM that can be used");
    }
}

/* On the worker's thread. */
static void on_failed(void *arg, const struct addr *remote, struct slice why)
{
    struct log_line l;

    if (!arg)
        return;
    log_begin(&l, arg, LOG_INFO, LOG_EVENT("tls.failed"), SLICE_NONE);
    log_addr(&l, "from", remote);
    log_text(&l, "why", why);
    log_end(&l);
}

/* What it had may be there already: then it is replaced, for new connections. */
static enum err use_all(struct exchange *x, const struct exchange_config *c, const struct pems *p, struct exchange_fault *fault)
{
    struct net_tls_config tc = {.chain = p->chain.text, .key = p->key.text, .trust = p->trust.text, .failed = on_failed, .arg = x->log};
    char                  print[CERT_MAX_FINGERPRINT];
    struct buf            b = {.p = print, .cap = sizeof print - 1};
    enum net_tls_part     wrong;
    enum err              e = ERR_OK;

    for (unsigned i = 0; i < x->n_workers && !e; i++)
        e = x->tls[i] ? net_tls_renew(x->net[i], x->tls[i], &tc, &wrong) : net_tls_open(x->net[i], &tc, &wrong, &x->tls[i]);
    if (e)
        return say_wrong(fault, e, p, wrong);
    (void)snprintf(x->certificate.path, sizeof x->certificate.path, "%s", p->chain.path);
    x->certificate.own = !c->options->tls_cert[0];
    (void)cert_put_fingerprint(&b, p->chain.text); /* it has just been read by the same library */
    (void)snprintf(x->certificate.fingerprint, sizeof x->certificate.fingerprint, "%.*s", SARG(buf_slice(&b)));
    return ERR_OK;
}

static enum err read_and_use(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    struct pems p = {.chain.path = ""};
    enum err    e;

    arena_init(&p.a, x->mem, 16 * 1024, 4 * MAX_PEM_OCTETS);
    if ((e = find_all(x, c, &p, fault)) == ERR_OK)
        e = use_all(x, c, &p, fault);
    if (p.key.text.n)
        explicit_bzero((void *)(size_t)p.key.text.p, p.key.text.n);
    arena_close(&p.a);
    return e;
}

enum err exchange_tls_open(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    return wants_tls(c->options) ? read_and_use(x, c, fault) : ERR_OK;
}

enum err exchange_tls_renew(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    return x->tls[0] ? read_and_use(x, c, fault) : ERR_OK;
}

void exchange_tls_close(struct exchange *x)
{
    for (unsigned i = 0; i < x->n_workers; i++)
        if (x->tls[i])
            net_tls_close(x->net[i], x->tls[i]);
}

/* options.c - the command line of `strowger load`.
 *
 * Room      app/load.
 * Touches   *o and *fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/load/options.h"
#include "base/near.h"

struct option {
    const char *name, *value, *what; /* value NULL: it takes none */
    enum err (*set)(struct load_options *o, struct slice v);
};

static const struct {
    const char *name, *what;
} kinds[LOAD_KINDS] = {
    [LOAD_CALLS] = {"calls", "INVITE, 180, 200, ACK, the call, BYE"},
    [LOAD_TRANSFERS] = {"transfers", "such calls that the callee transfers to a third phone, without consultation"},
    [LOAD_REGISTER] = {"register", "REGISTERs of phones that the server has not challenged yet"},
    [LOAD_REFRESH] = {"refresh", "REGISTERs of phones that are registered, with the nonce that they have"},
    [LOAD_WITHIN] = {"within", "INFO and its 200 within calls that are up"},
    [LOAD_SUBSCRIBE] = {"subscribe", "SUBSCRIBE for another number's calls, 200, NOTIFY; and after --hold its end, likewise"},
};

const char *load_kind_name(enum load_kind kind)
{
    return kinds[kind].name;
}

static enum err bounded(struct slice v, uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t n;

    if (slice_u64(v, max, &n) || n < min)
        return ERR_SYNTAX;
    *out = (uint32_t)n;
    return ERR_OK;
}

static enum err milliseconds(struct slice v, uint32_t max, uint32_t *out)
{
    struct slice whole;
    uint64_t     s = 0, part = 0;

    if (slice_cut(&v, '.', &whole) && (v.n == 0 || v.n > 3 || slice_u64(v, 999, &part)))
        return ERR_SYNTAX;
    for (size_t i = v.n; part && i < 3; i++)
        part *= 10;
    if (slice_u64(whole, LOAD_MAX_SECONDS, &s) || s * 1000 + part > max)
        return ERR_SYNTAX;
    *out = (uint32_t)(s * 1000 + part);
    return ERR_OK;
}

static enum err set_server(struct load_options *o, struct slice v)
{
    o->server = v;
    return addr_parse(v, &o->to) ? ERR_SYNTAX : ERR_OK;
}

static enum err set_domain(struct load_options *o, struct slice v)
{
    o->domain = v;
    return v.n && slice_find_any(v, S(" <>@;?/")) == SIZE_MAX ? ERR_OK : ERR_SYNTAX;
}

static enum err set_users(struct load_options *o, struct slice v)
{
    struct slice from;
    uint64_t     last;

    if (!slice_cut(&v, '-', &from) || slice_u64(from, UINT32_MAX, &o->first_user) || slice_u64(v, UINT32_MAX, &last))
        return ERR_SYNTAX;
    if (last < o->first_user || last - o->first_user >= LOAD_MAX_PHONES || from.n != v.n)
        return ERR_SYNTAX;
    if (from.n > 1 && from.p[0] == '0') /* the phones are numbers, and would be called 100 instead of 0100 */
        return ERR_SYNTAX;
    o->n_users = (uint32_t)(last - o->first_user + 1);
    return ERR_OK;
}

static enum err set_password(struct load_options *o, struct slice v)
{
    o->password = v;
    return ERR_OK;
}

static enum err set_rate(struct load_options *o, struct slice v)
{
    struct slice from;

    if (slice_cut(&v, '-', &from))
        return bounded(from, 1, LOAD_MAX_RATE, &o->rate) || bounded(v, 1, LOAD_MAX_RATE, &o->ramp_to) ? ERR_SYNTAX : ERR_OK;
    return bounded(from, 1, LOAD_MAX_RATE, &o->rate);
}

static enum err set_for(struct load_options *o, struct slice v)
{
    return bounded(v, 1, LOAD_MAX_SECONDS, &o->seconds);
}

static enum err set_hold(struct load_options *o, struct slice v)
{
    return milliseconds(v, LOAD_MAX_HOLD_MS, &o->hold_ms);
}

static enum err set_ring(struct load_options *o, struct slice v)
{
    return milliseconds(v, LOAD_MAX_HOLD_MS, &o->ring_ms);
}

static enum err set_held(struct load_options *o, struct slice v)
{
    return bounded(v, 1, LOAD_MAX_PHONES, &o->held);
}

static enum err set_drain(struct load_options *o, struct slice v)
{
    return bounded(v, 1, LOAD_MAX_SECONDS, &o->drain_s);
}

static enum err set_expires(struct load_options *o, struct slice v)
{
    return bounded(v, 1, 7 * 24 * 3600, &o->expires_s);
}

static enum err set_transport(struct load_options *o, struct slice v)
{
    return transport_kind_find(v, &o->transport) || o->transport > TRANSPORT_TLS ? ERR_SYNTAX : ERR_OK;
}

static enum err set_tls_trust(struct load_options *o, struct slice v)
{
    o->tls_trust = v;
    return v.n ? ERR_OK : ERR_SYNTAX;
}

static enum err set_tls_insecure(struct load_options *o, struct slice v)
{
    (void)v;
    o->tls_insecure = true;
    return ERR_OK;
}

static enum err set_local(struct load_options *o, struct slice v)
{
    struct slice one;

    o->n_local = 0;
    while (v.n) {
        slice_cut(&v, ',', &one);
        if (o->n_local == LOAD_MAX_ADDRESSES || addr_parse(one, &o->local[o->n_local]) || addr_is_any(&o->local[o->n_local]))
            return ERR_SYNTAX;
        o->n_local++;
    }
    return o->n_local ? ERR_OK : ERR_SYNTAX;
}

static enum err set_pid(struct load_options *o, struct slice v)
{
    struct slice one;
    uint32_t     pid;

    o->n_pids = 0;
    while (v.n) {
        slice_cut(&v, ',', &one);
        if (o->n_pids == LOAD_MAX_PIDS || bounded(one, 1, INT32_MAX, &pid))
            return ERR_SYNTAX;
        o->pid[o->n_pids++] = (long)pid;
    }
    return o->n_pids ? ERR_OK : ERR_SYNTAX;
}

static enum err set_relay(struct load_options *o, struct slice v)
{
    (void)v;
    o->relay = true;
    return ERR_OK;
}

static enum err set_json(struct load_options *o, struct slice v)
{
    (void)v;
    o->json = true;
    return ERR_OK;
}

static enum err set_help(struct load_options *o, struct slice v)
{
    (void)v;
    o->help = true;
    return ERR_OK;
}

static const struct option options[] = {
    {"--server", "ADDRESS[:PORT]", "the exchange or proxy that is to carry it", set_server},
    {"--users", "FIRST-LAST", "the numbers of the phones: 1000-1999, as many digits in both", set_users},
    {"--password", "TEXT", "of all of them, for servers that challenge", set_password},
    {"--domain", "NAME", "theirs; without it the server's address", set_domain},
    {"--rate", "N[-M]", "how many begin each second; N-M: rising evenly from N to M (default 100)", set_rate},
    {"--for", "SECONDS", "how long work is begun (default 10)", set_for},
    {"--hold", "SECONDS", "how long a call or subscription lasts (default 1)", set_hold},
    {"--ring", "SECONDS", "how long it rings before (default 0)", set_ring},
    {"--held", "N", "within: how many calls are up (default 100)", set_held},
    {"--drain", "SECONDS", "how long it waits for what has not ended by itself; then that has failed (default 40)", set_drain},
    {"--expires", "SECONDS", "what a REGISTER or SUBSCRIBE asks for (default 3600)", set_expires},
    {"--transport", "udp|tcp|tls", "(default udp)", set_transport},
    {"--tls-trust", "FILE", "certificates (PEM) of servers that it trusts, or of who vouches for them (default: the system's)", set_tls_trust},
    {"--tls-insecure", NULL, "take any certificate, whoever the server is", set_tls_insecure},
    {"--local", "ADDRESS,...", "the phones' own addresses, up to 32, which they share out evenly (default 127.0.0.1)", set_local},
    {"--relay", NULL, "the server only passes on what comes, between two --local addresses", set_relay},
    {"--pid", "PID,...", "of the server, on this machine: its CPU time is told", set_pid},
    {"--json", NULL, "one line of JSON at the end, and no progress", set_json},
    {"--help", NULL, "this", set_help},
};
#define N_OPTIONS (sizeof options / sizeof options[0])

void load_options_help(void)
{
    puts("usage: strowger load KIND --server ADDRESS[:PORT] --users FIRST-LAST [OPTION...]\n\n"
         "Many phones at once, at a rate that does not wait for the server. KIND is\n");
    for (size_t i = 0; i < LOAD_KINDS; i++)
        printf("  %-10s %s\n", kinds[i].name, kinds[i].what);
    puts("");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        char left[64];

        (void)snprintf(left, sizeof left, "%s%s%s", options[i].name, options[i].value ? " " : "",
                       options[i].value ? options[i].value : "");
        printf("  %-24s %s\n", left, options[i].what);
    }
    puts("\nThe numbers must be users of the server. Ends with 1 when anything failed, or when this program was itself the\n"
         "limit: then its figures say nothing about the server.");
}

static enum err unknown(const char *kind, struct slice word, struct slice best, struct load_fault *fault)
{
    (void)snprintf(fault->text, sizeof fault->text, "there is no %s '%.*s'%s%.*s%s", kind, SARG(word),
                   best.n ? "; did you mean '" : "", (int)best.n, best.n ? best.p : "", best.n ? "'?" : "");
    return ERR_INVALID;
}

static enum err read_kind(struct load_options *o, struct slice word, struct load_fault *fault)
{
    struct near near = near_to(word);

    for (size_t i = 0; i < LOAD_KINDS; i++) {
        near_offer(&near, slice_z(kinds[i].name));
        if (slice_eq(word, slice_z(kinds[i].name))) {
            o->kind = (enum load_kind)i;
            return ERR_OK;
        }
    }
    return unknown("kind of load", word, near.best, fault);
}

static const struct option *find(struct slice name, struct load_fault *fault)
{
    struct near near = near_to(name);

    for (size_t i = 0; i < N_OPTIONS; i++) {
        near_offer(&near, slice_z(options[i].name));
        if (slice_eq(name, slice_z(options[i].name)))
            return &options[i];
    }
    (void)unknown("option", name, near.best, fault);
    return NULL;
}

/* One option at argv[*i]; its value behind '=' or in the next word. */
static enum err read_one(struct load_options *o, int argc, char **argv, int *i, struct load_fault *fault)
{
    struct slice         value = slice_z(argv[*i]), name;
    bool                 joined = slice_cut(&value, '=', &name);
    const struct option *option = find(name, fault);

    if (!option)
        return ERR_INVALID;
    if (option->value && !joined) {
        if (*i + 1 >= argc) {
            (void)snprintf(fault->text, sizeof fault->text, "%s takes %s", option->name, option->value);
            return ERR_INVALID;
        }
        value = slice_z(argv[++*i]);
    }
    if ((joined && !option->value) || option->set(o, value)) {
        (void)snprintf(fault->text, sizeof fault->text, "%s takes %s, not '%.*s'", option->name,
                       option->value ? option->value : "no value", SARG(value));
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err check(const struct load_options *o, struct load_fault *fault)
{
    const char *what = NULL;

    if (!o->server.n)
        what = "--server is missing: which server is to carry it, such as --server 127.0.0.1:5060";
    else if (!o->n_users)
        what = "--users is missing: which numbers the phones have, such as --users 1000-1999";
    else if ((o->kind == LOAD_CALLS || o->kind == LOAD_SUBSCRIBE) && o->n_users < 2)
        what = "that takes two phones at least: --users";
    else if (o->kind == LOAD_TRANSFERS && o->n_users < 3)
        what = "a transferred call takes three phones at least: --users";
    else if (o->relay && o->kind != LOAD_CALLS && o->kind != LOAD_WITHIN)
        what = "--relay is for calls and within: the others need a server that knows where phones are";
    else if (o->relay && (o->n_local != 2 || o->n_users % 2 || o->transport != TRANSPORT_UDP))
        what = "--relay takes two addresses in --local, an even number of users (callers at one, callees at the other), and UDP";
    if (!what)
        return ERR_OK;
    (void)snprintf(fault->text, sizeof fault->text, "%s", what);
    return ERR_INVALID;
}

enum err load_options_read(struct load_options *o, int argc, char **argv, struct load_fault *fault)
{
    enum err e = ERR_OK;

    *o = (struct load_options){.rate = 100, .seconds = 10, .hold_ms = 1000, .held = 100, .drain_s = 40, .expires_s = 3600, .n_local = 1};
    (void)addr_parse(S("127.0.0.1"), &o->local[0]);
    if (argc < 2) {
        (void)snprintf(fault->text, sizeof fault->text, "which kind of load? calls, transfers, register, refresh, within or subscribe");
        return ERR_INVALID;
    }
    if (argv[1][0] != '-')
        e = read_kind(o, slice_z(argv[1]), fault);
    for (int i = argv[1][0] == '-' ? 1 : 2; i < argc && !e; i++)
        e = read_one(o, argc, argv, &i, fault);
    if (e || o->help)
        return e;
    if (!o->to.port)
        o->to.port = transport_default_port(o->transport);
    if (argv[1][0] == '-') {
        (void)snprintf(fault->text, sizeof fault->text, "the kind of load comes first, as in: strowger load calls --server ...");
        return ERR_INVALID;
    }
    return check(o, fault);
}

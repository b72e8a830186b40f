/* options.c - the settings of `strowger serve`, one table for command line and configuration file.
 *
 * Room      app/serve.
 * Touches   *o and *fault. */
#include "app/serve/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/near.h"

struct setting {
    const char *key;
    const char *value;  /* how it is written, for messages */
    const char *what;
    enum err (*set)(struct serve_options *o, struct slice v);
};

static enum err copy(char *to, size_t cap, struct slice v)
{
    if (v.n == 0 || v.n >= cap)
        return ERR_INVALID;
    memcpy(to, v.p, v.n);
    to[v.n] = '\0';
    return ERR_OK;
}

static enum err set_data(struct serve_options *o, struct slice v)
{
    return copy(o->data, sizeof o->data, v);
}

/* udp:ADDR:PORT, tcp: or tls:; IPv6 in brackets; the port may be left out. */
static enum err set_listen(struct serve_options *o, struct slice v)
{
    struct transport_listen l = {0};
    struct slice            kind;
    bool                    has_port;

    if (!slice_cut(&v, ':', &kind) || transport_kind_find(kind, &l.kind) || l.kind > TRANSPORT_TLS)
        return ERR_INVALID;
    has_port = v.n && v.p[0] == '[' ? slice_find_slice(v, S("]:")) != SIZE_MAX : slice_find(v, ':') != SIZE_MAX;
    if (addr_parse(v, &l.local))
        return ERR_INVALID;
    if (!has_port)
        l.local.port = transport_default_port(l.kind);
    if (o->default_listen || o->listen_anew)
        o->n_listen = 0;
    o->default_listen = o->listen_anew = false;
    if (o->n_listen == OPTIONS_MAX_LISTEN)
        return ERR_LIMIT;
    o->listen[o->n_listen++] = l;
    return ERR_OK;
}

static enum err set_domain(struct serve_options *o, struct slice v)
{
    if (o->domain_anew)
        o->n_domains = 0;
    o->domain_anew = false;
    if (o->n_domains == DIRECTORY_MAX_DOMAINS)
        return ERR_LIMIT;
    if (slice_find_any(v, S(" \t/@:")) != SIZE_MAX || copy(o->domain[o->n_domains], sizeof o->domain[0], v))
        return ERR_INVALID;
    o->n_domains++;
    return ERR_OK;
}

static enum err set_realm(struct serve_options *o, struct slice v)
{
    return slice_find_any(v, S("\"\\\r\n")) != SIZE_MAX ? ERR_INVALID : copy(o->realm, sizeof o->realm, v);
}

static enum err set_workers(struct serve_options *o, struct slice v)
{
    uint64_t n;

    if (slice_u64(v, OPTIONS_MAX_WORKERS, &n) || n == 0)
        return ERR_INVALID;
    o->workers = (unsigned)n;
    return ERR_OK;
}

static enum err set_auth(struct serve_options *o, struct slice v)
{
    o->open_house = slice_eq(v, S("none"));
    return o->open_house || slice_eq(v, S("digest")) ? ERR_OK : ERR_INVALID;
}

static enum err set_digest(struct serve_options *o, struct slice v)
{
    static const struct {
        const char           *name;
        enum directory_digest digest;
    } names[] = {{"auto", DIRECTORY_DIGEST_AUTO},
                 {"md5", DIRECTORY_DIGEST_MD5},
                 {"sha-256", DIRECTORY_DIGEST_SHA256},
                 {"both", DIRECTORY_DIGEST_BOTH}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_eq(v, slice_z(names[i].name))) {
            o->digest = names[i].digest;
            return ERR_OK;
        }
    return ERR_INVALID;
}

static enum err set_min(struct serve_options *o, struct slice v)
{
    return slice_u32(v, &o->register_min_s) || o->register_min_s == 0 ? ERR_INVALID : ERR_OK;
}

static enum err set_max(struct serve_options *o, struct slice v)
{
    return slice_u32(v, &o->register_max_s) || o->register_max_s == 0 ? ERR_INVALID : ERR_OK;
}

static enum err set_relay(struct serve_options *o, struct slice v)
{
    o->may_relay = slice_eq(v, S("yes"));
    return o->may_relay || slice_eq(v, S("no")) ? ERR_OK : ERR_INVALID;
}

static enum err set_transfer(struct serve_options *o, struct slice v)
{
    return dialogs_mode_find(v, &o->transfer);
}

/* "20000-29999": RTP and RTCP of one call take two. */
static enum err set_media_ports(struct serve_options *o, struct slice v)
{
    struct slice to = v, from;
    uint16_t     min, max;

    if (!slice_cut(&to, '-', &from) || slice_u16(from, &min) || slice_u16(to, &max) || min < 1024 || max <= min)
        return ERR_INVALID;
    o->media_port_min = min;
    o->media_port_max = max;
    return ERR_OK;
}

static enum err set_music(struct serve_options *o, struct slice v)
{
    return copy(o->music, sizeof o->music, v);
}

static enum err set_recall(struct serve_options *o, struct slice v)
{
    uint64_t n;

    if (slice_u64(v, 24 * 3600, &n))
        return ERR_INVALID;
    o->recall_s = (uint32_t)n;
    return ERR_OK;
}

/* RFC 4028 §4: no session is shorter. */
enum { SESSION_LEAST_S = 90, SESSION_MOST_S = 24 * 3600 };

static enum err read_session(struct slice v, uint32_t *out)
{
    uint64_t n;

    if (slice_u64(v, SESSION_MOST_S, &n) || n < SESSION_LEAST_S)
        return ERR_INVALID;
    *out = (uint32_t)n;
    return ERR_OK;
}

static enum err set_session(struct serve_options *o, struct slice v)
{
    if (slice_eq(v, S("0"))) {
        o->session_s = 0;
        return ERR_OK;
    }
    return read_session(v, &o->session_s);
}

static enum err set_session_min(struct serve_options *o, struct slice v)
{
    return read_session(v, &o->session_min_s);
}

static enum err set_number(struct serve_options *o, struct slice v)
{
    return voice_numbers_set(&o->numbers, v) ? ERR_INVALID : ERR_OK;
}

static enum err set_code(struct serve_options *o, struct slice v)
{
    return plan_codes_set(&o->codes, v) ? ERR_INVALID : ERR_OK;
}

static enum err set_emergency(struct serve_options *o, struct slice v)
{
    for (size_t i = 0; i < v.n; i++)
        if (!ascii_is_digit(v.p[i]) && (v.p[i] != ',' || i == 0 || i + 1 == v.n || v.p[i - 1] == ','))
            return ERR_INVALID;
    return copy(o->emergency, sizeof o->emergency, v);
}

static enum err set_log(struct serve_options *o, struct slice v)
{
    return log_level_find(v, &o->log_level) ? ERR_INVALID : ERR_OK;
}

static enum err set_tls_cert(struct serve_options *o, struct slice v)
{
    return copy(o->tls_cert, sizeof o->tls_cert, v);
}

static enum err set_tls_key(struct serve_options *o, struct slice v)
{
    return copy(o->tls_key, sizeof o->tls_key, v);
}

static enum err set_tls_trust(struct serve_options *o, struct slice v)
{
    return copy(o->tls_trust, sizeof o->tls_trust, v);
}

static enum err set_config(struct serve_options *o, struct slice v)
{
    return copy(o->config, sizeof o->config, v);
}

static const struct setting settings[] = {
    {"data", "FOLDER", "everything that must last is kept here", set_data},
    {"listen", "udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT", "where to listen (repeatable); default: everywhere, 5060", set_listen},
    {"domain", "NAME", "what it is responsible for beside its own addresses (repeatable)", set_domain},
    {"realm", "NAME", "shown in challenges; passwords are stored for it (default: strowger)", set_realm},
    {"workers", "a number from 1 to 64", "threads that carry calls (default: one a core)", set_workers},
    {"auth", "digest or none", "none: anyone may be any number; on loopback only, for laboratories", set_auth},
    {"digest", "auto, md5, sha-256 or both", "what challenges offer (default: auto)", set_digest},
    {"register-min", "seconds", "shortest registration (default: 60)", set_min},
    {"register-max", "seconds", "longest registration (default: 7200)", set_max},
    {"relay", "yes or no", "may users call other domains (default: no)", set_relay},
    {"transfer", "accept, relay or execute", "transfers, unless the user's own setting says else (default: accept)", set_transfer},
    {"media-ports", "MIN-MAX", "ports for the exchange's own sound (default: 20000-29999)", set_media_ports},
    {"music", "FILE.wav", "what who waits is played (default: a tune of our own)", set_music},
    {"park-recall", "seconds", "then a parked call rings at who parked it (default: 120; 0: never)", set_recall},
    {"session-timer", "seconds, 90 or more; 0: none", "calls are to be refreshed so often, or end (default: 0)", set_session},
    {"session-min", "seconds, 90 or more", "shortest that a phone may ask for, with session-timer (default: 90)", set_session_min},
    {"number", "APP=NUMBER, also 8xx or 701-709", "where an extension of the exchange is reached: music=*65 (repeatable)", set_number},
    {"code", "NAME=CODE, such as pickup=*8, of digits, * and # and no other's", "what phones dial for a feature (repeatable): doc/features.md",
     set_code},
    {"emergency", "numbers with commas between", "numbers that are refused to nobody (default: " DIRECTORY_EMERGENCY ")", set_emergency},
    {"tls-cert", "FILE.pem", "certificate for tls, with those that vouch for it (default: one of its own making)", set_tls_cert},
    {"tls-key", "FILE.pem", "the key of that certificate", set_tls_key},
    {"tls-trust", "FILE.pem", "who vouches for servers that it calls by tls (default: whom the system trusts)", set_tls_trust},
    {"log", "error, warn, info or debug", "how much is logged, on standard error (default: warn)", set_log},
    {"config", "FILE", "a file of KEY = VALUE lines with these keys", set_config},
};
#define N_SETTINGS (sizeof settings / sizeof settings[0])

/* The setting that was probably meant, or else all there are. */
static void fault_unknown(struct options_fault *fault, const char *key)
{
    struct near near = near_to(slice_z(key));
    struct buf  b = {.p = fault->text, .cap = sizeof fault->text - 1};

    for (size_t i = 0; i < N_SETTINGS; i++)
        near_offer(&near, slice_z(settings[i].key));
    buf_put(&b, S("there is no setting '"));
    buf_put_escaped(&b, slice_to(slice_z(key), 100));
    buf_put(&b, S("'; "));
    if (near.best.n)
        buf_puts(&b, S("did you mean '"), near.best, S("'?"));
    else
        buf_put(&b, S("there are "));
    for (size_t i = 0; !near.best.n && i < N_SETTINGS; i++)
        buf_puts(&b, i ? S(", ") : SLICE_NONE, slice_z(settings[i].key));
    fault->text[b.n] = '\0';
}

static const struct setting *find_setting(const char *key, struct options_fault *fault)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    fault_unknown(fault, key);
    return NULL;
}

enum err serve_options_set(struct serve_options *o, const char *key, const char *value, struct options_fault *fault)
{
    const struct setting *s = find_setting(key, fault);
    enum err              e;

    if (!s)
        return ERR_NOTFOUND;
    if ((e = s->set(o, slice_z(value))))
        snprintf(fault->text, sizeof fault->text, "%s: '%s' will not do%s, %s was expected", key, value,
                 e == ERR_LIMIT ? " (too many)" : "", s->value);
    return e;
}

static void set_defaults(struct serve_options *o)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    memset(o, 0, sizeof *o);
    if (xdg && xdg[0])
        snprintf(o->data, sizeof o->data, "%s/strowger", xdg);
    else if (home && home[0])
        snprintf(o->data, sizeof o->data, "%s/.local/share/strowger", home);
    snprintf(o->realm, sizeof o->realm, "strowger");
    o->log_level = LOG_WARN;
    o->transfer = DIALOG_MODE_ACCEPT;
    voice_numbers_default(&o->numbers);
    o->recall_s = VOICE_RECALL_S;
    o->session_min_s = SESSION_LEAST_S;
    plan_codes_default(&o->codes);
    o->default_listen = true;
    for (int kind = TRANSPORT_UDP; kind <= TRANSPORT_TCP; kind++)
        for (int v6 = 0; v6 < 2; v6++)
            o->listen[o->n_listen++] = (struct transport_listen){
                .kind = (enum transport_kind)kind, .local = {.family = v6 ? ADDR_IP6 : ADDR_IP4, .port = 5060}};
}

/* `--key value` or `--key=value`. Returns how many words were used; 0: fault. */
static int read_word(struct serve_options *o, char **argv, bool only_config, struct options_fault *fault)
{
    char  key[64];
    char *eq = strchr(argv[0], '=');
    char *value = eq ? eq + 1 : argv[1];
    int   used = eq ? 1 : 2;

    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        o->help = true;
        return 1;
    }
    if (strncmp(argv[0], "--", 2) != 0) {
        snprintf(fault->text, sizeof fault->text, "'%s' was not expected: options begin with --", argv[0]);
        return 0;
    }
    snprintf(key, sizeof key, "%.*s", (int)(eq ? eq - argv[0] - 2 : 60), argv[0] + 2);
    if (!value) {
        const struct setting *s = find_setting(key, fault);

        if (s)
            snprintf(fault->text, sizeof fault->text, "--%s needs a value: %s", key, s->value);
        return 0;
    }
    if (only_config == (strcmp(key, "config") == 0) && serve_options_set(o, key, value, fault))
        return 0;
    return used;
}

enum err serve_options_read(struct serve_options *o, int argc, char **argv, struct options_fault *fault)
{
    enum err e;

    set_defaults(o);
    /* First the file, so that the command line wins. */
    for (int pass = 0; pass < 2; pass++) {
        o->listen_anew = o->domain_anew = true;
        for (int i = 1, used; i < argc; i += used)
            if ((used = read_word(o, argv + i, pass == 0, fault)) == 0)
                return ERR_INVALID;
        if (pass == 0 && o->config[0] && (e = serve_options_read_file(o, o->config, fault)))
            return e;
    }
    if (!o->data[0] && !o->help) {
        snprintf(fault->text, sizeof fault->text, "neither HOME nor XDG_DATA_HOME is set: --data must say where the data goes");
        return ERR_INVALID;
    }
    if (o->register_min_s && o->register_max_s && o->register_min_s > o->register_max_s) {
        snprintf(fault->text, sizeof fault->text, "register-min is larger than register-max");
        return ERR_INVALID;
    }
    if (o->session_s && o->session_min_s > o->session_s) {
        snprintf(fault->text, sizeof fault->text, "session-min is larger than session-timer");
        return ERR_INVALID;
    }
    if (!o->tls_cert[0] != !o->tls_key[0]) {
        snprintf(fault->text, sizeof fault->text, "%s is said without %s: a certificate and its key belong together",
                 o->tls_cert[0] ? "tls-cert" : "tls-key", o->tls_cert[0] ? "tls-key" : "tls-cert");
        return ERR_INVALID;
    }
    for (size_t i = 0; o->open_house && i < o->n_listen; i++)
        if (!addr_is_loopback(&o->listen[i].local)) {
            snprintf(fault->text, sizeof fault->text,
                     "auth none lets anyone be any number, so it is for loopback addresses only: give --listen "
                     "udp:127.0.0.1:5060, or use --auth digest");
            return ERR_INVALID;
        }
    return ERR_OK;
}

void serve_options_help(void)
{
    puts("usage: strowger serve [OPTION...]\n\nThe exchange. Without options it listens everywhere on port 5060 and keeps its "
         "data in\n$XDG_DATA_HOME/strowger (~/.local/share/strowger).\n");
    for (size_t i = 0; i < N_SETTINGS; i++)
        printf("  --%-13s %s\n  %-15s   (%s)\n", settings[i].key, settings[i].what, "", settings[i].value);
    puts("\nSIGTERM ends it in order; SIGHUP reads the configuration file again (domains, log) and the certificate.");
}

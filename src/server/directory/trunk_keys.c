/* trunk_keys.c - which settings a trunk has, what they may hold, and what they make of it.
 *
 * Room      server/directory. A new setting is a line in this table, and one in trunks_read().
 * Touches   the fault and the trunk it is given. */
#include <stdio.h>

#include "base/near.h"
#include "server/directory/directory_priv.h"
#include "sip/uri/uri.h"

#define PREFERENCE 100 /* unless set */
#define QUALIFY_S 30

struct key {
    const char *name;
    bool (*fits)(struct slice value);
    const char *what; /* it is */
};

static bool is_server(struct slice value)
{
    struct slice transport;
    struct uri   u;

    if (uri_parse(value, &u, NULL) || u.scheme != URI_SIP || !u.host.n || u.user.n || u.headers.n)
        return false;
    return uri_param(&u, S("transport"), &transport) || slice_ieq(transport, S("udp")) || slice_ieq(transport, S("tcp")) ||
           slice_ieq(transport, S("tls"));
}

static bool is_switch(struct slice value)
{
    return key_one_of(value, S("on|off"));
}

static bool is_word(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] == 0x7f || slice_find(S("<>\"\\@,;"), value.p[i]) != SIZE_MAX)
            return false;
    return value.n <= DIRECTORY_MAX_NUMBER;
}

static bool is_domain(struct slice value)
{
    struct uri_hostport hp;
    struct slice        rest;

    return value.n <= DIRECTORY_MAX_HOST && uri_parse_hostport(value, &hp, &rest) == ERR_OK && rest.n == 0 && !hp.port;
}

static bool are_rules(struct slice value)
{
    struct slice at;

    return plan_dial_check(value, &at) == ERR_OK;
}

static bool is_source(struct slice text, struct directory_source *out)
{
    struct slice rest = text, host, bits;
    uint64_t     n;

    if (slice_find(text, '/') == SIZE_MAX) {
        if (addr_parse(text, &out->addr))
            return false;
        out->bits = out->addr.family == ADDR_IP4 ? 32 : 128;
        return true;
    }
    slice_cut(&rest, '/', &host);
    bits = rest;
    if (addr_parse_ip(host, &out->addr) || slice_u64(bits, out->addr.family == ADDR_IP4 ? 32 : 128, &n))
        return false;
    out->bits = (uint8_t)n;
    return true;
}

static bool are_sources(struct slice value)
{
    struct directory_source s;
    struct slice            one;
    size_t                  n = 0;

    for (bool more = true; more; n++) {
        more = slice_cut(&value, ',', &one);
        if (!is_source(one, &s))
            return false;
    }
    return n < DIRECTORY_MAX_SOURCES; /* one place is the server's */
}

static bool is_preference(struct slice value)
{
    uint64_t n;

    return slice_u64(value, 999, &n) == ERR_OK && n > 0;
}

static bool is_qualify(struct slice value)
{
    uint64_t n;

    return slice_u64(value, 3600, &n) == ERR_OK && (n == 0 || n >= 5);
}

static bool is_password(struct slice value)
{
    return value.n <= DIRECTORY_MAX_PASSWORD;
}

#define RULES "rules with commas between, such as 00*/2/+,0*/1/+49 (doc/trunks.md)"

/* In the order of their names: that is the order in which settings are kept. */
static const struct key keys[] = {
    {"address", are_sources, "up to 15 addresses with commas between, such as 192.0.2.1,198.51.100.0/24"},
    {"auth-name", is_word, "a word without spaces"},
    {"caller-id", are_rules, RULES},
    {"dial", are_rules, RULES},
    {"did", are_rules, RULES},
    {"domain", is_domain, "a host name or address"},
    {"emergency", is_switch, "on or off"},
    {"main-number", is_word, "a number"},
    {"password", is_password, "at most 128 octets"},
    {"preference", is_preference, "a number from 1 to 999; the lower goes first"},
    {"qualify_s", is_qualify, "a number of seconds from 5 to 3600, or 0 for never"},
    {"register", is_switch, "on or off"},
    {"server", is_server, "a sip: URI without user, by UDP, TCP or TLS, such as sip:sip.example.net;transport=tcp"},
    {"trusted", is_switch, "on or off"},
    {"user", is_word, "a word without spaces"},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static enum err unknown(struct slice key, struct directory_fault *fault)
{
    struct near near = near_to(key);
    char        text[400];
    struct buf  b = BUF_ON(text);

    for (size_t i = 0; i < N_KEYS; i++)
        near_offer(&near, slice_z(keys[i].name));
    buf_put(&b, S("a trunk has no setting \""));
    buf_put_escaped(&b, slice_to(key, 24));
    if (near.best.n)
        buf_puts(&b, S("\"; did you mean \""), near.best, S("\"?"));
    else
        buf_put(&b, S("\"; there are "));
    for (size_t i = 0; !near.best.n && i < N_KEYS; i++)
        buf_puts(&b, i ? S(", ") : SLICE_NONE, slice_z(keys[i].name));
    FAULT(fault, "%.*s", SARG(buf_slice(&b)));
    return ERR_INVALID;
}

enum err trunks_key_check(struct slice key, struct slice value, struct directory_fault *fault)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (!slice_eq(key, slice_z(keys[i].name)))
            continue;
        if (value.n == 0 || (keys[i].fits(value) && !check_text(value, DIRECTORY_MAX_TRUNK_VALUE, keys[i].name, fault)))
            return ERR_OK;
        if (!fault->text[0])
            FAULT(fault, "%s is %s", keys[i].name, keys[i].what);
        return ERR_INVALID;
    }
    return unknown(key, fault);
}

static uint16_t number_or(struct slice value, uint16_t otherwise)
{
    uint16_t n = otherwise;

    return value.n && slice_u16(value, &n) ? otherwise : n;
}

static void read_sources(struct directory_trunk *t, const struct uri *server, struct slice list)
{
    struct slice one;

    t->n_sources = 0;
    if (uri_host_addr(server, &t->source[0].addr) == ERR_OK) {
        t->source[0].addr.port = 0; /* a connection comes from any */
        t->source[t->n_sources++].bits = t->source[0].addr.family == ADDR_IP4 ? 32 : 128;
    }
    for (bool more = list.n > 0; more && t->n_sources < DIRECTORY_MAX_SOURCES;) {
        more = slice_cut(&list, ',', &one);
        t->n_sources += is_source(one, &t->source[t->n_sources]);
    }
}

bool trunks_read(struct directory_trunk *t)
{
    const struct directory_user lines = {.settings = t->settings};
    struct uri                  server;

    t->server = directory_setting(&lines, S("server"));
    if (!t->server.n || uri_parse(t->server, &server, NULL))
        return false;
    t->registers = slice_eq(directory_setting(&lines, S("register")), S("on"));
    t->user = directory_setting(&lines, S("user"));
    t->auth_name = directory_setting(&lines, S("auth-name"));
    t->domain = directory_setting(&lines, S("domain"));
    t->number = directory_setting(&lines, S("main-number"));
    t->caller_id = directory_setting(&lines, S("caller-id"));
    t->dial = directory_setting(&lines, S("dial"));
    t->did = directory_setting(&lines, S("did"));
    t->emergency = slice_eq(directory_setting(&lines, S("emergency")), S("on"));
    t->trusted = slice_eq(directory_setting(&lines, S("trusted")), S("on"));
    t->preference = number_or(directory_setting(&lines, S("preference")), PREFERENCE);
    t->qualify_s = number_or(directory_setting(&lines, S("qualify_s")), QUALIFY_S);
    if (!t->auth_name.n)
        t->auth_name = t->user;
    if (!t->domain.n)
        t->domain = server.host;
    if (!t->number.n)
        t->number = t->user;
    read_sources(t, &server, directory_setting(&lines, S("address")));
    return true;
}

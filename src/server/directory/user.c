/* user.c - one user: drafted, checked, and made into a cell that never changes.
 *
 * Room      server/directory.
 * Secrets   H(auth-name:realm:password) for MD5 and SHA-256 (RFC 7616 §3.4.2, RFC 8760), as text with its realm. The
 *           password itself is not kept.
 * Touches   drafts and new cells. */
#include <stdio.h>
#include <string.h>

#include "server/directory/directory_priv.h"
#include "sys/random.h"

/* ---- settings: lines of key=value, in the order of their keys ---- */
bool setting_next(struct slice *rest, struct slice *key, struct slice *value)
{
    struct slice line;

    if (rest->n == 0)
        return false;
    slice_cut(rest, '\n', &line);
    slice_cut(&line, '=', key);
    *value = line;
    return true;
}

struct slice directory_setting(const struct directory_user *u, struct slice key)
{
    struct slice rest = u->settings, k, v;

    while (setting_next(&rest, &k, &v))
        if (slice_eq(k, key))
            return v;
    return SLICE_NONE;
}

static void put_line(struct buf *b, struct slice key, struct slice value)
{
    if (value.n)
        buf_puts(b, key, S("="), value, S("\n"));
}

enum err setting_put(struct buf *b, struct slice settings, struct slice key, struct slice value)
{
    struct slice rest = settings, k, v;
    bool         placed = false;

    while (setting_next(&rest, &k, &v)) {
        if (!placed && slice_cmp(k, key) >= 0) {
            put_line(b, key, value);
            placed = true;
        }
        if (!slice_eq(k, key))
            put_line(b, k, v);
    }
    if (!placed)
        put_line(b, key, value);
    return buf_err(b) ? ERR_LIMIT : ERR_OK;
}

/* The settings with one of them set, or taken away by an empty value. */
static enum err set_setting(struct user_draft *u, struct slice key, struct slice value)
{
    struct buf b;
    enum err   e;

    u->turn ^= 1;
    buf_init(&b, u->settings_text[u->turn], DIRECTORY_MAX_SETTINGS);
    if ((e = setting_put(&b, u->settings, key, value)))
        return e;
    u->settings = buf_slice(&b);
    return ERR_OK;
}

/* ---- what a field may hold ---- */
static bool all_of(struct slice s, bool (*good)(char c))
{
    for (size_t i = 0; i < s.n; i++)
        if (!good(s.p[i]))
            return false;
    return true;
}

static bool number_char(char c)
{
    return ascii_is_alnum(c) || slice_find(S("+*#-._"), c) != SIZE_MAX;
}

static bool text_char(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f;
}

/* What stands in a quoted string of a digest header without escapes, and no colon: it ends the name in the hash. */
static bool auth_char(char c)
{
    return text_char(c) && c != '"' && c != '\\' && c != ':';
}

static bool realm_char(char c)
{
    return text_char(c) && c != '"' && c != '\\';
}

static enum err check(struct slice s, size_t max, bool (*good)(char), const char *what, struct directory_fault *fault)
{
    if (s.n > max) {
        FAULT(fault, "%s is longer than %zu octets", what, max);
        return ERR_LIMIT;
    }
    if (!all_of(s, good)) {
        FAULT(fault, "%s has characters that are not allowed there", what);
        return ERR_SYNTAX;
    }
    return ERR_OK;
}

enum err check_text(struct slice s, size_t max, const char *what, struct directory_fault *fault)
{
    return check(s, max, text_char, what, fault);
}

enum err check_number(struct slice number, struct directory_fault *fault)
{
    char       shown[4 * DIRECTORY_MAX_NUMBER];
    struct buf b = BUF_ON(shown);

    buf_put_escaped(&b, slice_to(number, DIRECTORY_MAX_NUMBER));
    if (number.n == 0) {
        FAULT(fault, "a user needs a number");
        return ERR_SYNTAX;
    }
    if (number.n > DIRECTORY_MAX_NUMBER) {
        FAULT(fault, "a number has at most %d characters", DIRECTORY_MAX_NUMBER);
        return ERR_LIMIT;
    }
    if (!all_of(number, number_char)) {
        FAULT(fault, "\"%.*s\" is no number: it is made of letters, digits and + * # - . _", SARG(buf_slice(&b)));
        return ERR_SYNTAX;
    }
    return ERR_OK;
}

/* ---- drafts ---- */
enum err draft_renew(struct user_draft *u)
{
    struct slice rest = u->settings, key, value, now;
    enum err     e = ERR_OK;

    while (!e && setting_next(&rest, &key, &value)) {
        now = key_current(key);
        if (slice_eq(now, key))
            continue;
        if (!(e = set_setting(u, key, SLICE_NONE)))
            e = set_setting(u, now, value);
    }
    return e;
}

void draft_of(const struct user_cell *c, struct user_draft *out)
{
    out->number = c->u.number;
    out->name = c->u.name;
    out->auth_name = c->u.auth_name;
    out->secrets = c->secrets;
    out->settings = c->u.settings;
    out->made_ms = c->u.made_ms;
    out->turn = 0;
    out->password = out->given_md5 = out->given_sha256 = out->given_realm = SLICE_NONE;
}

static bool hex_char(char c)
{
    return hex_value(c) >= 0;
}

static enum err set_ha1(struct slice *to, struct slice value, size_t n, struct directory_fault *fault)
{
    if (value.n != 0 && (value.n != n || !all_of(value, hex_char))) {
        FAULT(fault, "a hash of this kind has %zu hexadecimal digits", n);
        return ERR_SYNTAX;
    }
    *to = value;
    return ERR_OK;
}

enum err draft_set(struct user_draft *u, struct slice key, struct slice value, struct directory_fault *fault)
{
    enum err e;

    if (slice_eq(key, S("name"))) {
        u->name = value;
        return check(value, DIRECTORY_MAX_NAME, text_char, "the name", fault);
    }
    if (slice_eq(key, S("auth-name"))) {
        u->auth_name = value.n ? value : u->number;
        return check(value, DIRECTORY_MAX_AUTH_NAME, auth_char, "the auth-name", fault);
    }
    if (slice_eq(key, S("password"))) {
        u->password = value;
        if (value.n == 0) {
            FAULT(fault, "the password is empty");
            return ERR_SYNTAX;
        }
        return check(value, DIRECTORY_MAX_PASSWORD, text_char, "the password", fault);
    }
    if (slice_eq(key, S("ha1-md5")))
        return set_ha1(&u->given_md5, value, 32, fault);
    if (slice_eq(key, S("ha1-sha256")))
        return set_ha1(&u->given_sha256, value, 64, fault);
    if (slice_eq(key, S("realm"))) {
        u->given_realm = value;
        return check(value, DIRECTORY_MAX_REALM, realm_char, "the realm", fault);
    }
    key = key_current(key);
    if ((e = key_check(key, value, fault)))
        return e;
    if ((e = set_setting(u, key, value)))
        FAULT(fault, "all settings of a user together have at most %d octets", DIRECTORY_MAX_SETTINGS);
    return e;
}

bool draft_is_group(const struct user_draft *u)
{
    return directory_setting(&(struct directory_user){.settings = u->settings}, S("group.members")).n > 0;
}

/* What says who somebody is makes no sense for a number that nobody is, and the other way round. */
enum err draft_check_group(const struct user_draft *u, const struct user_cell *was, struct directory_fault *fault)
{
    struct slice rest = u->settings, key, value;
    bool         group = draft_is_group(u);

    if (was && was->u.is_group != group) {
        FAULT(fault, group ? "%.*s is a user, so it cannot have members" : "%.*s is a ring group, which needs members", SARG(u->number));
        return ERR_INVALID;
    }
    if (group && (u->password.n || u->given_md5.n || u->given_sha256.n || !slice_eq(u->auth_name, u->number))) {
        FAULT(fault, "%.*s is a ring group: no phone is that, so it has no password and no auth-name", SARG(u->number));
        return ERR_INVALID;
    }
    while (setting_next(&rest, &key, &value))
        if (!group && slice_starts(key, S("group."))) {
            FAULT(fault, "%.*s is for ring groups, and %.*s is none", SARG(key), SARG(u->number));
            return ERR_INVALID;
        }
    return ERR_OK;
}

static void put_ha1(struct directory *d, struct buf *b, const struct user_draft *u, enum digest_alg alg)
{
    const struct digester *dg = d->conf.digester;
    const struct slice     pieces[] = {u->auth_name, S(":"), d->realm, S(":"), u->password};
    unsigned char          out[DIGESTER_MAX_OCTETS];

    dg->hash(dg->ctx, alg, pieces, sizeof pieces / sizeof *pieces, out);
    buf_puthex(b, (struct slice){(const char *)out, DIGESTER_OCTETS(alg)});
}

enum err draft_settle(struct directory *d, struct user_draft *u, const struct user_cell *was, struct directory_fault *fault)
{
    struct buf b = BUF_ON(u->secrets_text);

    if (u->password.n) {
        buf_puts(&b, d->realm, S("\t"));
        put_ha1(d, &b, u, DIGEST_MD5);
        buf_putc(&b, '\t');
        put_ha1(d, &b, u, DIGEST_SHA256);
        buf_putc(&b, '\n');
    } else if (u->given_md5.n || u->given_sha256.n) {
        buf_puts(&b, u->given_realm.n ? u->given_realm : d->realm, S("\t"));
        buf_put_lower(&b, u->given_md5);
        buf_putc(&b, '\t');
        buf_put_lower(&b, u->given_sha256);
        buf_putc(&b, '\n');
    } else if (was && !slice_eq(was->u.auth_name, u->auth_name) && was->secrets.n) {
        FAULT(fault, "the auth-name is part of what is kept of the password: give the password too");
        return ERR_INVALID;
    } else {
        return ERR_OK;
    }
    u->secrets = buf_slice(&b);
    return buf_err(&b);
}

/* ---- cells ---- */
/* This exchange's line of the secrets. */
static void find_secret(const struct directory *d, struct user_cell *c)
{
    struct slice rest = c->secrets, line, realm;

    while (slice_line(&rest, &line)) {
        slice_cut(&line, '\t', &realm);
        if (!slice_eq(realm, d->realm))
            continue;
        slice_cut(&line, '\t', &c->u.ha1_md5);
        c->u.ha1_sha256 = line;
        return;
    }
}

static void read_choices(struct directory_user *u)
{
    struct slice digest = directory_setting(u, S("digest")), redirect = directory_setting(u, S("redirect"));

    u->digest = slice_eq(digest, S("md5"))       ? DIRECTORY_DIGEST_MD5
                : slice_eq(digest, S("sha-256")) ? DIRECTORY_DIGEST_SHA256
                : slice_eq(digest, S("both"))    ? DIRECTORY_DIGEST_BOTH
                                                 : DIRECTORY_DIGEST_AUTO;
    u->is_group = directory_setting(u, S("group.members")).n > 0;
    u->redirect = slice_eq(redirect, S("follow")) ? PLAN_REDIRECT_FOLLOW : PLAN_REDIRECT_PASS;
}

static struct slice keep(struct buf *b, struct slice s)
{
    size_t at = b->n;

    buf_put(b, s);
    return (struct slice){b->p + at, s.n};
}

struct user_cell *cell_make(struct directory *d, const struct user_draft *u)
{
    bool              own_name = !slice_eq(u->auth_name, u->number); /* else it is the same text */
    size_t            n = u->number.n + u->name.n + (own_name ? u->auth_name.n : 0) + u->secrets.n + u->settings.n;
    struct user_cell *c = mem_zalloc(d->conf.mem, sizeof *c + n);
    struct buf        b;

    if (!c)
        return NULL;
    c->octets = sizeof *c + n;
    buf_init(&b, c->text, n);
    c->u.number = keep(&b, u->number);
    c->u.name = keep(&b, u->name);
    c->u.auth_name = own_name ? keep(&b, u->auth_name) : c->u.number;
    c->secrets = keep(&b, u->secrets);
    c->u.settings = keep(&b, u->settings);
    c->u.made_ms = u->made_ms;
    c->hash = hash_name(&d->key, c->u.number);
    c->auth_hash = own_name ? hash_name(&d->key, c->u.auth_name) : c->hash;
    find_secret(d, c);
    read_choices(&c->u);
    return c;
}

void cell_free(struct directory *d, struct user_cell *c)
{
    if (!c)
        return;
    explicit_bzero(c->text, c->octets - sizeof *c);
    mem_free(d->conf.mem, c, c->octets);
}

void directory_make_password(struct random *r, struct buf *out)
{
    /* Without 0 O o 1 l I i, and without what a keypad or a person at the telephone mixes up. */
    static const char letters[] = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    const unsigned    n = sizeof letters - 1;

    for (unsigned made = 0; made < DIRECTORY_PASSWORD_LETTERS;) {
        unsigned char octet;

        random_octets(r, &octet, 1);
        if (octet >= 256 / n * n)
            continue; /* so that each letter is as likely */
        buf_putc(out, letters[octet % n]);
        made++;
    }
}

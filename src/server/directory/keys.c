/* keys.c - which settings a user has, what they may hold, and which one was probably meant.
 *
 * Room      server/directory. A new setting is a line in this table.
 * Touches   the fault it is given. */
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "server/directory/directory_priv.h"

enum shape { ONE_OF, TARGET, SECONDS, MEMBERS, NUMBERS, COUNTS, BARRED, ALERT };

struct key {
    const char *name;
    enum shape  shape;
    const char *choices; /* of ONE_OF: words with a bar between */
    unsigned    min, max; /* of SECONDS */
};

/* In the order of their names: that is the order in which a user's settings are kept. */
static const struct key keys[] = {
    {"anonymous.reject", ONE_OF, "on|off", 0, 0},
    {"barred", BARRED, NULL, 0, 0},
    {"blf-list", NUMBERS, NULL, 0, 0},
    {"digest", ONE_OF, "auto|md5|sha-256|both", 0, 0},
    {"dnd", ONE_OF, "on|off", 0, 0},
    {"forward.always", TARGET, NULL, 0, 0},
    {"forward.busy", TARGET, NULL, 0, 0},
    {"forward.noanswer", TARGET, NULL, 0, 0},
    {"forward.noanswer_s", SECONDS, NULL, 5, 180},
    {"forward.unregistered", TARGET, NULL, 0, 0},
    {"group.how", ONE_OF, "all|turn|idle", 0, 0},
    {"group.members", MEMBERS, NULL, 0, 0},
    {"group.ring_s", SECONDS, NULL, 5, 180},
    {"intercom", ONE_OF, "on|off", 0, 0},
    {"mwi", COUNTS, NULL, 0, 0},
    {"redirect", ONE_OF, "pass|follow", 0, 0},
    {"ring.external", ALERT, NULL, 0, 0},
    {"ring.forwarded", ALERT, NULL, 0, 0},
    {"ring.internal", ALERT, NULL, 0, 0},
    {"transfer", ONE_OF, "accept|relay|execute", 0, 0},
    {"transfer.recall_s", SECONDS, NULL, 0, 600},
    {"watchable", ONE_OF, "on|off", 0, 0},
};
#define N_KEYS (sizeof keys / sizeof *keys)

/* Keys that are fields of a user, not settings; only for finding the nearest. */
static const char *const fields[] = {"name", "auth-name", "password"};
#define N_FIELDS (sizeof fields / sizeof *fields)

/* Names of earlier times, in stored data and in files, and what they are called now. */
static const char *const former[][2] = {{"forward.after", "forward.noanswer_s"}, {"forward.no-answer", "forward.noanswer"}};

#define MAX_SHOWN 24 /* of a key that is none */

struct slice key_current(struct slice key)
{
    for (size_t i = 0; i < sizeof former / sizeof former[0]; i++)
        if (slice_eq(key, slice_z(former[i][0])))
            return slice_z(former[i][1]);
    return key;
}

struct slice key_name(size_t i)
{
    return i < N_KEYS ? slice_z(keys[i].name) : SLICE_NONE;
}

static struct slice nearest(struct slice key)
{
    struct near near = near_to(key);

    for (size_t i = 0; i < N_KEYS; i++)
        near_offer(&near, slice_z(keys[i].name));
    for (size_t i = 0; i < N_FIELDS; i++)
        near_offer(&near, slice_z(fields[i]));
    return near.best;
}

static void list_keys(struct slice shown, struct directory_fault *fault)
{
    char       text[400];
    struct buf b = BUF_ON(text);

    for (size_t i = 0; i < N_FIELDS; i++)
        buf_puts(&b, i ? S(", ") : SLICE_NONE, slice_z(fields[i]));
    for (size_t i = 0; i < N_KEYS; i++)
        buf_puts(&b, S(", "), slice_z(keys[i].name));
    FAULT(fault, "there is no setting \"%.*s\"; there are %.*s", SARG(shown), SARG(buf_slice(&b)));
}

static enum err unknown(struct slice key, struct directory_fault *fault)
{
    struct slice near = nearest(key);
    char         shown[100];
    struct buf   b = BUF_ON(shown);

    buf_put_escaped(&b, slice_to(key, MAX_SHOWN));
    if (near.n)
        FAULT(fault, "there is no setting \"%.*s\"; did you mean \"%.*s\"?", SARG(buf_slice(&b)), SARG(near));
    else
        list_keys(buf_slice(&b), fault);
    return ERR_INVALID;
}

bool key_one_of(struct slice value, struct slice choices)
{
    struct slice word;
    bool         more = true;

    while (more) {
        more = slice_cut(&choices, '|', &word);
        if (slice_eq(word, value))
            return true;
    }
    return false;
}

static bool is_target(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] == 0x7f || value.p[i] == '<' || value.p[i] == '>' || value.p[i] == '"')
            return false;
    return value.n > 0;
}

/* Numbers with commas between, none of them twice. */
static bool are_members(struct slice value)
{
    struct slice seen[PLAN_MAX_MEMBERS], one;
    size_t       n = 0;

    for (bool more = true; more; n++) {
        more = slice_cut(&value, ',', &one);
        if (n == PLAN_MAX_MEMBERS || check_number(one, &(struct directory_fault){0}))
            return false;
        for (size_t i = 0; i < n; i++)
            if (slice_eq(seen[i], one))
                return false;
        seen[n] = one;
    }
    return true;
}

/* "2/1": new and old messages. */
static bool is_counts(struct slice value)
{
    struct slice new;
    uint64_t     n;

    return slice_cut(&value, '/', &new) && slice_u64(new, UINT16_MAX, &n) == ERR_OK && slice_u64(value, UINT16_MAX, &n) == ERR_OK;
}

/* Numbers, or beginnings of numbers with a * behind, with commas between; * alone is every number. */
static bool are_barred(struct slice value)
{
    struct slice one;

    for (bool more = true; more;) {
        more = slice_cut(&value, ',', &one);
        if (check_number(one, &(struct directory_fault){0}))
            return false;
    }
    return true;
}

/* The value of a header field, as it is. */
static bool is_alert(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
            return false;
    return true;
}

static bool fits(const struct key *k, struct slice value)
{
    uint64_t n;

    switch (k->shape) {
    case ONE_OF: return key_one_of(value, slice_z(k->choices));
    case SECONDS: return slice_u64(value, k->max, &n) == ERR_OK && n >= k->min;
    case COUNTS: return is_counts(value);
    case MEMBERS: return are_members(value);
    case BARRED: return are_barred(value);
    case ALERT: return is_alert(value);
    case TARGET:
    case NUMBERS: break;
    }
    return is_target(value);
}

static enum err value_fault(const struct key *k, struct directory_fault *fault)
{
    if (k->shape == ONE_OF)
        FAULT(fault, "%s is one of %s", k->name, k->choices);
    else if (k->shape == SECONDS)
        FAULT(fault, "%s is a number of seconds from %u to %u", k->name, k->min, k->max);
    else if (k->shape == MEMBERS)
        FAULT(fault, "%s is a list of up to %d different numbers with commas between", k->name, PLAN_MAX_MEMBERS);
    else if (k->shape == NUMBERS)
        FAULT(fault, "%s is numbers with commas between, such as 1002,1003", k->name);
    else if (k->shape == COUNTS)
        FAULT(fault, "%s is how many new and old messages there are, such as 2/1", k->name);
    else if (k->shape == BARRED)
        FAULT(fault, "%s is a list of numbers with commas between; a * behind one stands for whatever follows", k->name);
    else if (k->shape == ALERT)
        FAULT(fault, "%s is the value of an Alert-Info header field, without control characters", k->name);
    else
        FAULT(fault, "%s is a number or a SIP URI without < and >", k->name);
    return ERR_INVALID;
}

enum err key_check(struct slice key, struct slice value, struct directory_fault *fault)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];

        if (!slice_eq(key, slice_z(k->name)))
            continue;
        if (value.n == 0)
            return ERR_OK;
        if (value.n > DIRECTORY_MAX_VALUE) {
            FAULT(fault, "%s is longer than %d octets", k->name, DIRECTORY_MAX_VALUE);
            return ERR_LIMIT;
        }
        return fits(k, value) ? ERR_OK : value_fault(k, fault);
    }
    return unknown(key, fault);
}

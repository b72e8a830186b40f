/* binding.c - a binding as one value of its row: a head of numbers, then its texts one after another.
 *
 * Room      server/store.
 * Why       nobody but server/location reads these rows, and a million of them at a start: eighteen columns cost five times as much.
 * Layout    struct head as the machine has it (as the folder's mapped files are), then the texts in the order of the head's lengths.
 * Reading   a value that is none of these is told by `false`: somebody has edited the file. */
#include <string.h>

#include "server/store/store_priv.h"

enum { LAYOUT = 1, TEXTS = 9 };

struct head {
    int64_t  registered_ms, expires_ms, interval_ms, temp_gruu_ms;
    uint32_t cseq, reg_id;
    uint16_t q, n[TEXTS]; /* octets of each text */
    uint8_t  layout, stream;
    uint8_t  none[2]; /* 0 */
};

static void texts_of(const struct store_binding *b, struct slice texts[TEXTS])
{
    const struct slice t[TEXTS] = {b->aor, b->contact, b->call_id, b->path, b->instance, b->agent, b->received, b->flow, b->aor_uri};

    memcpy(texts, t, sizeof t);
}

size_t store_binding_octets(const struct store_binding *b)
{
    struct slice texts[TEXTS];
    size_t       octets = sizeof(struct head);

    texts_of(b, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        if (texts[i].n > UINT16_MAX)
            return 0;
        octets += texts[i].n;
    }
    return octets;
}

void store_binding_pack(const struct store_binding *b, char *to)
{
    struct head  h = {.registered_ms = b->registered_ms, .expires_ms = b->expires_ms, .interval_ms = b->interval_ms,
                      .temp_gruu_ms = b->temp_gruu_ms, .cseq = b->cseq, .reg_id = b->reg_id, .q = b->q, .layout = LAYOUT,
                      .stream = b->stream};
    struct slice texts[TEXTS];
    char        *at = to + sizeof h;

    texts_of(b, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        h.n[i] = (uint16_t)texts[i].n;
        if (texts[i].n)
            memcpy(at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    memcpy(to, &h, sizeof h);
}

bool store_binding_unpack(struct slice value, struct store_binding *b)
{
    struct slice *const texts[TEXTS] = {&b->aor, &b->contact, &b->call_id, &b->path, &b->instance, &b->agent, &b->received, &b->flow, &b->aor_uri};
    struct head         h;

    if (value.n < sizeof h)
        return false;
    memcpy(&h, value.p, sizeof h);
    if (h.layout != LAYOUT)
        return false;
    value = slice_from(value, sizeof h);
    for (size_t i = 0; i < TEXTS; i++) {
        if (h.n[i] > value.n)
            return false;
        *texts[i] = slice_to(value, h.n[i]);
        value = slice_from(value, h.n[i]);
    }
    b->registered_ms = h.registered_ms;
    b->expires_ms = h.expires_ms;
    b->interval_ms = h.interval_ms;
    b->temp_gruu_ms = h.temp_gruu_ms;
    b->cseq = h.cseq;
    b->reg_id = h.reg_id;
    b->q = h.q;
    b->stream = h.stream;
    return value.n == 0;
}

/* ---- from columns, as they were up to schema 2 ---- */
static struct slice octets_of(sqlite3_value *v)
{
    const void *p = sqlite3_value_blob(v);

    return p ? (struct slice){p, (size_t)sqlite3_value_bytes(v)} : SLICE_NONE;
}

static void from_columns(sqlite3_context *to, int n, sqlite3_value **v)
{
    struct store_binding b = {
        .aor = octets_of(v[0]), .contact = octets_of(v[1]), .call_id = octets_of(v[2]), .path = octets_of(v[3]),
        .instance = octets_of(v[4]), .agent = octets_of(v[5]), .received = octets_of(v[6]), .flow = octets_of(v[7]),
        .aor_uri = octets_of(v[8]), .registered_ms = sqlite3_value_int64(v[9]), .expires_ms = sqlite3_value_int64(v[10]),
        .interval_ms = sqlite3_value_int64(v[11]), .temp_gruu_ms = sqlite3_value_int64(v[12]),
        .cseq = (uint32_t)sqlite3_value_int64(v[13]), .reg_id = (uint32_t)sqlite3_value_int64(v[14]),
        .q = (uint16_t)sqlite3_value_int64(v[15]), .stream = sqlite3_value_int64(v[16]) != 0};
    size_t octets = store_binding_octets(&b);
    char  *value = octets ? sqlite3_malloc64(octets) : NULL;

    (void)n;
    if (!value && octets) {
        sqlite3_result_error_nomem(to);
        return;
    }
    if (octets)
        store_binding_pack(&b, value);
    sqlite3_result_blob64(to, octets ? value : "", octets, octets ? sqlite3_free : SQLITE_STATIC);
}

int store_binding_functions(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "binding_of_columns", 17, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, from_columns, NULL, NULL, NULL);
}

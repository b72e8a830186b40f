/* event.c - events: built field by field, written as JSON or as words.
 *
 * Room      app/phone. Knows no call and no phone beyond their numbers. */
#include <assert.h>
#include <string.h>

#include "app/phone/phone_priv.h"

void event_begin(struct phone_event *e, const char *name, const struct call *c)
{
    e->name = name;
    e->call = c ? call_number(c) : 0;
    e->n_fields = 0;
}

static struct phone_field *add(struct phone_event *e, const char *key, enum phone_field_kind kind)
{
    struct phone_field *f = &e->field[e->n_fields++];

    assert(e->n_fields <= PHONE_MAX_FIELDS);
    *f = (struct phone_field){.key = key, .kind = kind};
    return f;
}

void event_text(struct phone_event *e, const char *key, struct slice text)
{
    if (text.n)
        add(e, key, PHONE_TEXT)->text = text;
}

void event_number(struct phone_event *e, const char *key, int64_t number)
{
    add(e, key, PHONE_NUMBER)->number = number;
}

void event_millis(struct phone_event *e, const char *key, uint64_t ms)
{
    add(e, key, PHONE_MILLIS)->number = (int64_t)ms;
}

void event_hundredths(struct phone_event *e, const char *key, uint32_t n)
{
    add(e, key, PHONE_HUNDREDTHS)->number = n;
}

void event_bool(struct phone_event *e, const char *key, bool yes)
{
    add(e, key, PHONE_BOOL)->yes = yes;
}

void event_json(struct phone_event *e, const char *key, struct slice json)
{
    add(e, key, PHONE_JSON)->text = json;
}

void event_tell(struct phone *p, const struct phone_event *e)
{
    if (p->config.event)
        p->config.event(p->config.ctx, e);
}

const struct phone_field *phone_event_field(const struct phone_event *e, const char *key)
{
    for (size_t i = 0; i < e->n_fields; i++)
        if (!strcmp(e->field[i].key, key))
            return &e->field[i];
    return NULL;
}

/* ---- JSON (RFC 8259) ---- */

/* Octets of the UTF-8 sequence at the start of s; 0: it is none (overlong ones and surrogates are none). */
static size_t utf8_octets(struct slice s)
{
    unsigned char c = (unsigned char)s.p[0], d = s.n > 1 ? (unsigned char)s.p[1] : 0;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (!n || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
        return 0;
    return n;
}

static void put_ascii(struct buf *b, char c)
{
    static const char hex[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        buf_putc(b, '\\');
        buf_putc(b, c);
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        buf_put(b, S("\\u00"));
        buf_putc(b, hex[(unsigned char)c >> 4]);
        buf_putc(b, hex[c & 15]);
    } else {
        buf_putc(b, c);
    }
}

void json_put_text(struct buf *b, struct slice text)
{
    buf_putc(b, '"');
    while (text.n) {
        size_t n = utf8_octets(text);
        if (n == 1)
            put_ascii(b, text.p[0]);
        else if (n)
            buf_put(b, slice_to(text, n));
        else
            buf_put(b, S("\xef\xbf\xbd"));
        text = slice_from(text, n ? n : 1);
    }
    buf_putc(b, '"');
}

static void put_signed(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_putc(b, '-');
    buf_putu(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_seconds(struct buf *b, uint64_t ms)
{
    buf_putu(b, ms / 1000);
    buf_putc(b, '.');
    buf_putu_wide(b, ms % 1000, 3);
}

static void put_json_value(struct buf *b, const struct phone_field *f)
{
    switch (f->kind) {
    case PHONE_TEXT:
        json_put_text(b, f->text);
        break;
    case PHONE_NUMBER:
        put_signed(b, f->number);
        break;
    case PHONE_MILLIS:
        put_seconds(b, (uint64_t)f->number);
        break;
    case PHONE_HUNDREDTHS:
        buf_putu(b, (uint64_t)f->number / 100);
        buf_putc(b, '.');
        buf_putu_wide(b, (uint64_t)f->number % 100, 2);
        break;
    case PHONE_BOOL:
        buf_put(b, f->yes ? S("true") : S("false"));
        break;
    case PHONE_JSON:
        buf_put(b, f->text);
        break;
    }
}

void phone_put_json(struct buf *b, const struct phone_event *e, uint64_t wall_us)
{
    buf_put(b, S("{\"event\":"));
    json_put_text(b, slice_z(e->name));
    buf_put(b, S(",\"t\":"));
    put_seconds(b, wall_us / 1000);
    if (e->call) {
        buf_put(b, S(",\"call\":"));
        buf_putu(b, e->call);
    }
    for (size_t i = 0; i < e->n_fields; i++) {
        buf_putc(b, ',');
        json_put_text(b, slice_z(e->field[i].key));
        buf_putc(b, ':');
        put_json_value(b, &e->field[i]);
    }
    buf_putc(b, '}');
}

/* ---- words ---- */

/* {key} stands for a field; a part in [] is left out when a field in it is not there. */
static const struct {
    const char *name, *words;
} sentences[] = {
    {"ready", "listening on {address} ({transport})"},
    {"registered", "registered as {aor} for {expires} s"},
    {"registration-failed", "cannot register: [{code} ]{reason}; again in {retry} s"},
    {"unregistered", "no longer registered"},
    {"calling", "calling {to}"},
    {"incoming", "{from}[ \"{name}\"] calls: answer, reject or deflect"},
    {"ringing", "it rings ({code} {reason})"},
    {"answered", "answered: talking with {peer}"},
    {"confirmed", "the call is up"},
    {"held", "the other end has put us on hold"},
    {"resumed", "the other end has taken us back"},
    {"on-hold", "on hold"},
    {"off-hold", "taken back"},
    {"transfer-asked", "asked to call {to}[ by {by}]"},
    {"transfer-accepted", "transfer accepted ({code})"},
    {"transfer-progress", "transfer: {code} {reason}"},
    {"transfer-result", "transfer: {words}[ ({code} {reason})]"},
    {"redirected", "told to call {to} instead"},
    {"dtmf", "key {digit}"},
    {"dtmf-sent", "keys sent"},
    {"hears", "hears {hz} Hz"},
    {"sound", "sound has come"},
    {"silence", "no sound comes"},
    {"played", "played"},
    {"failed", "cannot {what}: {error}[ ({code} {reason})]"},
    {"ended", "ended: {words}[ ({code} {reason})], {seconds} s"},
    {"call-statistics", "sent {sent}, received {received}, lost {lost} packets[, {codec}], jitter {jitter} s"},
    {"call-quality", "hears with MOS {mos}: {loss} % lost, {discard} % too late[, round trip {round_trip} s][; heard there with MOS {far_mos}: {far_loss} % lost]"},
    {"error", "{text}"},
    {"help", "{text}"},
    {"status", "{text}"},
    {"bye", "bye"},
};

static void put_word(struct buf *b, const struct phone_field *f)
{
    if (f->kind == PHONE_TEXT)
        buf_put(b, f->text);
    else
        put_json_value(b, f);
}

/* One {key}; *z is behind its '{' and ends behind its '}'. False: the field is not there. */
static bool put_key(struct buf *b, const struct phone_event *e, const char **z)
{
    const char *end = strchr(*z, '}');
    char key[32];
    const struct phone_field *f;

    assert(end && (size_t)(end - *z) < sizeof key);
    memcpy(key, *z, (size_t)(end - *z));
    key[end - *z] = 0;
    *z = end + 1;
    if (!(f = phone_event_field(e, key)))
        return false;
    put_word(b, f);
    return true;
}

static void put_sentence(struct buf *b, const struct phone_event *e, const char *z)
{
    size_t part = 0;
    bool whole = true;

    while (*z) {
        if (*z == '[') {
            part = b->n;
            whole = true;
            z++;
        } else if (*z == ']') {
            if (!whole)
                b->n = part;
            z++;
        } else if (*z == '{') {
            z++;
            whole = put_key(b, e, &z) && whole;
        } else {
            buf_putc(b, *z++);
        }
    }
}

void phone_put_words(struct buf *b, const struct phone_event *e)
{
    const char *words = e->name;

    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (!strcmp(sentences[i].name, e->name))
            words = sentences[i].words;
    if (e->call) {
        buf_putc(b, '[');
        buf_putu(b, e->call);
        buf_put(b, S("] "));
    }
    put_sentence(b, e, words);
}

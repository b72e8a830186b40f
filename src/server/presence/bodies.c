/* bodies.c - PIDF, message summaries and feature requests, read into a few facts.
 *
 * Room      server/presence.
 * In        bodies of PUBLISH and SUBSCRIBE, as they came from the wire.
 * Touches   what it is given. */
#include "server/presence/bodies.h"

#include <string.h>

#include "server/presence/read_xml.h"

enum { TEXT_OCTETS = FEATURE_TARGET_OCTETS };

/* The text of the element that was opened last, as long as nothing is opened in it. */
struct gathered {
    char   text[TEXT_OCTETS];
    size_t n;
    bool   cut;
};

static void gather(struct gathered *g, struct slice piece)
{
    size_t n = piece.n < TEXT_OCTETS - g->n ? piece.n : TEXT_OCTETS - g->n;

    if (n)
        memcpy(g->text + g->n, piece.p, n);
    g->n += n;
    g->cut = g->cut || n < piece.n;
}

static struct slice gathered_text(const struct gathered *g)
{
    return slice_trim((struct slice){g->text, g->n});
}

/* At most max octets, and no half character at the end (UTF-8: expat has seen to it that it is sound). */
static size_t copy_text(char *to, size_t max, struct slice text)
{
    size_t n = text.n < max ? text.n : max;

    while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    if (n)
        memcpy(to, text.p, n);
    return n;
}

/* ---- PIDF ---- */

struct pidf_reading {
    struct pidf    *out;
    struct gathered text;
    bool            is_presence;
};

static void pidf_open(void *arg, struct slice name, unsigned depth)
{
    struct pidf_reading *r = arg;

    if (depth == 1)
        r->is_presence = slice_eq(name, S("presence"));
    r->text.n = 0;
    r->text.cut = false;
}

static void pidf_text(void *arg, struct slice piece)
{
    gather(&((struct pidf_reading *)arg)->text, piece);
}

static void pidf_close(void *arg, struct slice name, unsigned depth)
{
    struct pidf_reading *r = arg;
    struct slice         text = gathered_text(&r->text);

    (void)depth;
    if (slice_eq(name, S("basic"))) {
        r->out->has_status = true;
        r->out->open = r->out->open || slice_eq(text, S("open"));
    } else if (slice_eq(name, S("note")) && !r->out->n_note)
        r->out->n_note = copy_text(r->out->note, NOTE_OCTETS, text);
    r->text.n = 0;
}

enum err pidf_read(struct slice body, struct pidf *out)
{
    static const struct xml_on on = {pidf_open, pidf_text, pidf_close};
    struct pidf                fresh = {.has_status = false};
    struct pidf_reading        r = {.out = &fresh};
    enum err                   e = xml_read(body, &on, &r);

    if (e)
        return e;
    if (!r.is_presence)
        return ERR_INVALID;
    *out = fresh;
    return ERR_OK;
}

/* ---- message summaries ---- */

/* "2/8 (0/2)" */
static void read_counts(struct slice value, struct summary *out)
{
    struct slice new, old;
    uint64_t     n, o;

    slice_cut(&value, '(', &old);
    if (slice_cut(&old, '/', &new) && slice_u64(slice_trim(new), UINT16_MAX, &n) == ERR_OK &&
        slice_u64(slice_trim(old), UINT16_MAX, &o) == ERR_OK) {
        out->new = (uint32_t)n;
        out->old = (uint32_t)o;
    }
}

enum err summary_read(struct slice body, struct summary *out)
{
    struct summary s = {.waiting = false};
    struct slice   line, name;
    bool           has_waiting = false, has_counts = false;

    while (slice_line(&body, &line)) {
        if (!slice_cut(&line, ':', &name))
            continue;
        name = slice_trim(name);
        if (slice_ieq(name, S("Messages-Waiting"))) {
            has_waiting = true;
            s.waiting = slice_ieq(slice_trim(line), S("yes"));
        } else if (slice_ieq(name, S("Voice-Message"))) {
            has_counts = true;
            read_counts(slice_trim(line), &s);
        }
    }
    if (!has_waiting)
        return ERR_SYNTAX;
    if (!has_counts)
        s.new = s.waiting;
    *out = s;
    return ERR_OK;
}

/* ---- features ---- */

struct feature_reading {
    struct feature_request *out;
    struct gathered         text;
    bool                    forwarding, too_long;
};

static void feature_open(void *arg, struct slice name, unsigned depth)
{
    struct feature_reading *r = arg;

    if (depth == 1 && slice_eq(name, S("SetDoNotDisturb")))
        r->out->feature = FEATURE_DND;
    else if (depth == 1)
        r->forwarding = slice_eq(name, S("SetForwarding"));
    r->text.n = 0;
    r->text.cut = false;
}

static void feature_text(void *arg, struct slice piece)
{
    gather(&((struct feature_reading *)arg)->text, piece);
}

static bool is_true(struct slice text)
{
    return slice_eq(text, S("true")) || slice_eq(text, S("1"));
}

static enum feature kind_of(struct slice text)
{
    if (slice_eq(text, S("forwardImmediate")))
        return FEATURE_ALWAYS;
    if (slice_eq(text, S("forwardBusy")))
        return FEATURE_BUSY;
    return slice_eq(text, S("forwardNoAns")) ? FEATURE_NO_ANSWER : FEATURE_NONE;
}

static void feature_close(void *arg, struct slice name, unsigned depth)
{
    struct feature_reading *r = arg;
    struct slice            text = gathered_text(&r->text);
    uint64_t                n;

    (void)depth;
    if (slice_eq(name, S("doNotDisturbOn")) || slice_eq(name, S("activateForward")))
        r->out->on = is_true(text);
    else if (slice_eq(name, S("forwardingType")) && r->forwarding)
        r->out->feature = kind_of(text);
    else if (slice_eq(name, S("forwardDN"))) {
        r->too_long = r->text.cut;
        r->out->n_target = copy_text(r->out->target, FEATURE_TARGET_OCTETS, text);
    } else if (slice_eq(name, S("ringCount")) && slice_u64(text, 100, &n) == ERR_OK) {
        r->out->has_rings = true;
        r->out->rings = (uint32_t)n;
    }
    r->text.n = 0;
}

enum err feature_read(struct slice body, struct feature_request *out)
{
    static const struct xml_on on = {feature_open, feature_text, feature_close};
    struct feature_request     fresh = {.feature = FEATURE_NONE};
    struct feature_reading     r = {.out = &fresh};
    enum err                   e = body.n ? xml_read(body, &on, &r) : ERR_OK;

    if (e)
        return e;
    if (r.too_long)
        return ERR_LIMIT;
    if (body.n && fresh.feature == FEATURE_NONE)
        return ERR_INVALID;
    *out = fresh;
    return ERR_OK;
}

/* feedback.c - Via parameters oc, oc-algo, oc-validity, oc-seq: RFC 7339 §4, §5, §7 (loss).
 *
 * Room      sip/overload (pure).
 * In        a Via, parsed.
 * Out       a report; a Via with one. */
#include "sip/overload/overload.h"

enum { THOUSAND = 1000, PERCENT = 100, SEQ_DIGITS = 3 };

static bool names_loss(struct slice algorithms)
{
    return slice_find_slice(algorithms, S("loss")) != SIZE_MAX;
}

/* Loss is what everybody has who has anything, so it need not be named (§4.2). */
bool overload_is_offered(const struct via *v)
{
    struct slice value;

    if (!v->has_oc || msg_param(v->params, S("oc"), &value) || value.n)
        return false;
    return msg_param(v->params, S("oc-algo"), &value) || names_loss(value);
}

static bool is_ours(struct slice name)
{
    return slice_ieq(name, S("oc")) || slice_ieq(name, S("oc-algo")) || slice_ieq(name, S("oc-validity")) || slice_ieq(name, S("oc-seq"));
}

void overload_put_report(struct buf *b, const struct via *v, const struct overload_report *r)
{
    struct slice     rest = v->params;
    struct msg_param p;

    buf_put(b, slice_trim(slice_between(v->raw.p, v->params.n ? v->params.p : v->raw.p + v->raw.n)));
    while (msg_param_next(&rest, &p) == ERR_OK) {
        if (is_ours(p.name))
            continue;
        buf_puts(b, S(";"), p.name);
        if (p.has_value)
            buf_puts(b, S("="), p.value);
    }
    buf_put(b, S(";oc="));
    buf_putu(b, r->loss);
    buf_put(b, S(";oc-algo=\"loss\";oc-validity="));
    buf_putu(b, r->valid_ms);
    buf_put(b, S(";oc-seq="));
    buf_putu(b, r->seq / THOUSAND);
    buf_putc(b, '.');
    buf_putu_wide(b, r->seq % THOUSAND, SEQ_DIGITS);
}

/* 1*12DIGIT "." 1*5DIGIT, in thousandths. */
static enum err read_seq(struct slice text, uint64_t *out)
{
    struct slice whole = text, part = SLICE_NONE;
    size_t       dot = slice_find(text, '.');
    uint64_t     w, f = 0;

    if (dot != SIZE_MAX) {
        whole = slice_to(text, dot);
        part = slice_to(slice_from(text, dot + 1), SEQ_DIGITS);
    }
    if (slice_u64(whole, UINT64_C(999999999999), &w) || (part.n && slice_u64(part, THOUSAND - 1, &f)))
        return ERR_SYNTAX;
    for (size_t n = part.n; n < SEQ_DIGITS; n++)
        f *= 10;
    *out = w * THOUSAND + f;
    return ERR_OK;
}

enum err overload_read_report(const struct via *v, struct overload_report *out)
{
    struct overload_report r = {.valid_ms = OVERLOAD_VALID_MS};
    struct slice           value;
    uint64_t               n;

    if (!v->has_oc || msg_param(v->params, S("oc"), &value) || !value.n)
        return ERR_NOTFOUND;
    if (slice_u64(value, PERCENT, &n))
        return ERR_SYNTAX;
    r.loss = (unsigned)n;
    if (msg_param(v->params, S("oc-algo"), &value) == ERR_OK && !names_loss(value))
        return ERR_UNSUPPORTED;
    if (msg_param(v->params, S("oc-validity"), &value) == ERR_OK) {
        if (slice_u64(value, UINT32_MAX, &n))
            return ERR_SYNTAX;
        r.valid_ms = (uint32_t)n;
    }
    if (msg_param(v->params, S("oc-seq"), &value) == ERR_OK && read_seq(value, &r.seq))
        return ERR_SYNTAX;
    *out = r;
    return ERR_OK;
}

void overload_throttle_hear(struct overload_throttle *t, const struct overload_report *r, uint64_t now_ms)
{
    if (r->seq && r->seq <= t->seq && now_ms < t->until_ms)
        return; /* an older one, overtaken on its way. Once nothing is held back any more, any counts: the server may have restarted */
    *t = (struct overload_throttle){.loss = r->loss, .until_ms = now_ms + r->valid_ms, .seq = r->seq};
}

bool overload_throttle_lets(const struct overload_throttle *t, uint64_t now_ms, uint64_t random)
{
    return now_ms >= t->until_ms || random % PERCENT >= t->loss;
}

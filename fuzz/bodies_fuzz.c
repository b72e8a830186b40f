/* bodies_fuzz.c - bodies of PUBLISH and SUBSCRIBE: the first octet says which; what is read holds what its door promises. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/presence/bodies.h"
#include "server/presence/presence.h"

enum { KINDS = 3 };

static char out[8 * NOTE_OCTETS];

/* A note goes into documents of ours: there it must be sound again. */
static void presence_body(struct slice in)
{
    struct buf  b = BUF_ON(out);
    struct pidf p, again;

    if (pidf_read(in, &p))
        return;
    assert(p.n_note <= NOTE_OCTETS && (p.has_status || !p.open));
    buf_put(&b, S("<presence><note>"));
    presence_put_xml(&b, (struct slice){p.note, p.n_note});
    buf_put(&b, S("</note></presence>"));
    assert(buf_err(&b) == ERR_OK && pidf_read(buf_slice(&b), &again) == ERR_OK);
}

static void summary_body(struct slice in)
{
    struct summary s;

    if (summary_read(in, &s) == ERR_OK)
        assert(s.new <= UINT16_MAX && s.old <= UINT16_MAX);
}

static void feature_body(struct slice in)
{
    struct feature_request r;

    if (feature_read(in, &r) == ERR_OK)
        assert(r.n_target <= FEATURE_TARGET_OCTETS && (!r.has_rings || r.rings <= 100) && (in.n == 0 || r.feature != FEATURE_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = {(const char *)data, n};

    if (n == 0)
        return 0;
    switch (data[0] % KINDS) {
    case 0: presence_body(slice_from(in, 1)); break;
    case 1: summary_body(slice_from(in, 1)); break;
    default: feature_body(slice_from(in, 1)); break;
    }
    return 0;
}

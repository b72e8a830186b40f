/* sdp_fuzz.c - session descriptions: read, summed up, answered, rewritten, judged.
 *
 * Beside memory errors it looks for what must hold: our answer to anything is a description that we can read, and a
 * lawful answer to it; an untouched copy is the same octets. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sdp/sdp.h"

static const struct sdp_codec codecs[] = {
    {{"PCMA", 4}, 8000, 1, 8, {0, 0}, 0},
    {{"PCMU", 4}, 8000, 1, 0, {0, 0}, 1},
    {{"opus", 4}, 48000, 2, 96, {"useinbandfec=1", 14}, 3},
    {{"telephone-event", 15}, 8000, 1, 101, {"0-16", 4}, 2},
    {{"telephone-event", 15}, 48000, 1, 102, {"0-16", 4}, 2},
};
enum { N_CODECS = sizeof codecs / sizeof *codecs };

static void copy(struct slice in)
{
    static char     block[2 * SDP_MAX_OCTETS];
    struct buf      b = BUF_ON(block);
    struct sdp_edit edit = {0};

    if (sdp_rewrite(in, &edit, &b) == ERR_OK)
        assert(buf_slice(&b).n <= in.n);
    edit = (struct sdp_edit){.set_dir = true, .dir = SDP_SENDONLY};
    buf_reset(&b);
    (void)sdp_rewrite(in, &edit, &b);
}

/* No key is left, and nothing else has gone. */
static void mask(struct slice in)
{
    static char block[SDP_MAX_OCTETS];
    size_t      n = in.n < sizeof block ? in.n : sizeof block;

    if (n)
        memcpy(block, in.p, n);
    sdp_mask_keys(block, n);
    for (size_t i = 0; i < n; i++)
        assert(block[i] == in.p[i] || block[i] == '*');
}

static void answer(const struct sdp *offer, enum sdp_srtp srtp)
{
    char              block[SDP_MAX_OCTETS];
    struct buf        b = BUF_ON(block);
    struct sdp_local  local;
    struct sdp_agreed agreed;
    struct sdp        back;
    size_t            stream;

    if (sdp_local_init(&local, 1, codecs, N_CODECS))
        return;
    local.srtp = srtp;
    local.rtp = (struct addr){.family = ADDR_IP4, .port = 4000, .ip = {127, 0, 0, 1}};
    if (sdp_answer(&local, offer, &b, &agreed))
        return;
    assert(sdp_parse(buf_slice(&b), &back, NULL) == ERR_OK);
    assert(back.n_media == offer->n_media);
    assert(sdp_judge(offer, &back, &stream) == SDP_FAULT_NONE);
    buf_reset(&b);
    if (sdp_offer(&local, &b) == ERR_OK)
        (void)sdp_apply(&local, offer, &agreed);
}

/* A value is of the format's own text. */
static void values(const struct sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++)
        for (size_t k = 0; k < s->media[i].n_formats; k++) {
            struct slice fmtp = s->media[i].formats[k].fmtp, v = SLICE_NONE;

            if (sdp_fmtp_value(fmtp, S("useinbandfec"), &v) && v.n)
                assert(v.p >= fmtp.p && v.p + v.n <= fmtp.p + fmtp.n);
        }
}

/* Another's description in the place of ours: readable where it was. */
static void pass(const struct sdp *s, struct slice in)
{
    static char      block[SDP_MAX_OCTETS + 512], own[SDP_MAX_WRITTEN];
    struct buf       b = BUF_ON(block), said = BUF_ON(own);
    struct sdp_local local;
    struct sdp       back;

    (void)sdp_local_init(&local, 1, codecs, N_CODECS);
    local.rtp = (struct addr){.family = ADDR_IP4, .port = 4000, .ip = {127, 0, 0, 1}};
    if (sdp_offer(&local, &said) || sdp_pass(&local, in, &b) || b.n > SDP_MAX_OCTETS)
        return;
    assert(sdp_parse(buf_slice(&b), &back, NULL) == ERR_OK || s->n_media == SDP_MAX_MEDIA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         block[512];
    struct buf   b = BUF_ON(block);
    struct slice in = {(const char *)data, size};
    struct sdp   s;

    copy(in);
    mask(in);
    if (sdp_parse(in, &s, NULL) == ERR_OK) {
        sdp_put_summary(&b, &s);
        values(&s);
        pass(&s, in);
        answer(&s, SDP_SRTP_OFF);
        answer(&s, SDP_SRTP_OPTIONAL);
        answer(&s, SDP_SRTP_REQUIRED);
    }
    return 0;
}

/* uri_fuzz.c - URIs: what parses is written and parses again, equal to itself and with the same key. */
#include <assert.h>

#include "sip/uri/uri.h"

enum { OUT_OCTETS = 4 * URI_MAX_OCTETS };

static char written[OUT_OCTETS], key[OUT_OCTETS], again[OUT_OCTETS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void params_more_and_less(const struct uri *u)
{
    struct buf   b = BUF_ON(written);
    struct uri   v;
    struct slice value;

    if (u->scheme == URI_OTHER || u->raw.n > URI_MAX_OCTETS - 100)
        return;
    uri_write_with(&b, u, S("fuzzed"), S("yes"));
    if (uri_parse(buf_slice(&b), &v, NULL) == ERR_OK)
        assert(uri_param(&v, S("fuzzed"), &value) == ERR_OK && slice_eq(value, S("yes")));
    buf_reset(&b);
    uri_write_without(&b, u, S("fuzzed"));
    assert(uri_parse(buf_slice(&b), &v, NULL) == ERR_OK && !uri_has_param(&v, S("fuzzed")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size};
    struct buf   b = BUF_ON(written), k = BUF_ON(key), k2 = BUF_ON(again);
    struct uri   u, v;
    struct addr  a;
    size_t       fault = size + 1;
    enum err     e = uri_parse(in, &u, &fault);

    assert(e != ERR_SYNTAX || fault <= size);
    if (e)
        return 0;
    uri_write(&b, &u);
    assert(buf_err(&b) == ERR_OK);
    assert(uri_parse(buf_slice(&b), &v, NULL) == ERR_OK);
    assert(uri_equal(&u, &u) && uri_equal(&u, &v) && uri_equal(&v, &u));
    uri_put_aor(&k, &u);
    uri_put_aor(&k2, &v);
    assert(slice_eq(buf_slice(&k), buf_slice(&k2)));
    (void)uri_host_addr(&u, &a);
    params_more_and_less(&u);
    return 0;
}

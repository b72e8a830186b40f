/* save_test.c - what is written is shown around: it proves no password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/flow/capture.h"
#include "sys/heap.h"

enum { BLOCK_OCTETS = 1 << 16, LIMIT_OCTETS = 1 << 24 };

static void a_written_capture_proves_no_password(void **state)
{
    struct trace_message        m = {.octets = S("REGISTER sip:x SIP/2.0\r\nAuthorization: Digest response=\"5ec2e7\"\r\n\r\n")};
    const struct trace_message *p = &m;
    struct slice                file;
    struct arena                a;
    struct mem                  mem;

    (void)state;
    heap_mem(&mem);
    arena_init(&a, &mem, BLOCK_OCTETS, LIMIT_OCTETS);
    assert_int_equal(addr_parse(S("192.0.2.1:5060"), &m.from), ERR_OK);
    m.to = m.from;
    for (m.transport = TRACE_UDP; m.transport <= TRACE_TCP; m.transport++) {
        assert_int_equal(capture_write(&a, &p, 1, &file), ERR_OK);
        assert_true(slice_find_slice(file, S("response=\"******\"")) != SIZE_MAX);
        assert_int_equal(slice_find_slice(file, S("5ec2e7")), SIZE_MAX);
    }
    assert_true(slice_find_slice(m.octets, S("5ec2e7")) != SIZE_MAX); /* what was read is as it was */
    arena_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_written_capture_proves_no_password)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

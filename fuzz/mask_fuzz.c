/* mask_fuzz.c - secrets covered in any octets: lines stay where they are, nothing but asterisks comes, and a second time changes nothing. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *once = malloc(size + 1), *twice = malloc(size + 1);

    assert(once && twice);
    if (size)
        memcpy(once, data, size);
    trace_mask(once, size);
    for (size_t i = 0; i < size; i++)
        assert(once[i] == (char)data[i] || (once[i] == '*' && data[i] != '\r' && data[i] != '\n'));
    if (size)
        memcpy(twice, once, size);
    trace_mask(twice, size);
    assert(!memcmp(once, twice, size));
    free(once);
    free(twice);
    return 0;
}

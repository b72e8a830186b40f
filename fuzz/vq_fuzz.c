/* vq_fuzz.c - voice quality reports: whatever is read can be written, and is read the same again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vq/vq.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char      room[2 * VQ_MAX_OCTETS];
    struct buf       b = BUF_ON(room);
    char            *copy = malloc(size ? size : 1); /* of exactly its size */
    struct vq_report r, back;

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (vq_read((struct slice){copy, size}, &r) == ERR_OK) {
        vq_put(&b, &r);
        assert(buf_err(&b) == ERR_OK);
        assert(vq_read(buf_slice(&b), &back) == ERR_OK);
        assert(slice_eq(back.call_id, r.call_id) && back.here.loss == r.here.loss && back.there.mos_cq == r.there.mos_cq);
    }
    free(copy);
    return 0;
}

/* pcap_fuzz.c - a capture file, all the way: packets, messages, stories, a ladder of each, a judgement. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "app/flow/capture.h"
#include "sys/heap.h"

enum { MEMORY = 256 << 20, TEXT = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct trace *t)
{
    char      *room = malloc(TEXT);
    struct buf b;

    if (!room)
        return;
    for (size_t s = 0; s < t->n_stories; s++) {
        struct trace_look look = {.columns = 80, .story = s + 1};

        buf_init(&b, room, TEXT);
        trace_put_text(&b, &t->stories[s], &look);
        trace_put_json(&b, &t->stories[s], &look);
        trace_put_svg(&b, &t->stories[s], &look);
    }
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem         heap;
    struct arena       a;
    struct hash_key    key = {1, 2};
    struct trace_input in = {0};
    struct trace      *t;
    bool               damaged;

    heap_mem(&heap);
    arena_init(&a, &heap, 1 << 16, MEMORY);
    in.key = key;
    if (capture_read(&a, &key, (struct slice){(const char *)data, size}, &in, &damaged) == ERR_OK) {
        in.key = key;
        if (trace_build(&a, &in, &t) == ERR_OK)
            draw(t);
    }
    arena_close(&a);
    return 0;
}

/* build.c - the door of understanding: one pass after the other.
 *
 * Room      trace (pure). In: struct trace_input. Out: struct trace. Owns nothing: all is in the arena. */
#include "trace/trace_priv.h"

enum err trace_build(struct arena *a, const struct trace_input *in, struct trace **out)
{
    static enum err (*const passes[])(struct trace_inside *) = {
        trace_read,         trace_find_ends, trace_find_tsxs,   trace_find_calls,    trace_find_dialogs, trace_find_links,
        trace_make_stories, trace_tell,      trace_find_faults, trace_give_verdicts, trace_number_rows,
    };
    struct trace        *t = ARENA_NEW(a, struct trace);
    struct trace_inside *inside = ARENA_NEW(a, struct trace_inside);

    if (!t || !inside)
        return ERR_NOMEM;
    if (in->n_messages > TRACE_MAX_MESSAGES || in->n_sounds > TRACE_MAX_SOUND || in->n_gaps > TRACE_MAX_GAPS)
        return ERR_LIMIT;
    *inside = (struct trace_inside){.a = a, .in = in, .t = t};
    t->inside = inside;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        enum err e = passes[i](inside);

        if (e || inside->err)
            return e ? e : inside->err;
    }
    *out = t;
    return ERR_OK;
}

/* steward.c - what stands beside the calls: the recorder and the control socket, opened and closed.
 *
 * Room      app/serve.
 * Not here  the socket (control.c), what was recorded as lines (trace_lines.c), ending a call (end_call.c). */
#include "app/serve/steward.h"

#include <stdio.h>

#include "app/serve/steward_priv.h"
#include "sys/clock.h"

enum { KEPT_OCTETS = 48 << 20 };

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return (int64_t)(clock_wall_us() / 1000);
}

static struct slice app(void *ctx, struct slice number)
{
    const struct steward *s = ctx;

    return voice_app_of(core_voice(s->x->core), number);
}

static bool trunk_state(void *ctx, struct slice name, struct buf *words)
{
    struct trunks *t = core_trunks(((struct steward *)ctx)->x->core);

    trunk_put_state(t, name, words);
    return trunk_is_down(t, name);
}

static void overload(void *ctx, struct admin_overload *out)
{
    struct stack_counts n;

    stack_counts(((struct steward *)ctx)->x->stack, &n);
    *out = (struct admin_overload){.workers = (unsigned)n.shedding, .since_ms = (int64_t)n.shedding_since_ms, .calls_per_s = n.calls_per_s,
                                   .let_in = n.let_in, .refused = n.turned_away, .silent = n.unanswered};
}

enum err steward_open(struct exchange *x, struct steward **out, struct exchange_fault *fault)
{
    struct recorder_config rc = {.mem = x->mem, .record = x->record, .n_record = x->n_workers, .octets = KEPT_OCTETS, .threaded = true};
    struct steward        *s = mem_zalloc(x->mem, sizeof *s);
    enum err               e;

    if (!s) {
        snprintf(fault->text, sizeof fault->text, "out of memory");
        return ERR_NOMEM;
    }
    s->x = x;
    s->admin.config = (struct admin_config){.mem = x->mem, .store = x->store, .directory = x->directory, .location = x->location,
                                            .dialogs = x->dialogs, .presence = core_presence(x->core), .now_ms = now_ms,
                                            .end_call = serve_end_call, .app = app, .trunk_state = trunk_state, .overload = overload,
                                            .ctx = s};
    if ((e = recorder_open(&rc, &s->recorder)))
        snprintf(fault->text, sizeof fault->text, "the trace cannot be kept: %s", err_text(e));
    else if ((e = control_open(s, fault)))
        control_close(s);
    if (e) {
        recorder_close(s->recorder);
        mem_free(x->mem, s, sizeof *s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void steward_close(struct steward *s)
{
    if (!s)
        return;
    control_close(s);
    recorder_close(s->recorder);
    mem_free(s->x->mem, s, sizeof *s);
}

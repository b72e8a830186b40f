/* look.c - what the exchange knows of calls: its CDRs, its dialogs; and ending one as an administrator does. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit_priv.h"

enum { LOOK_OCTETS = 4096 };

struct looking {
    struct buf       text;
    unsigned         nth;  /* which one; counted down */
    struct dialog_id id;
    unsigned         shard;
    enum err         result;
    struct core     *core;
    struct stack    *stack;
};

static const char *text_of(struct kit *k, const struct looking *l)
{
    assert_int_equal(buf_err(&l->text), ERR_OK);
    return arena_z(&k->arena, buf_slice(&l->text));
}

void kit_each_seen(struct kit *k, void (*each)(void *ctx, const struct kit_seen *s), void *ctx)
{
    for (const struct seen *s = k->first_seen; s; s = s->next)
        each(ctx, &(struct kit_seen){s->at_us, s->from, s->to, s->octets});
}

static bool on_cdr(void *arg, const struct store_cdr *c)
{
    struct looking *l = arg;

    if (l->nth--)
        return true;
    buf_puts(&l->text, c->caller, S(" "), c->callee, S(" "));
    buf_putu(&l->text, c->code);
    buf_puts(&l->text, S(" "), c->ended_by, S(" "), c->why);
    return false;
}

const char *kit_cdr(struct kit *k, unsigned n)
{
    char                   room[LOOK_OCTETS];
    struct looking         l = {.text = BUF_ON(room), .nth = n};
    struct store_cdr_query q = {0};

    if (k->o.pumped)
        kit_pump(k);
    assert_int_equal(store_each_cdr(k->x.store, &q, on_cdr, &l), ERR_OK);
    return text_of(k, &l);
}

static void put_figure(struct buf *b, uint32_t v, bool hundredths)
{
    if (v == STORE_UNKNOWN) {
        buf_put(b, S(" -"));
        return;
    }
    buf_putc(b, ' ');
    buf_putu(b, hundredths ? v / 100 : v);
    if (hundredths) {
        buf_putc(b, '.');
        buf_putu_wide(b, v % 100, 2);
    }
}

static bool on_quality(void *arg, const struct store_cdr *c)
{
    struct looking *l = arg;

    if (l->nth--)
        return true;
    for (int i = 0; i < 2; i++) {
        const struct store_quality *q = &c->quality[i];

        if (!c->heard[i])
            continue;
        buf_puts(&l->text, l->text.n ? S(", ") : S(""), i ? S("callee") : S("caller"), q->hearsay ? S("?") : S(""));
        put_figure(&l->text, q->loss, true);
        put_figure(&l->text, q->jitter_ms, false);
        put_figure(&l->text, q->mos_cq, true);
    }
    return false;
}

const char *kit_quality(struct kit *k, unsigned n)
{
    char                   room[LOOK_OCTETS];
    struct looking         l = {.text = BUF_ON(room), .nth = n};
    struct store_cdr_query q = {0};

    if (k->o.pumped)
        kit_pump(k);
    assert_int_equal(store_each_cdr(k->x.store, &q, on_quality, &l), ERR_OK);
    return text_of(k, &l);
}

static struct slice state_text(const struct dialog_record *r)
{
    if (r->state == DIALOG_CONFIRMED)
        return S("talking");
    return r->code >= 180 ? S("ringing") : S("calling");
}

static struct slice who(const struct dialog_party *p)
{
    return p->number.n ? p->number : p->outsider;
}

static bool on_call(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct looking *l = arg;

    (void)id;
    buf_puts(&l->text, l->text.n ? S(", ") : S(""), who(&r->side[DIALOG_CALLER]), S(" "), who(&r->side[DIALOG_CALLEE]), S(" "),
             state_text(r));
    return true;
}

const char *kit_calls(struct kit *k)
{
    char           room[LOOK_OCTETS];
    struct looking l = {.text = BUF_ON(room)};

    assert_int_equal(dialogs_each(k->x.dialogs, on_call, &l), ERR_OK);
    return text_of(k, &l);
}

static bool on_wanted(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    struct looking *l = arg;

    if (l->nth--)
        return true;
    l->id = id;
    l->shard = stack_shard_of(l->stack, r->call_id);
    return false;
}

static void hang_up(void *arg, struct shard *sh)
{
    struct looking *l = arg;

    l->result = core_hang_up(l->core, sh, l->id, S("ended by an administrator"));
}

enum err kit_hang_up(struct kit *k, unsigned n)
{
    struct looking l = {.nth = n, .core = k->x.core, .stack = k->x.stack, .result = ERR_NOTFOUND};

    assert_int_equal(dialogs_each(k->x.dialogs, on_wanted, &l), ERR_OK);
    if (l.id.gen)
        assert_int_equal(stack_run(k->x.stack, 0, l.shard, hang_up, &l), ERR_OK);
    return l.result;
}

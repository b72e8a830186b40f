/* trace_lines.c - the act "trace" of the control socket: what was recorded, one JSON object on a line for each entry.
 *
 * Room      app/serve.
 * In        control.c, on the client's thread.
 * Touches   the recorder, only to read. A message's octets go as base64: they may be no text. */
#include <stdlib.h>

#include "app/serve/steward_priv.h"

enum { FOLLOW_MS = 100 };

static void set_text(json_t *o, const char *key, struct slice s)
{
    json_t *j = json_stringn(s.n ? s.p : "", s.n);

    json_object_set_new(o, key, j ? j : json_string("(not UTF-8)"));
}

static void set_addr(json_t *o, const char *key, const struct addr *a)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put(&b, a);
    set_text(o, key, buf_slice(&b));
}

static json_t *entry_json(const struct recorder_item *item)
{
    const struct record_entry *e = item->entry;
    json_t                    *o = json_object();
    size_t                     cap = e->octets.n / 3 * 4 + 8;
    char                      *room = malloc(cap);
    struct buf                 b;

    json_object_set_new(o, "n", json_integer((json_int_t)item->serial));
    json_object_set_new(o, "t", json_integer((json_int_t)e->wall_us));
    json_object_set_new(o, "missed", json_integer((json_int_t)e->missed));
    if (e->kind == RECORD_REASON) {
        set_text(o, "code", e->code);
        set_text(o, "call-id", e->call_id);
        set_text(o, "text", e->octets);
    } else if (room) {
        json_object_set_new(o, "out", json_boolean(e->out));
        set_text(o, "transport", e->transport);
        set_addr(o, "local", &e->local);
        set_addr(o, "remote", &e->remote);
        buf_init(&b, room, cap);
        buf_put_base64(&b, e->octets);
        set_text(o, "octets", buf_slice(&b));
    }
    free(room);
    return o;
}

struct tracing {
    struct client *c;
    bool           gone;
};

static bool on_item(void *arg, const struct recorder_item *item)
{
    struct tracing *t = arg;

    t->gone = !control_send(t->c, entry_json(item));
    return !t->gone;
}

void serve_trace_lines(struct client *c, const json_t *request)
{
    struct tracing t = {c, false};
    bool           follow = json_is_true(json_object_get(request, "follow")), lost = false;
    uint64_t       after = (uint64_t)json_integer_value(json_object_get(request, "after"));
    json_t        *end;

    do {
        bool some = false;

        after = recorder_each(c->s->recorder, after, on_item, &t, &some);
        lost = lost || some;
    } while (follow && !t.gone && control_pause(c, FOLLOW_MS));
    end = json_pack("{s:b, s:b, s:I, s:b}", "ok", 1, "end", 1, "n", (json_int_t)after, "lost", lost);
    if (!t.gone)
        control_send(c, end);
    else
        json_decref(end);
}

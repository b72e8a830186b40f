/* kept.c - a subscription as it stands in the file: written, checked, read.
 *
 * Room      server/presence.
 * Whole     a record is written into a slot whose serial is 0, then kept_make_valid() stores the serial with release order:
 *           after kill -9 a slot either has its serial and all the rest, or is free. Of two with one Call-ID and tag the
 *           higher serial is the newer (restore.c).
 * Checked   a machine that crashes may leave pages of different ages: the checksum finds those. What changes in place is
 *           outside it.
 * Touches   the slot it is given. */
#include <stddef.h>
#include <string.h>

#include "server/presence/presence_priv.h"

enum { FLAG_EVENTLIST = 1, FLAG_SECURE = 2 };

static uint32_t checksum(const struct slot *s, uint64_t serial)
{
    struct hash_key key = {serial, 0x73756273637269};

    return (uint32_t)hash_octets(&key, (struct slice){(const char *)&s->flags, s->used - offsetof(struct slot, flags)});
}

enum err kept_write(struct slot *s, const struct kept *k)
{
    struct buf b;

    buf_init(&b, s->text, sizeof s->text);
    for (int i = 0; i < N_TEXTS; i++) {
        s->n_text[i] = (uint16_t)k->text[i].n; /* what is longer has overflowed the buffer */
        buf_put(&b, k->text[i]);
    }
    if (buf_err(&b))
        return ERR_LIMIT;
    s->used = (uint32_t)(offsetof(struct slot, text) + b.n);
    s->flags = (k->eventlist ? FLAG_EVENTLIST : 0) | (k->secure ? FLAG_SECURE : 0);
    s->made_ms = k->made_ms;
    s->expires_ms = k->expires_ms;
    s->local_cseq = k->local_cseq;
    s->remote_cseq = k->remote_cseq;
    s->version = k->version;
    return ERR_OK;
}

void kept_make_valid(struct slot *s, uint64_t serial)
{
    s->check = checksum(s, serial);
    atomic_store_explicit(&s->serial, serial, memory_order_release);
}

bool kept_is_sound(const struct slot *s)
{
    size_t n = offsetof(struct slot, text);

    for (int i = 0; i < N_TEXTS; i++)
        n += s->n_text[i];
    return s->used == n && n <= sizeof *s && s->check == checksum(s, s->serial);
}

void kept_read(const struct slot *s, struct kept *out)
{
    const char *at = s->text;

    for (int i = 0; i < N_TEXTS; i++) {
        out->text[i] = (struct slice){at, s->n_text[i]};
        at += s->n_text[i];
    }
    out->made_ms = s->made_ms;
    out->expires_ms = s->expires_ms;
    out->local_cseq = s->local_cseq;
    out->remote_cseq = s->remote_cseq;
    out->version = s->version;
    out->eventlist = s->flags & FLAG_EVENTLIST;
    out->secure = s->flags & FLAG_SECURE;
}

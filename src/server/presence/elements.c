/* elements.c - what a subscriber has been told of each part of a state, so that it can be told the rest only.
 *
 * Room      server/presence.
 * In        packages, while they write a body.
 * Touches   struct presence_elements of the NOTIFY that is being made. */
#include <string.h>

#include "server/presence/presence_priv.h"

static const struct element *known(const struct element *list, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].id == id)
            return &list[i];
    return NULL;
}

static uint64_t hash_of(struct slice text)
{
    const struct hash_key plain = {0x656c656d, 0x656e74}; /* of our own texts: nobody gains by a collision */

    return hash_octets(&plain, text);
}

bool presence_element_due(const struct presence_ask *ask, uint64_t id, struct slice text)
{
    const struct element *was = known(ask->elements->was, ask->elements->n_was, id);

    return ask->elements->full || !was || was->hash != hash_of(text);
}

bool presence_element(const struct presence_ask *ask, uint64_t id, struct slice text)
{
    struct presence_elements *el = ask->elements;
    uint64_t                  hash = hash_of(text);
    const struct element     *was = known(el->was, el->n_was, id);
    bool                      news = !was || was->hash != hash;

    if (el->n_now < PRESENCE_MAX_ELEMENTS)
        el->now[el->n_now++] = (struct element){id, hash};
    else
        el->overflow = true;
    el->news = el->news || news;
    return el->full || news;
}

bool presence_gone(const struct presence_ask *ask, uint64_t *id)
{
    struct presence_elements *el = ask->elements;

    for (; el->gone_at < el->n_was; el->gone_at++)
        if (!known(el->now, el->n_now, el->was[el->gone_at].id)) {
            *id = el->was[el->gone_at++].id;
            el->news = true;
            return true;
        }
    return false;
}

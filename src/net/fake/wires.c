/* wires.c - what lies between two addresses: delay, chance, cuts.
 *
 * Room      net/fake.
 * Touches   the lists of links and cuts, and the world's random numbers. */
#include <string.h>

#include "net/fake/fake_priv.h"

void fake_set_link(struct fake *w, const struct fake_link *link)
{
    w->link = *link;
}

static struct between *find_between(struct fake *w, const struct addr *a, const struct addr *b)
{
    for (struct list_node *n = list_first(&w->links); n; n = list_next(&w->links, n)) {
        struct between *x = LIST_OF(n, struct between, node);

        if ((addr_same_ip(&x->a, a) && addr_same_ip(&x->b, b)) || (addr_same_ip(&x->a, b) && addr_same_ip(&x->b, a)))
            return x;
    }
    return NULL;
}

void fake_set_link_between(struct fake *w, const struct addr *a, const struct addr *b, const struct fake_link *link)
{
    struct between *x = find_between(w, a, b);

    if (!link) {
        if (x) {
            list_remove(&x->node);
            fake_free(w, x, sizeof *x);
        }
        return;
    }
    if (!x) {
        x = fake_alloc(w, sizeof *x);
        x->a = *a;
        x->b = *b;
        list_append(&w->links, &x->node);
    }
    x->link = *link;
}

const struct fake_link *fake_link_between(struct fake *w, const struct addr *a, const struct addr *b)
{
    struct between *x = list_empty(&w->links) ? NULL : find_between(w, a, b);

    return x ? &x->link : &w->link;
}

static struct addr *copy_addresses(struct fake *w, const struct addr *a, size_t n)
{
    struct addr *copy = fake_alloc(w, n * sizeof *copy);

    if (n)
        memcpy(copy, a, n * sizeof *copy);
    return copy;
}

void fake_cut(struct fake *w, const struct addr *a, size_t n_a, const struct addr *b, size_t n_b)
{
    struct cut *c = fake_alloc(w, sizeof *c);

    *c = (struct cut){.a = copy_addresses(w, a, n_a), .b = copy_addresses(w, b, n_b), .n_a = n_a, .n_b = n_b};
    list_append(&w->cuts, &c->node);
}

void fake_heal(struct fake *w)
{
    for (struct list_node *n; (n = list_pop(&w->cuts));) {
        struct cut *c = LIST_OF(n, struct cut, node);

        fake_free(w, c->a, c->n_a * sizeof *c->a);
        fake_free(w, c->b, c->n_b * sizeof *c->b);
        fake_free(w, c, sizeof *c);
    }
}

static bool among(const struct addr *set, size_t n, const struct addr *x)
{
    for (size_t i = 0; i < n; i++)
        if (addr_same_ip(&set[i], x))
            return true;
    return false;
}

static bool divides(const struct cut *c, const struct addr *a, const struct addr *b)
{
    if (!among(c->a, c->n_a, a))
        return false;
    return c->n_b ? among(c->b, c->n_b, b) : !among(c->a, c->n_a, b);
}

bool fake_is_cut(struct fake *w, const struct addr *a, const struct addr *b)
{
    for (struct list_node *n = list_first(&w->cuts); n; n = list_next(&w->cuts, n)) {
        struct cut *c = LIST_OF(n, struct cut, node);

        if (divides(c, a, b) || divides(c, b, a))
            return true;
    }
    return false;
}

bool fake_same_node(struct fake *w, const struct addr *a, const struct addr *b)
{
    struct fake_node *n = fake_node_at(w, a);

    return n && n == fake_node_at(w, b);
}

bool fake_chance(struct fake *w, uint32_t ppm)
{
    return ppm && rng_below(&w->random.rng, 1000000) < ppm;
}

uint64_t fake_delay_of(struct fake *w, const struct fake_link *l)
{
    return l->delay_us + (l->jitter_us ? rng_below(&w->random.rng, (uint64_t)l->jitter_us + 1) : 0);
}

void fake_set_filter(struct fake *w, fake_hold_us *hold, void *ctx)
{
    w->hold = hold;
    w->hold_ctx = ctx;
}

void fake_wires_close(struct fake *w)
{
    fake_heal(w);
    for (struct list_node *n; (n = list_pop(&w->links));)
        fake_free(w, LIST_OF(n, struct between, node), sizeof(struct between));
}

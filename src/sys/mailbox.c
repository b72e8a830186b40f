/* mailbox.c - calls left for one thread.
 *
 * Room      sys.
 * Touches   *m and its letters. Letters come in chunks that are kept until the box is closed: in the steady state nothing
 *           is allocated. */
#include "sys/mailbox.h"

struct mailbox_letter {
    struct mailbox_letter *next;
    void (*fn)(void *arg);
    void *arg;
};

struct mailbox_chunk {
    struct mailbox_chunk *next;
    struct mailbox_letter letters[MAILBOX_CHUNK];
};

/* A chunk's letters, linked, ready to be spare. */
static enum err make_chunk(struct mailbox *m, struct mailbox_chunk **out)
{
    struct mailbox_chunk *c = mem_zalloc(&m->mem, sizeof *c);

    if (!c)
        return ERR_NOMEM;
    for (size_t i = 0; i + 1 < MAILBOX_CHUNK; i++)
        c->letters[i].next = &c->letters[i + 1];
    *out = c;
    return ERR_OK;
}

static void add_chunk(struct mailbox *m, struct mailbox_chunk *c)
{
    c->next = m->chunks;
    m->chunks = c;
    c->letters[MAILBOX_CHUNK - 1].next = m->spare;
    m->spare = &c->letters[0];
}

enum err mailbox_open(struct mailbox *m, struct mem *mem)
{
    struct mailbox_chunk *c;

    *m = (struct mailbox){.mem = *mem};
    if (make_chunk(m, &c))
        return ERR_NOMEM;
    add_chunk(m, c);
    return ERR_OK;
}

void mailbox_close(struct mailbox *m)
{
    for (struct mailbox_chunk *c = m->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(&m->mem, c, sizeof *c);
    }
    *m = (struct mailbox){0};
}

/* A spare letter, or NULL; the lock is held before and after, but not while memory is asked for. */
static struct mailbox_letter *take_letter(struct mailbox *m)
{
    struct mailbox_letter *l;

    if (!m->spare) {
        struct mailbox_chunk *c = NULL;

        spin_unlock(&m->lock);
        make_chunk(m, &c);
        spin_lock(&m->lock);
        if (c)
            add_chunk(m, c);
    }
    if ((l = m->spare))
        m->spare = l->next;
    return l;
}

enum err mailbox_put(struct mailbox *m, void (*fn)(void *arg), void *arg, bool *first_waiting)
{
    struct mailbox_letter *l;

    spin_lock(&m->lock);
    if ((l = take_letter(m))) {
        *l = (struct mailbox_letter){NULL, fn, arg};
        if (first_waiting)
            *first_waiting = !atomic_load_explicit(&m->first, memory_order_relaxed);
        if (atomic_load_explicit(&m->first, memory_order_relaxed))
            m->last->next = l;
        else
            atomic_store(&m->first, l);
        m->last = l;
    }
    spin_unlock(&m->lock);
    return l ? ERR_OK : ERR_NOMEM;
}

bool mailbox_waiting(struct mailbox *m)
{
    return atomic_load(&m->first) != NULL;
}

bool mailbox_several(struct mailbox *m)
{
    bool several;

    if (!mailbox_waiting(m))
        return false;
    spin_lock(&m->lock);
    several = atomic_load_explicit(&m->first, memory_order_relaxed) != m->last;
    spin_unlock(&m->lock);
    return several;
}

size_t mailbox_run(struct mailbox *m, void (*before)(void *arg), void *arg)
{
    struct mailbox_letter *first, *l;
    size_t                 n = 0;

    if (!mailbox_waiting(m))
        return 0;
    spin_lock(&m->lock);
    first = atomic_load_explicit(&m->first, memory_order_relaxed);
    atomic_store_explicit(&m->first, NULL, memory_order_relaxed);
    m->last = NULL;
    spin_unlock(&m->lock);
    for (l = first;; l = l->next) {
        if (before)
            before(arg);
        l->fn(l->arg);
        n++;
        if (!l->next) /* no more are hung on: the box has begun anew */
            break;
    }
    spin_lock(&m->lock);
    l->next = m->spare;
    m->spare = first;
    spin_unlock(&m->lock);
    return n;
}

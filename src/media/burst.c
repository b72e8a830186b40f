/* burst.c - bursts and gaps of loss: RFC 3611 §4.7.2.
 *
 * Room      media; no world in here.
 * Touches   *b only. */
#include "media/burst.h"

/* A burst is over. One packet lost alone is none. */
static void close_run(struct burst *b)
{
    if (b->run_missing > 1) {
        b->bursts++;
        b->burst_packets += b->run;
        b->burst_missing += b->run_missing;
    }
    b->run = b->run_missing = 0;
}

static void miss(struct burst *b, uint32_t n)
{
    b->run = b->run_missing ? b->run + b->heard + n : n;
    b->run_missing += n;
    b->heard = 0;
    b->packets += n;
    b->missing += n;
    b->holes++;
}

void burst_on_packet(struct burst *b, uint32_t seq)
{
    int32_t hole = b->begun ? (int32_t)(seq - b->next) : 0;

    if (hole < 0)
        return;
    if (hole > BURST_MAX_JUMP)
        burst_cut(b);
    else if (hole > 0)
        miss(b, (uint32_t)hole);
    b->begun = true;
    b->next = seq + 1;
    b->packets++;
    b->heard++;
    if (b->run_missing && b->heard >= BURST_GMIN)
        close_run(b);
}

void burst_cut(struct burst *b)
{
    close_run(b);
    b->begun = false;
    b->heard = 0;
}

static double part(uint32_t of, uint32_t all)
{
    return all ? (double)of / all : 0;
}

/* Mean length of a hole against that at random, which is 1 / (1 - loss). */
static double ratio(const struct burst *b, double missing)
{
    double r = b->holes ? part(b->missing, b->holes) * (1 - missing) : 1;

    return r < 1 ? 1 : r;
}

void burst_figures(const struct burst *b, struct burst_figures *out)
{
    struct burst all = *b;
    uint32_t     gap_packets;

    close_run(&all);
    gap_packets = all.packets - all.burst_packets;
    *out = (struct burst_figures){.missing = part(all.missing, all.packets)};
    out->ratio = ratio(&all, out->missing);
    out->burst_density = part(all.burst_missing, all.burst_packets);
    out->gap_density = part(all.missing - all.burst_missing, gap_packets);
    out->burst_packets = all.bursts ? all.burst_packets / all.bursts : 0;
    out->gap_packets = gap_packets / (all.bursts + 1);
}

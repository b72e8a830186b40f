/* names_find.h - which header field a name is: the finder of names.c, for the reader of rows. Private.
 *
 * Inline: it is asked once for each row of each message. */
#ifndef SIP_MSG_NAMES_FIND_H
#define SIP_MSG_NAMES_FIND_H

#include "sip/msg/msg_priv.h"

enum { HDR_SLOT_BITS = 8, HDR_MAX_NAME = 29 };

struct hdr_entry {
    char    name[HDR_MAX_NAME]; /* and its colon; the rest is zero */
    uint8_t n;                  /* of the name */
    char    compact;
    uint8_t kind;
};

extern const struct hdr_entry hdr_entries[HDR_N];
extern const uint8_t          hdr_by_slot[1 << HDR_SLOT_BITS];
extern const uint8_t          hdr_by_letter[256];

/* A name and its colon, as far as 16 octets go, as two numbers; what is behind is zero. */
enum { HDR_SHORT_OCTETS = 16 };
struct hdr_words {
    uint64_t first, second;
};
extern const char hdr_mask[2 * HDR_SHORT_OCTETS]; /* octets of one bits, and then of none */

/* Of n octets and a colon; HDR_SHORT_OCTETS can be read. */
static inline struct hdr_words hdr_words_at(const char *p, size_t n)
{
    const char *mask = hdr_mask + HDR_SHORT_OCTETS - 1 - n;

    return (struct hdr_words){scan_word(p) & scan_word(mask), scan_word(p + 8) & scan_word(mask + 8)};
}

/* Letters count as small ones; any other octet may count as another one, too, since the name is compared later. */
static inline unsigned hdr_slot(struct hdr_words w)
{
    return (unsigned)(((w.first ^ w.second) | 0x20 * SCAN_EACH) * 0x8fd930f99f86b45d >> (64 - HDR_SLOT_BITS));
}

enum hdr_id hdr_find_in_any_case(enum hdr_id id, struct slice name);
/* hdr_find() of a name in a line of a message: n octets and a colon, fewer than HDR_SHORT_OCTETS, all of which can be read. */
static inline enum hdr_id hdr_find_short(const char *p, size_t n)
{
    struct hdr_words        w;
    const struct hdr_entry *h;
    enum hdr_id             id;

    if (n == 1)
        return (enum hdr_id)hdr_by_letter[(unsigned char)*p];
    w = hdr_words_at(p, n);
    id = (enum hdr_id)hdr_by_slot[hdr_slot(w)];
    h = &hdr_entries[id];
    if (w.first == scan_word(h->name) && w.second == scan_word(h->name + 8))
        return id; /* nearly everybody writes it as its RFC does */
    return hdr_find_in_any_case(id, (struct slice){p, n});
}

#endif

/* names_find.h - which header field a name is: the finder of names.c, for the reader of rows. Private.
 *
 * Inline: it is asked once for each row of each message. */
#ifndef SIP_MSG_NAMES_FIND_H
#define SIP_MSG_NAMES_FIND_H

#include "sip/msg/msg_priv.h"

enum { HDR_SLOT_BITS = 8, HDR_MAX_NAME = 29 };

struct hdr_entry {
    char    name[HDR_MAX_NAME]; /* the rest is zero: eight octets can be taken of any */
    uint8_t n;                  /* of the name */
    char    compact;
    uint8_t kind;
};

extern const struct hdr_entry hdr_entries[HDR_N];
extern const uint8_t          hdr_by_slot[1 << HDR_SLOT_BITS];
extern const uint8_t          hdr_by_letter[256];

/* Letters count as small ones; any other octet may count as another one, too, since the name is compared later. */
static inline unsigned hdr_slot(uint64_t first, uint64_t last, size_t n)
{
    const uint64_t small = 0x20 * SCAN_EACH;

    return (unsigned)(((first | small) + (last | small) * 5 + n) * 0x3e1ab2d548e16505 >> (64 - HDR_SLOT_BITS));
}

/* hdr_find() of a name whose first eight octets are known: those that it does not have are zero. */
static inline enum hdr_id hdr_find_by(struct slice name, uint64_t first)
{
    const struct hdr_entry *h;
    enum hdr_id             id;
    uint64_t                last;

    if (name.n <= 1)
        return name.n ? (enum hdr_id)hdr_by_letter[(unsigned char)ascii_lower(name.p[0])] : HDR_OTHER;
    last = name.n > 8 ? scan_word(name.p + name.n - 8) : first;
    id = (enum hdr_id)hdr_by_slot[hdr_slot(first, last, name.n)];
    h = &hdr_entries[id];
    if (h->n != name.n)
        return HDR_OTHER;
    /* nearly everybody writes it as its RFC does */
    if (name.n <= 16 && first == scan_word(h->name) && (name.n <= 8 || last == scan_word(h->name + name.n - 8)))
        return id;
    return slice_ieq(hdr_name(id), name) ? id : HDR_OTHER;
}

#endif

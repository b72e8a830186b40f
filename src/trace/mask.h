/* mask.h - what must not be shown around is covered with asterisks, before messages leave the exchange, the phone or the program
 * that drew them. Pure. Part of the door trace/trace.h.
 *
 * Covered are: what proves a password (response, cnonce and rspauth of a digest; with them a password can be guessed at leisure),
 * credentials of other schemes whole, and keys of SRTP in session descriptions. Nonces, names and addresses stay. Lengths and
 * lines stay too, so that a message is still the message, and a capture that holds it is still right. */
#ifndef TRACE_MASK_H
#define TRACE_MASK_H

#include <stddef.h>

/* In place. The octets may be any: a message, a part of one, none, a broken one. */
void trace_mask(char *octets, size_t n);

#endif

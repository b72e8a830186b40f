/* cold.h - a function that few messages need. Pure.
 *
 * It is not made a part of those that call it, and lies apart from them: what every message passes should fit into the
 * cache that holds instructions. For refusals, and for what the grammar allows and hardly anybody writes. */
#ifndef BASE_COLD_H
#define BASE_COLD_H

#define COLD __attribute__((cold, noinline))

#endif

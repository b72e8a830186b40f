/* matrix.h - bad luck, all of it: a flow between our phones round our exchange, digest on, in virtual time, once for each of its
 * messages and each mishap at that message.
 *
 *     lost      that message and its repeats never arrive
 *     twice     it arrives two times
 *     late      it arrives 700 ms later: behind its first repeat, and behind what was sent after it
 *     silences  from then on nothing reaches that party, or comes from it
 *     restarts  that party begins anew: a phone with no memory, the exchange (kill -9) on its data folder
 *
 * People act by a script. Where it cannot go on they wait, then hang up what is up, but for who hears it ring; else they leave
 * it alone. What must hold then:
 *   - nothing rings, and nobody hears ringback (of a phone's own or the exchange's);
 *   - no call is listed that nobody is in; no transaction, leg, socket, transfer or octet is left in exchange and phones;
 *   - each story of the trace has a verdict, and where it was one message's fault nobody is "still connected";
 *   - each call that reached a phone has one record, and its times, code and end fit what was on the wire. */
#ifndef KIT_MATRIX_H
#define KIT_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

enum { MATRIX_A, MATRIX_B, MATRIX_C, MATRIX_PHONES, MATRIX_NOBODY, MATRIX_MAX_MOVES = 24 };

struct matrix_move {
    int         who;
    const char *says;  /* a command of its phone; NULL: none, time passes                    */
    int         hears; /* who has to notice; NOBODY ...                                      */
    const char *event; /* ... what: an event of that phone, perhaps with a value, or NULL    */
};

/* Its phones are a, b and c. */
struct matrix_script {
    const char        *name;
    const char        *settings;               /* lines of NUMBER KEY VALUE; a number that is no phone is made, or NULL */
    unsigned           refuses[MATRIX_PHONES]; /* phone_config.refer_code                                               */
    bool               music;                  /* of the exchange is heard, which has the pitch of ringback in it: so that
                                                  is not listened for                                                   */
    struct matrix_move move[MATRIX_MAX_MOVES]; /* ends with neither says nor event                                      */
};

/* The main() of a test: every script with every mishap; the sanitizers' builds take each eleventh. Prints how many cases
 * there were. With `SCRIPT N MISHAP WHO`, such as `"hold" 9 restarts b`, it plays that one and shows it; with `SCRIPT`, that
 * script alone. */
int matrix_main(int argc, char **argv, const struct matrix_script *scripts, size_t n);

#endif

/* admin_priv.h - what the files of app/admin share. */
#ifndef APP_ADMIN_PRIV_H
#define APP_ADMIN_PRIV_H

#include <jansson.h>
#include <stdbool.h>

struct command_line {
    char        data[1024];
    const char *realm;   /* NULL: what the exchange used last, else "strowger" */
    bool        json, help;
    json_t     *request; /* the act */
    char        failed[1200]; /* not empty: it cannot be done, and why */
};

/* --- words.c: the command line as a request. False: wrong (said on stderr) --- */
bool words_read(struct command_line *c, int argc, char **argv);
void words_help(const char *command);

/* --- admin.c: an answer that says what is wrong --- */
json_t *admin_failed(const char *why);

/* --- ask.c: the act done, by the running exchange or on the folder: the answer, also when it failed. NULL: no memory --- */
json_t *ask(const struct command_line *c);

/* --- show.c: a good answer for people --- */
void show(const char *act, const json_t *answer);

#endif

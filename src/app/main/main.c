/* main.c - strowger COMMAND ...: picks the subcommand, and helps who mistypes one.
 *
 * Room      app/main.
 * Exit      0; 1 when the command failed; 2 for a wrong command line. */
#include <stdio.h>
#include <string.h>

#include "app/admin/admin.h"
#include "app/flow/flow.h"
#include "app/load/load.h"
#include "app/main/main.h"
#include "app/phone/phone.h"
#include "app/serve/serve.h"
#include "base/near.h"
#include "base/slice.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv); /* argv[0] is the command's name */
    const char *what;
};

static const struct command commands[] = {
    {"serve", app_serve_main, "the exchange: registrar, proxy, transfers"},
    {"phone", app_phone_main, "a SIP phone for terminal and script"},
    {"flow", app_flow_main, "draw captured or running calls as ladders; judge them against a flow"},
    {"user", app_admin_main, "add, list, set, remove, import, export users"},
    {"group", app_admin_main, "add, list, set, remove ring groups"},
    {"trunk", app_admin_main, "add, list, show, set, remove trunks to other exchanges"},
    {"calls", app_admin_main, "calls in progress; end one"},
    {"bindings", app_admin_main, "which phones are registered, and where"},
    {"subscriptions", app_admin_main, "who watches whom: lamps and the like"},
    {"cdr", app_admin_main, "calls that have ended"},
    {"load", app_load_main, "many phones at once, to see what an exchange can carry"},
    {"explain", app_admin_main, "what would happen now if 1001 called 1003, and why"},
};

static void put_help(FILE *to)
{
    fputs("strowger: a telephone exchange for SIP phones\n\nusage: strowger COMMAND [OPTION...]\n\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-13s %s\n", commands[i].name, commands[i].what);
    fputs("\n`strowger COMMAND --help` says more.\n", to);
}

static int unknown(const char *name)
{
    struct near near = near_to(slice_z(name));

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        near_offer(&near, slice_z(commands[i].name));
    if (near.best.n)
        fprintf(stderr, "strowger: there is no command '%s'; did you mean '%.*s'?\n\n", name, SARG(near.best));
    else
        fprintf(stderr, "strowger: there is no command '%s'\n\n", name);
    put_help(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct slice name = slice_z(argc > 1 ? argv[1] : NULL);

    if (name.n == 0) {
        put_help(stderr);
        return 2;
    }
    if (slice_eq(name, S("--help")) || slice_eq(name, S("-h")) || slice_eq(name, S("help"))) {
        put_help(stdout);
        return 0;
    }
    if (slice_eq(name, S("--version"))) {
        puts("strowger " STROWGER_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_eq(name, slice_z(commands[i].name)))
            return commands[i].main(argc - 1, argv + 1);
    return unknown(argv[1]);
}

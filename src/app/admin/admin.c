/* admin.c - from words to an act, from its answer to lines for people.
 *
 * Room      app/admin.
 * Touches   standard output and error. */
#include "app/admin/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/admin/admin_priv.h"

enum { USUAL_COLUMNS = 100 };

json_t *admin_failed(const char *why)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static int finish(const struct command_line *c, const char *command, json_t *answer)
{
    bool ok = json_is_true(json_object_get(answer, "ok"));

    if (c->json) {
        char *text = json_dumps(answer, JSON_COMPACT);

        printf("%s\n", text ? text : "");
        free(text);
    } else if (ok)
        show(json_string_value(json_object_get(c->request, "act")), answer);
    else
        fprintf(stderr, "strowger %s: %s\n", command, json_string_value(json_object_get(answer, "error")));
    return ok ? 0 : 1;
}

/* What is drawn for people is as wide as their screen. */
static void add_columns(struct command_line *c)
{
    struct winsize size = {.ws_col = 0};

    if (c->json || !c->request || strcmp(json_string_value(json_object_get(c->request, "act")), "explain") != 0)
        return;
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    json_object_set_new(c->request, "columns", json_integer(size.ws_col ? size.ws_col : USUAL_COLUMNS));
}

int app_admin_main(int argc, char **argv)
{
    struct command_line c = {.request = NULL};
    json_t             *answer;
    int                 status = 2;

    if (words_read(&c, argc, argv)) {
        if (c.help) {
            words_help(argv[0]);
            status = 0;
        } else {
            add_columns(&c);
            answer = c.failed[0] ? admin_failed(c.failed) : ask(&c);
            status = answer ? finish(&c, argv[0], answer) : 1;
            json_decref(answer);
        }
    }
    json_decref(c.request);
    return status;
}

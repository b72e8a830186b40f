/* terminal.c - lines in, lines out: with editing on a terminal (libedit), plainly in a script.
 *
 * Room      app/phone.
 * Must hold libedit knows one line at a time in the process: one terminal at a time (the_terminal). */
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/phone/app.h"

enum { INPUT_OCTETS = 4096 };

struct terminal {
    struct net               *net;
    struct mem               *mem;
    const struct terminal_on *on;
    void                     *arg;
    bool                      editing, watching;
    bool                      too_long;      /* what comes up to the next line end is thrown away */
    char                      input[INPUT_OCTETS];
    size_t                    n;
};

/* libedit's callbacks bring no argument. */
static struct terminal *the_terminal;

/* ---- with editing ---- */

static char *complete(const char *text, int state)
{
    static size_t next;
    const char *name;
    size_t n = strlen(text);

    if (!state)
        next = 0;
    while ((name = phone_command_name(next++)))
        if (!strncmp(name, text, n))
            return strdup(name);
    return NULL;
}

/* Commands at the start of the line; behind it file names, as libedit does by itself. */
static char **attempt(const char *text, int start, int end)
{
    (void)end;
    if (start)
        return NULL;
    rl_attempted_completion_over = 1;
    return rl_completion_matches(text, complete);
}

static void on_edited(char *line)
{
    struct terminal *t = the_terminal;

    if (!line) {
        rl_callback_handler_remove();
        net_unwatch_fd(t->net, STDIN_FILENO);
        t->watching = false;
        t->on->end(t->arg, true);
        return;
    }
    if (*line)
        add_history(line);
    t->on->line(t->arg, slice_z(line));
    free(line);
}

static void on_key(void *arg)
{
    (void)arg;
    rl_callback_read_char();
}

static void open_editor(struct terminal *t)
{
    the_terminal = t;
    rl_readline_name = "strowger";
    rl_attempted_completion_function = attempt;
    rl_callback_handler_install("> ", on_edited);
}

/* ---- plain ---- */

static void take_lines(struct terminal *t)
{
    struct slice rest = {t->input, t->n}, line;
    size_t left;

    while (slice_find(rest, '\n') != SIZE_MAX) {
        slice_line(&rest, &line);
        if (!t->too_long)
            t->on->line(t->arg, line);
        t->too_long = false;
    }
    left = rest.n;
    if (left == sizeof t->input) {
        t->too_long = true;
        left = 0;
    }
    memmove(t->input, rest.p, left);
    t->n = left;
}

static void at_end(struct terminal *t)
{
    if (t->n && !t->too_long)
        t->on->line(t->arg, (struct slice){t->input, t->n});
    t->n = 0;
    if (t->watching)
        net_unwatch_fd(t->net, STDIN_FILENO);
    t->watching = false;
    t->on->end(t->arg, false);
}

static bool read_some(struct terminal *t)
{
    ssize_t k = read(STDIN_FILENO, t->input + t->n, sizeof t->input - t->n);

    if (k <= 0) {
        at_end(t);
        return false;
    }
    t->n += (size_t)k;
    take_lines(t);
    return true;
}

static void on_readable(void *arg)
{
    (void)read_some(arg);
}

/* A file cannot be watched, and need not be: all of it is there. */
static void read_file(void *arg)
{
    struct terminal *t = arg;

    if (the_terminal == t)
        while (read_some(t))
            ;
}

/* ---- both ---- */

enum err terminal_open(struct net *n, struct mem *mem, const struct terminal_on *on, void *arg, struct terminal **out)
{
    struct terminal *t = mem_zalloc(mem, sizeof *t);

    if (!t)
        return ERR_NOMEM;
    *t = (struct terminal){.net = n, .mem = mem, .on = on, .arg = arg};
    t->editing = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    the_terminal = t;
    *out = t;
    t->watching = !net_watch_fd(n, STDIN_FILENO, t->editing ? on_key : on_readable, t);
    if (!t->watching)
        net_post(n, read_file, t);
    else if (t->editing)
        open_editor(t);
    return ERR_OK;
}

void terminal_close(struct terminal *t)
{
    if (!t)
        return;
    if (t->editing && t->watching)
        rl_callback_handler_remove();
    if (t->watching)
        net_unwatch_fd(t->net, STDIN_FILENO);
    the_terminal = NULL;
    mem_free(t->mem, t, sizeof *t);
}

bool terminal_put(struct terminal *t, struct slice line)
{
    bool above = t && t->editing && t->watching;

    if (above)
        fputs("\r\033[K", stdout);
    if (fwrite(line.p, 1, line.n, stdout) != line.n || fputc('\n', stdout) == EOF || fflush(stdout))
        return false;
    if (above)
        rl_forced_update_display();
    return true;
}

/* serve.h - `strowger serve`: configuration and wiring of the exchange. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

/* argv[0] is "serve". Returns the exit status: 0 after SIGTERM or SIGINT, 1 when it cannot run, 2 for a wrong command
 * line. */
int app_serve_main(int argc, char **argv);

#endif

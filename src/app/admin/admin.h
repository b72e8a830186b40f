/* admin.h - `strowger user | calls | bindings | cdr | explain`: administration from the command line.
 *
 * The same acts whether the exchange runs (through its control socket) or is down (on the data folder). */
#ifndef APP_ADMIN_H
#define APP_ADMIN_H

/* argv[0] is the command's name. Exit status 0; 1 when it failed; 2 for a wrong command line. */
int app_admin_main(int argc, char **argv);

#endif

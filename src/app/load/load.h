/* load.h - `strowger load`: many phones at once, at a rate that does not wait for the server (open loop). */
#ifndef APP_LOAD_LOAD_H
#define APP_LOAD_LOAD_H

/* argv[0] is "load". 0: everything was driven as asked, and nothing failed; 1: something failed, or the run was not what
 * was asked for (the generator was the limit); 2: a wrong command line. */
int app_load_main(int argc, char **argv);

#endif

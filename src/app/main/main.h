/* main.h - the program: picks the subcommand. */
#ifndef APP_MAIN_H
#define APP_MAIN_H

#define STROWGER_VERSION "0.1.0"

#endif


extern int sys_secret;

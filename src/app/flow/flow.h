/* flow.h - `strowger flow FILE.pcap [options]`: ladders from captures, and captures judged against a flow.
 *
 * argv[0] is "flow". Returns what the process ends with: 0 done (with --check: met), 1 the capture does not meet the flow,
 * 2 the command line, a file or its content is not as it must be (said on stderr). */
#ifndef APP_FLOW_FLOW_H
#define APP_FLOW_FLOW_H

int app_flow_main(int argc, char **argv);

#endif

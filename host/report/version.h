#ifndef QMAC_REPORT_VERSION_H
#define QMAC_REPORT_VERSION_H

/* Of the program, as `qmac --version` and summary.json show it. */
#define QMAC_VERSION "0.1.0"

#endif

/* server/page.h - the web page: files of server/web, which are part of the program.
 * Threads: the control loop. */
#ifndef MCU_SERVER_PAGE_H
#define MCU_SERVER_PAGE_H

#include "net/http.h"

/* Made at build time by scripts/embed; paths as in server/web: "/index.html", "/assets/...". */
extern const struct mcu_http_file mcu_page_files[];
extern const int mcu_page_file_count;

/* The file with this path, or NULL. */
const struct mcu_http_file *mcu_page_file(const char *path);

/* The rows of the routing table, for any argument: "/" and "/r/ROOM" are the page itself, other
 * paths the file that has it, or 404. What the page may do is told to the browser
 * (Content-Security-Policy and the like). */
const struct mcu_http_route *mcu_page_routes(int *n);

#endif

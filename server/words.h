/* server/words.h - what the program says to people on its terminal, in French and English; the log
 * and the configuration's messages stay English, as their keys are. Threads: any. */
#ifndef MCU_SERVER_WORDS_H
#define MCU_SERVER_WORDS_H

/* printf formats; arguments are named behind each. */
struct mcu_words {
    const char *help;
    const char *what_is;      /* argument */
    const char *too_many_set; /* number */
    const char *config_good;
    const char *ready;        /* version */
    const char *call;         /* "[", host, "]", port */
    const char *call_tls;     /* "[", host, "]", port */
    const char *page;         /* scheme, "[", host, "]", port */
    const char *look;         /* the same */
    const char *only_here;
    const char *this_machine;
};

/* By LC_ALL, LC_MESSAGES or LANG, as POSIX orders them: French where it begins with "fr". */
const struct mcu_words *mcu_words(void);

#endif

#include "server/words.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_LINE(ip)                                                                              \
    "    scripts/run --https -- --set listen.address=0.0.0.0 --set listen.public_address=" ip "\n"

static const struct mcu_words english = {
    .help =
        "usage: tessera [options]\n"
        "  -c, --config FILE     read this YAML file\n"
        "  -s, --set KEY=VALUE   set one key over the file, for example "
        "--set listen.sip_port=5070\n"
        "      --check-config    read the configuration, say what is wrong with it, and end\n"
        "      --version         print the version and end\n"
        "  -h, --help            print this and end\n"
        "SIGTERM and SIGINT end every call and stop; SIGHUP reads the configuration again.\n",
    .what_is = "tessera: what is '%s'?\n",
    .too_many_set = "tessera: more than %d times --set\n",
    .config_good = "the configuration is good\n",
    .ready = "tessera %s is ready.\n",
    .call = "  call    sip:ROOM@%s%s%s:%d (UDP or TCP; any name is a room)\n",
    .call_tls = "  or      sip:ROOM@%s%s%s:%d;transport=tls\n",
    .page = "  open    %s://%s%s%s:%d/r/ROOM (a browser; or / to be asked for the room)\n",
    .look = "  look    %s://%s%s%s:%d/api/v1/conferences  /metrics  /healthz\n",
    .only_here = "  Only this machine can call. To open it to the network:\n" OPEN_LINE("THE-IP"),
    .this_machine = "THIS-MACHINE",
};

static const struct mcu_words french = {
    .help =
        "usage : tessera [options]\n"
        "  -c, --config FICHIER  lit ce fichier YAML\n"
        "  -s, --set CLE=VALEUR  fixe une clé par-dessus le fichier, par exemple "
        "--set listen.sip_port=5070\n"
        "      --check-config    lit la configuration, dit ce qui ne va pas, et s'arrête\n"
        "      --version         affiche la version et s'arrête\n"
        "  -h, --help            affiche ceci et s'arrête\n"
        "SIGTERM et SIGINT raccrochent tous les appels et arrêtent ; SIGHUP relit la "
        "configuration.\n",
    .what_is = "tessera : que veut dire « %s » ?\n",
    .too_many_set = "tessera : plus de %d fois --set\n",
    .config_good = "la configuration est bonne\n",
    .ready = "tessera %s est prêt.\n",
    .call = "  appeler  sip:SALLE@%s%s%s:%d (UDP ou TCP ; tout nom est une salle)\n",
    .call_tls = "  ou       sip:SALLE@%s%s%s:%d;transport=tls\n",
    .page = "  ouvrir   %s://%s%s%s:%d/r/SALLE (navigateur ; ou / pour choisir la salle)\n",
    .look = "  voir     %s://%s%s%s:%d/api/v1/conferences  /metrics  /healthz\n",
    .only_here = "  Seule cette machine peut appeler. Pour l'ouvrir au réseau :\n" OPEN_LINE("ADRESSE-IP"),
    .this_machine = "CETTE-MACHINE",
};

const struct mcu_words *mcu_words(void)
{
    static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "fr", 2) == 0 ? &french : &english;
    }
    return &english;
}

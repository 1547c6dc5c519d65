"""Kamailio as registrar (digest) and proxy (Record-Route) in front of the server; it pings it with
OPTIONS."""
import glob
import os
import signal
import subprocess

from lib.case import Process
from lib.ports import Ports

_CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=2
{listen}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "dispatcher.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", {expires})
modparam("dispatcher", "list_file", "{folder}/list")
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", 1)
modparam("rr", "enable_full_lr", 1)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("$td", "{password}", "0")) {{ www_challenge("$td", "1"); exit; }}
    consume_credentials();
    save("location");
    exit;
  }}
  if (has_totag()) {{
    if (loose_route()) {{ xlog("L_ERR", "IN-DIALOG $rm\\n"); t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
    sl_send_reply("404", "Not here"); exit;
  }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  record_route();
  if (is_method("INVITE") && lookup("location")) {{ xlog("L_ERR", "LOOKED-UP $ru\\n"); t_relay(); exit; }}
  if (!ds_select_dst("1", "4")) {{ sl_send_reply("503", "No node"); exit; }}
  t_relay();
}}
event_route[dispatcher:dst-up] {{ xlog("L_ERR", "NODE-UP $ru\\n"); }}
event_route[dispatcher:dst-down] {{ xlog("L_ERR", "NODE-DOWN $ru\\n"); }}
"""


class Kamailio:
    """One of them; node: where calls go that nobody is registered for."""

    def __init__(self, case, name, node, password="secret", expires=3600, port=0):
        self.port = port or Ports().take(2)
        folder = os.path.dirname(case.path(name, "list"))
        with open(os.path.join(folder, "list"), "w", encoding="utf-8") as out:
            out.write(f"1 {node} 9\n")  # down until it answers a ping
        listen = "\n".join(f"listen={p}:127.0.0.1:{self.port}" for p in ("udp", "tcp"))
        config = os.path.join(folder, "k.cfg")
        with open(config, "w", encoding="utf-8") as out:
            modules = glob.glob("/usr/lib/*/kamailio/modules/")[0]
            out.write(_CONFIG.format(listen=listen, modules=modules, folder=folder,
                                     password=password, expires=expires))
        self.process = Process(case, name, ["kamailio", "-f", config, "-DD", "-E", "-m", "32",
                                            "-M", "4", "-Y", folder, "-w", folder])
        case.cleanup(self.stop)

    def stop(self):
        """Its children go with it only when it is asked."""
        self.process.signal(signal.SIGTERM)
        try:
            self.process.child.wait(5)
        except subprocess.TimeoutExpired:
            pass

    def log(self):
        """What it has said."""
        return self.process.log()

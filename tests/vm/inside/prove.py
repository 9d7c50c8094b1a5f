"""What each check of assert.py holds against: ways to break what it asserts, and to mend it again. A check that still
holds when its matter is broken asserts nothing. Part of assert.py on one machine, after its last boot's checks."""

UNITS = "/etc/systemd/system"
CYCLE = (f"for one in a:b b:a; do printf '[Unit]\\nDefaultDependencies=no\\nRequires=vmtest-%s.service\\n"
         "After=vmtest-%s.service\\n[Service]\\nExecStart=true\\n' ${one#*:} ${one#*:} >"
         f"{UNITS}/vmtest-${{one%%:*}}.service; done; systemctl daemon-reload; ! systemctl start vmtest-a.service")
APART = "systemctl stop nodebake-credentials.{path,timer,service}; rm -f " + SESSION
TOGETHER = "systemctl start nodebake-credentials.{path,timer,service}"


def edit(path, command):
    return f"cp -p {path} /run/vmtest.was; sed -i '{command}' {path}", f"cp -p /run/vmtest.was {path}"


SYSCTL = "/etc/sysctl.d/99-zz-nodebake.conf"
LOG, RESULT, RECORD = "/var/log/cloud-init.log", "/run/cloud-init/result.json", f"{JOB}/kubelet.json"

# Check, what breaks it, what mends it. Shell; `true` where the next phase itself is the break.
NODE_BREAKS = [
    ("cloud_init_is_content", *edit(RESULT, 's/"errors": \\[\\]/"errors": ["x"]/')),
    ("cloud_init_warns_of_nothing", *edit(LOG, "$a 2026 - x.py[WARNING]: x")),
    ("first_boot_is_done", f"touch {NB}/first-boot.failed", f"rm {NB}/first-boot.failed"),
    ("first_boot_is_done", *edit(f"{NB}/first-boot.done", "s/node=/node=x/")),
    ("first_boot_did_not_run_again", *edit("/var/log/nodebake-first-boot.log", "$a x")),
    ("nothing_changed_on_the_disk", "touch /etc/vmtest", "rm /etc/vmtest"),
    ("no_unit_has_failed", "systemd-run -q --unit=vmtest-x --wait false || true", "systemctl reset-failed vmtest-x"),
    ("no_ordering_cycle", CYCLE, f"rm {UNITS}/vmtest-[ab].service; systemctl daemon-reload"),
    ("systemd_takes_every_line_of_our_units",
     f"printf '[Unit]\\nNonsense=1\\n' >{UNITS}/kubelet.service.d/99-x.conf; systemctl daemon-reload",
     f"rm {UNITS}/kubelet.service.d/99-x.conf; systemctl daemon-reload"),
    ("every_file_is_as_rendered", f"chmod 0600 {SYSCTL}", f"chmod 0644 {SYSCTL}"),
    ("every_file_is_as_rendered", *edit(SYSCTL, "$a # x")),
    ("every_artifact_is_in_place", "chmod -x /usr/local/bin/crictl", "chmod +x /usr/local/bin/crictl"),
    ("every_artifact_is_in_place", *edit("/usr/local/bin/crictl", "$a # x")),
    ("sysctls_are_in_force", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"),
    ("modules_are_loaded", "ip link add dummy0 type dummy", "ip link del dummy0"),
    ("swap_is_off", "swapon /swap.img", "swapoff /swap.img"),
    ("dummy_interface_has_its_address_and_no_more", f"ip addr add 10.9.9.9/32 dev {INTERFACE}",
     f"ip addr del 10.9.9.9/32 dev {INTERFACE}"),
    ("no_route_leads_into_the_dummy", f"ip route add 10.0.2.0/24 dev {INTERFACE}", "ip route del 10.0.2.0/24"),
    ("the_own_card_is_online", "ip route show default >/run/vmtest.was; ip route del default",
     "xargs ip route add </run/vmtest.was"),
    ("containerd_is_the_planned_one", "systemctl -q disable containerd", "systemctl -q enable containerd"),
    ("runtime_and_network_are_ready", f"mv /etc/cni/net.d/*.conflist {JOB}/; sleep 5",
     f"mv {JOB}/*.conflist /etc/cni/net.d/; sleep 5"),
    ("containerd_complains_of_nothing_of_ours",
     "printf 'MESSAGE=level=error msg=x\\nOBJECT_PID=%s\\n' $(pidof containerd) | logger --journald; sleep 1", "true"),
    ("kubelet_has_exactly_the_planned_flags", *edit(RECORD, "s/--node-ip=/--node-ip=1/")),
    ("kubelet_has_exactly_the_planned_flags", *edit(RECORD, "s/clusterDomain/clusterDomein/")),
    ("kubelet_runs_since_its_first_start", "systemctl -q disable kubelet", "systemctl -q enable kubelet"),
    ("credential_timer_is_armed", "systemctl stop nodebake-credentials.timer", "systemctl start nodebake-credentials.timer"),
    ("the_timer_knows_its_next_time", "systemctl stop nodebake-credentials.timer",
     "systemctl start nodebake-credentials.timer"),
    ("without_a_key_the_refresh_waits", "true", "true"),
    ("a_key_makes_a_session_at_once", APART, TOGETHER),
    ("the_session_is_made_anew_at_boot", f"chmod 0644 {SESSION}", f"chmod 0600 {SESSION}"),
    # What came up before the kubelet comes up after it; nothing asks for that any more.
    ("units_came_up_in_order", "systemctl restart network-online.target", "true"),
]


def says(words):
    """An uninstall that says this, once the real one has removed itself."""
    folder = "/usr/local/lib/nodebake"
    return f"mkdir {folder}; printf '#!/bin/sh\necho \"{words}\"\n' >{folder}/uninstall; chmod 755 {folder}/uninstall", \
        f"rm -r {folder}"


UNINSTALL_BREAKS = [
    ("uninstall_ends_well", *says(f"kept, changed since: /x; left: {KEY}")),
    ("uninstall_ends_well", *says("left: nothing")),
    ("uninstall_leaves_no_trace", "touch /etc/vmtest", "rm /etc/vmtest"),
    ("nothing_of_the_node_runs", f"ip link add {INTERFACE} type dummy", f"ip link del {INTERFACE}"),
]


def prove(tell, breaks):
    """Breaks, asks, mends."""
    global PATIENCE
    PATIENCE = 10
    for name, break_it, mend_it in breaks:
        run("bash", "-euc", break_it)
        try:
            globals()[name]()
            ok, detail = False, f"it holds after: {break_it}"
        except Exception as error:
            ok, detail = True, f"{error}"[:200]
        run("bash", "-euc", mend_it)
        tell(check=f"{name.replace('_', ' ')} can fail", ok=ok, detail=detail, phase="prove")
    PATIENCE = WAIT


def all_are_proved():
    """Every check has a way to break it."""
    same({function.__name__ for _, function in CHECKS}, {name for name, *_ in NODE_BREAKS + UNINSTALL_BREAKS}, "checks")

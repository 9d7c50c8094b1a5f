"""Asserts from inside what a node should be, boot by boot, and tells each result as a line of JSON on the second
serial port: {"phase", "check", "ok", "detail"}. The last line of a machine has "check": "end".

The job's folder has plan.json (nodebake explain --json) and tree/ with its MANIFEST (nodebake render): what is asserted
comes from the plan, not from the files on the machine."""
import hashlib, json, os, re, socket, stat, subprocess, sys, threading, time, traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

JOB, STATE, NB = "/run/vmtest", "/var/lib/vmtest", "/var/lib/nodebake"
KEY, SESSION = "/etc/nodebake/aws/source-credentials", "/run/nodebake/aws/credentials"
PORT = 8043  # the kernel's command line names it to the node as AWS_ENDPOINT_URL_STS
WAIT = 240  # seconds; everything takes long without KVM
PATIENCE = WAIT  # for what comes by itself
CHECKS = []


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WAIT)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: {done.stdout.strip()[-2000:]}")
    return done.stdout


def show(unit, *names):
    lines = run("systemctl", "show", unit, "-p", ",".join(names)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def same(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what} is {got!r}, not {want!r}")


def until(condition, what, seconds=None):
    """Waits for what comes by itself."""
    seconds = seconds or PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(1)


def check(*phases):
    def add(function):
        CHECKS.append((phases, function))
        return function
    return add


BOOTS = "first", "reboot"
PLAN = {value["path"]: value["value"] for value in json.loads(read(f"{JOB}/plan.json"))}
INTERFACE = PLAN["network.interface"]
WAY = read(f"{JOB}/way").strip()
PHASE = read(f"{STATE}/phase").strip() if os.path.exists(f"{STATE}/phase") else "first"


def planned(path):
    """A rendered file, which is not on this machine's way."""
    return read(f"{JOB}/tree/node{path}")


# --- cloud-init and first boot ---------------------------------------------------------------------------------------

@check(*BOOTS)
def cloud_init_is_content():
    status = json.loads(run("cloud-init", "status", "--wait", "--format", "json", check=False).strip().lstrip("."))
    same(status["status"], "done", "status")
    same(status["errors"], [], "errors")
    same(status.get("recoverable_errors", {}), {}, "recoverable_errors")
    result = json.loads(read("/run/cloud-init/result.json"))["v1"]
    same(result["errors"], [], "result.json errors")
    assert "NoCloud" in result["datasource"], result["datasource"]


@check(*BOOTS)
def cloud_init_warns_of_nothing():
    lines = [line for line in read("/var/log/cloud-init.log").splitlines()
             if re.search(r"\[(WARNING|ERROR|CRITICAL|DEPRECATED)\]", line)]
    same(lines, [], "lines")


@check(*BOOTS)
def first_boot_is_done():
    same(os.path.exists(f"{NB}/first-boot.failed"), False, "first-boot.failed exists")
    want = f"node={PLAN['identity.nodeName']}\nkubernetes={PLAN['kubelet.version']}\n"
    same(read(f"{NB}/first-boot.done"), want)
    log = read("/var/log/nodebake-first-boot.log")
    same([line for line in log.splitlines() if re.search("ERROR|WARNING", line)], [], "log")
    assert f"TO DO: this node needs {KEY}" in log, log


@check("reboot")
def first_boot_did_not_run_again():
    for name, digest in json.loads(read(f"{STATE}/kept.json")).items():
        same(hashlib.sha256(read(name).encode()).hexdigest(), digest, name)


@check("reboot")
def nothing_changed_on_the_disk():
    run("sh", "-c", f"{JOB}/listing >{STATE}/again")
    same(difference(f"{STATE}/installed", f"{STATE}/again", OF_A_BOOT), [], "changed")


# --- the machine -----------------------------------------------------------------------------------------------------

@check(*BOOTS, "uninstall")
def no_unit_has_failed():
    state = run("timeout", str(WAIT - 10), "systemctl", "is-system-running", "--wait", check=False).strip()
    same(run("systemctl", "list-units", "--failed", "--plain", "--no-legend").split("\n"), [""], "failed units")
    same(state, "running")


@check(*BOOTS)
def no_ordering_cycle():
    journal = run("journalctl", "-b", "--no-pager", "-o", "cat")
    found = [line for line in journal.splitlines() if re.search("(?i)ordering cycle|to break|dependency loop", line)]
    same(found, [])


@check(*BOOTS)
def systemd_takes_every_line_of_our_units():
    journal = run("journalctl", "-b", "--no-pager", "-o", "cat", "_PID=1")
    ours = r"/etc/systemd/(system|network)/\S*(nodebake|kubelet|containerd)\S*:\d+:"
    same([line for line in journal.splitlines() if re.search(ours, line)], [])


@check(*BOOTS)
def every_file_is_as_rendered():
    wrong = []
    for line in read(f"{JOB}/tree/MANIFEST").splitlines():
        if line[0] == "#":
            continue
        mode, _, _, digest, path = line.split()[:5]  # then the template
        if not path.startswith("node/"):
            continue
        path = path[len("node"):]
        try:
            about = os.lstat(path)
            with open(path, "rb") as file:
                got = hashlib.sha256(file.read()).hexdigest()
            ids = f"{about.st_uid}:{about.st_gid}"
            if (f"{stat.S_IMODE(about.st_mode):04o}", ids, got) != (mode, "0:0", digest):
                wrong.append(f"{path}: mode {about.st_mode:o}, owner {ids}, sha256 {got}")
        except OSError as error:
            wrong.append(str(error))
    same(wrong, [])


@check(*BOOTS)
def every_artifact_is_in_place():
    done = [line.split() for line in read(f"{NB}/artifacts.done").splitlines()]
    for _, _, _, digest, path in done:
        with open(path, "rb") as file:
            same(hashlib.sha256(file.read()).hexdigest(), digest, path)
        assert os.access(path, os.X_OK), path
    same({pin for pin, *_ in done}, {pin["sha256"] for pin in PLAN["artifacts.list"]}, "pins")
    same(os.listdir(f"{NB}/download") if os.path.isdir(f"{NB}/download") else [], [], "left downloads")


@check(*BOOTS)
def sysctls_are_in_force():
    wrong, count = [], 0
    for line in planned("/etc/sysctl.d/99-zz-nodebake.conf").splitlines():
        if line and line[0] not in "#;":
            name, value = (part.strip() for part in line.split("=", 1))
            got = read("/proc/sys/" + name.replace(".", "/")).strip()
            count += 1
            # The kernel tells a list of ports as ranges.
            if expand(got) != expand(value):
                wrong.append(f"{name} is {got}, not {value}")
    assert count > 10, count
    same(wrong, [])


def expand(value):
    ports = []
    for part in value.split(","):
        ends = re.fullmatch(r"(\d+)-(\d+)", part)
        ports += [str(port) for port in range(int(ends[1]), int(ends[2]) + 1)] if ends else [part]
    return ports


@check(*BOOTS)
def modules_are_loaded():
    loaded = {line.split()[0] for line in read("/proc/modules").splitlines()}
    wanted = {line for line in planned("/etc/modules-load.d/nodebake.conf").split("\n") if line and line[0] != "#"}
    same(wanted - loaded, set(), "missing")
    same(os.path.exists("/sys/class/net/dummy0"), False, "dummy0 exists")


@check(*BOOTS)
def swap_is_off():
    same(len(read("/proc/swaps").splitlines()), 1, "lines of /proc/swaps")


@check(*BOOTS)
def dummy_interface_has_its_address_and_no_more():
    link = json.loads(run("ip", "-j", "-d", "addr", "show", "dev", INTERFACE))[0]
    assert "UP" in link["flags"], link["flags"]
    same(link["linkinfo"]["info_kind"], "dummy")
    same(link["address"], PLAN["network.mac"])
    same([f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]], [PLAN["network.address"]], "addresses")


@check(*BOOTS)
def no_route_leads_into_the_dummy():
    address = PLAN["identity.nodeIp"]
    routes = json.loads(run("ip", "-j", "route", "show", "table", "all", "dev", INTERFACE) or "[]")
    # Any interface that is up has the multicast route of IPv6.
    routes = [(route.get("table"), route.get("type"), route["dst"]) for route in routes if route["dst"] != "ff00::/8"]
    same(routes, [("local", "local", address)])
    # A neighbour in the VPC's subnet is reached as everything else is.
    around = address.rsplit(".", 1)[0] + ".1"
    way = json.loads(run("ip", "-j", "route", "get", around))[0]
    assert way["dev"] != INTERFACE and way.get("gateway"), way
    same(json.loads(run("ip", "-6", "-j", "addr", "show", "dev", INTERFACE) or "[]"), [], "IPv6")


@check(*BOOTS)
def the_own_card_is_online():
    same(run("systemctl", "is-active", "network-online.target").strip(), "active")
    rows = [line.split() for line in run("networkctl", "list", "--no-legend").splitlines()]
    same({row[1]: row[4] for row in rows if row[1] == INTERFACE}, {INTERFACE: "configured"})
    routes = json.loads(run("ip", "-j", "route", "show", "default"))
    assert routes and routes[0]["dev"] != INTERFACE, routes


# --- containerd ------------------------------------------------------------------------------------------------------

@check(*BOOTS)
def containerd_is_the_planned_one():
    about = show("containerd.service", "ActiveState", "MainPID", "NRestarts", "FragmentPath", "UnitFileState")
    same((about["ActiveState"], about["UnitFileState"]), ("active", "enabled"))
    program = os.readlink(f"/proc/{about['MainPID']}/exe")
    same(program, PLAN["containerd.path"])
    version = run(program, "--version").split()[2].lstrip("v").split("+")[0].split("~")[0]
    if PLAN["containerd.source"] == "pinned":
        same(version, PLAN["containerd.version"])
        same(about["FragmentPath"], "/etc/systemd/system/containerd.service")
    limit = re.search(r"Max locked memory +(\S+)", read(f"/proc/{about['MainPID']}/limits"))[1]
    if PLAN["sizing.memlockUnlimited"]:
        same(limit, "unlimited", "locked memory")


@check(*BOOTS)
def runtime_and_network_are_ready():
    def conditions():
        info = json.loads(run("/usr/local/bin/crictl", "info"))
        return {condition["type"]: condition for condition in info["status"]["conditions"]}
    found = conditions()
    same({name: found[name]["status"] for name in ("RuntimeReady", "NetworkReady")},
         {"RuntimeReady": True, "NetworkReady": True}, str(found))


@check(*BOOTS)
def containerd_complains_of_nothing_of_ours():
    journal = run("journalctl", "-b", "--no-pager", "-o", "cat", "-u", "containerd", check=False)
    found = [line for line in journal.splitlines() if re.search("level=(error|fatal)|unknown key|level=warn.*deprecat", line)]
    same([line for line in found if not re.search(CONTAINERD_SAYS, line)], [])


# What containerd says on any machine: before first boot the CNI configuration is not there yet.
CONTAINERD_SAYS = "failed to load cni during init|cni config load failed|no network config found|tracing"


# --- kubelet ---------------------------------------------------------------------------------------------------------

def kubelet():
    until(lambda: os.path.exists(f"{JOB}/kubelet.json"), "the kubelet starts")
    return json.loads(read(f"{JOB}/kubelet.json"))


@check(*BOOTS)
def kubelet_has_exactly_the_planned_flags():
    record = kubelet()
    same(record["argv"], PLAN["kubelet.flags"])
    same((record["program"], record["uid"]), ("/usr/local/bin/kubelet", 0))
    flags = dict(flag.split("=", 1) for flag in PLAN["kubelet.flags"])
    same(record["files"], {name: planned(flags[name]) for name in record["files"]})
    assert "--config" in record["files"] and "--kubeconfig" in record["files"], record["files"].keys()
    secrets = [name for name in record["environment"] if name.startswith("AWS_") and name != "AWS_ENDPOINT_URL_STS"]
    same(secrets, [], "credentials in the environment")


@check(*BOOTS)
def kubelet_runs_since_its_first_start():
    about = show("kubelet.service", "ActiveState", "SubState", "MainPID", "NRestarts", "UnitFileState", "Type")
    want = {"ActiveState": "active", "SubState": "running", "MainPID": str(kubelet()["pid"]), "NRestarts": "0",
            "UnitFileState": "enabled", "Type": "notify"}
    same(about, want)


@check(*BOOTS)
def units_came_up_in_order():
    device = "sys-subsystem-net-devices-" + run("systemd-escape", INTERFACE).strip() + ".device"
    start = int(show("kubelet.service", "ExecMainStartTimestampMonotonic")["ExecMainStartTimestampMonotonic"])
    assert start > 0
    for unit in "containerd.service", "network-online.target", device:
        about = show(unit, "ActiveState", "ActiveEnterTimestampMonotonic")
        same(about["ActiveState"], "active", unit)
        assert int(about["ActiveEnterTimestampMonotonic"]) <= start, f"{unit} came after the kubelet"
    after = show("kubelet.service", "After")["After"].split()
    for unit in "containerd.service", "nodebake-credentials.service", device:
        assert unit in after, f"kubelet is not ordered after {unit}: {after}"


# --- credentials -----------------------------------------------------------------------------------------------------

class Sts(BaseHTTPRequestHandler):
    """Answers AssumeRole, as the STS of a region would."""
    calls = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.calls.append((self.headers["authorization"] or "", body))
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        text = ("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIATEST</AccessKeyId>"
                "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
                f"<Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>").encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@check(*BOOTS)
def credential_timer_is_armed():
    for unit in "nodebake-credentials.timer", "nodebake-credentials.path":
        about = show(unit, "ActiveState", "UnitFileState")
        same(about, {"ActiveState": "active", "UnitFileState": "enabled"}, unit)
    # It fires a third of a session after the last run; while it waits for the key, the service itself tries again.
    seconds = int(PLAN["credentials.refreshSeconds"])
    assert re.search(rf"OnUnitActiveU?Sec={duration(seconds)}\b", run("systemctl", "show", "nodebake-credentials.timer", "-p", "TimersMonotonic")), \
        run("systemctl", "show", "nodebake-credentials.timer")


def duration(seconds):
    parts = [(seconds // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{count}{unit}" for count, unit in parts if count)


@check("first")
def without_a_key_the_refresh_waits():
    same(os.path.exists(SESSION), False, "a session exists")
    about = show("nodebake-credentials.service", "ActiveState", "Restart")
    same((about["ActiveState"], about["Restart"]), ("activating", "on-failure"))
    same(Sts.calls, [], "calls of STS")


@check("first")
def a_key_makes_a_session_at_once():
    text = (f"[{PLAN['credentials.sourceProfile']}]\naws_access_key_id = AKIATEST\n"
            "aws_secret_access_key = wJalrXUtnFEMI\n")
    # As the README has it.
    subprocess.run(["install", "-D", "-o", "root", "-g", "root", "-m", "600", "/dev/stdin", KEY], input=text, text=True,
                   check=True)
    session_is_there()
    assert "Credential=AKIATEST/" in Sts.calls[0][0], Sts.calls[0]
    assert f"RoleSessionName={PLAN['identity.sessionName']}&" in Sts.calls[0][1] + "&", Sts.calls[0]


@check("reboot")
def the_session_is_made_anew_at_boot():
    session_is_there()


def session_is_there():
    until(lambda: os.path.exists(SESSION), "a session")
    assert "ASIATEST" in read(SESSION), "the session is another"
    for path, mode in (SESSION, 0o600), (os.path.dirname(SESSION), 0o700), ("/run/nodebake", 0o700):
        about = os.stat(path)
        same((stat.S_IMODE(about.st_mode), about.st_uid), (mode, 0), path)
    until(lambda: show("nodebake-credentials.service", "ActiveState")["ActiveState"] == "inactive", "the refresh ends")
    same(show("nodebake-credentials.service", "Result")["Result"], "success")


@check(*BOOTS)
def the_timer_knows_its_next_time():
    about = show("nodebake-credentials.timer", "NextElapseUSecMonotonic", "SubState")
    same(about["SubState"], "waiting")
    assert about["NextElapseUSecMonotonic"] not in ("", "infinity"), about


# --- uninstall -------------------------------------------------------------------------------------------------------

# What a running Debian and cloud-init write themselves, by regular expressions of whole paths.
OF_A_BOOT = [
    r"/etc", r"/var/lib", r"/etc/\.pwd\.lock", r"/etc/machine-id", r"/etc/adjtime", r"/etc/mtab", r"/etc/\.updated",
    r"/var/lib/(cloud|systemd|dbus|private|apt|dpkg)(/.*)?",
    # What a containerd makes when it starts, Debian's own too.
    r"/var/lib/containerd(/.*)?", r"/opt/containerd(/(bin|lib))?", r"/etc/cni(/net\.d)?",
]
OF_CLOUD_INIT = [
    r"/etc/(hostname|hosts|passwd|passwd-|group|group-|shadow|shadow-|gshadow|gshadow-|subuid|subuid-|subgid|subgid-)",
    r"/etc/sudoers(\.d)?", r"/etc/sudoers\.d(/90-cloud-init-users)?", r"/etc/netplan(/50-cloud-init\.yaml)?", r"/etc/systemd/network",
    r"/etc/(locale.*|default(/locale)?|ssh(/.*)?|apt(/.*)?|cloud(/.*)?|udev/rules\.d(/.*)?|resolv\.conf)",
]
# What is not nodebake's to remove: the operator's key, what the node wrote itself.
LEFT = [r"/var/lib/kubelet(/.*)?", "/etc/nodebake", "/etc/nodebake/aws", KEY]
# The node's own uninstall says that it leaves the stage, which a next first boot wants.
LEFT_BY_SEED = [r"/var/lib/nodebake(/stage(/.*)?)?"]


def difference(before, after, allowed):
    before, after = set(read(before).splitlines()), set(read(after).splitlines())

    def path(line):
        return line.split("\t")[0].split(maxsplit=3 if not re.match("[0-9a-f]{64} ", line) else 1)[-1]
    changed = [("-", line) for line in before - after] + [("+", line) for line in after - before]
    changed.sort(key=lambda change: (path(change[1]), change))
    return [f"{sign} {line}" for sign, line in changed
            if not any(re.fullmatch(pattern, path(line)) for pattern in allowed)]


@check("uninstall")
def uninstall_ends_well():
    if WAY == "seed":
        log = run("/usr/local/lib/nodebake/uninstall", "--yes")
    elif os.path.exists(f"{JOB}/nodebake"):
        log = run(f"{JOB}/nodebake", "uninstall", "--yes")
    else:
        # What a machine without the program has: the bundle's own installer, once more from its disk.
        run("sh", "-euc", "mkdir /run/bundle /run/disk; mount -o ro /dev/vdd /run/disk; tar xzf /run/disk/bundle.tar.gz -C /run/bundle")
        log = run("/run/bundle/install.sh", "--rollback")
    print(log, flush=True)
    same([line for line in log.splitlines() if "kept" in line], [])
    # The key is the operator's: left, and told.
    assert f"left: {KEY}" in log, log
    assert "AKIATEST" in read(KEY)


@check("uninstall")
def uninstall_leaves_no_trace():
    run("sh", "-c", f"{JOB}/listing >{STATE}/after")
    same(difference(f"{STATE}/before", f"{STATE}/after", OF_A_BOOT + OF_CLOUD_INIT + LEFT + (LEFT_BY_SEED if WAY == "seed" else [])), [], "left or lost")


@check("uninstall")
def nothing_of_the_node_runs():
    for unit in "kubelet.service", "nodebake-credentials.timer", "nodebake-credentials.path", "nodebake-credentials.service":
        about = show(unit, "LoadState", "ActiveState")
        same(about, {"LoadState": "not-found", "ActiveState": "inactive"}, unit)
    same(os.path.exists(f"/sys/class/net/{INTERFACE}"), False, "the interface exists")
    same(os.path.exists("/run/nodebake"), False, "/run/nodebake exists")
    same(os.readlink(f"/proc/{show('containerd.service', 'MainPID')['MainPID']}/exe"), "/usr/bin/containerd")
    assert json.loads(run("ip", "-j", "route", "show", "default")), "the machine's own route is lost"
    same(run("systemctl", "is-enabled", "swap.img.swap", check=False).strip(), "generated")


# --- the run ---------------------------------------------------------------------------------------------------------

def main():
    """Runs the checks of this boot. Whatever happens, the machine does not stay behind."""
    port = os.open("/dev/ttyS1", os.O_WRONLY | os.O_NOCTTY)
    subprocess.run(["stty", "-F", "/dev/ttyS1", "raw"], check=False)

    def tell(**result):
        line = json.dumps({"phase": PHASE, "uptime": round(time.clock_gettime(time.CLOCK_BOOTTIME)), **result})
        os.write(port, (line + "\n").encode())

    try:
        boot(tell)
    except Exception as error:
        tell(check="the run", ok=False, detail=f"{error}"[:4000])
        leave("poweroff", "--force")


def leave(*how):
    if not os.path.exists(f"{JOB}/stay"):
        run("systemctl", *how)


def boot(tell):
    threading.Thread(target=HTTPServer(("127.0.0.1", PORT), Sts).serve_forever, daemon=True).start()
    until(lambda: os.path.exists("/run/cloud-init/result.json"), "cloud-init ends", 600)
    tell(check="up", ok=True, detail="")
    # Each check but the last phase's own wants a machine that has come to rest.
    run("timeout", str(WAIT - 10), "systemctl", "is-system-running", "--wait", check=False)
    one_phase(PHASE, tell)
    if PHASE == "first":
        kept = [f"{NB}/first-boot.done", f"{NB}/ledger", "/var/log/nodebake-first-boot.log"]
        kept = {name: hashlib.sha256(read(name).encode()).hexdigest() for name in kept if os.path.exists(name)}
        with open(f"{STATE}/kept.json", "w", encoding="utf-8") as file:
            json.dump(kept, file)
        run("sh", "-c", f"{JOB}/listing >{STATE}/installed")
        follow("reboot")
        leave("reboot")
        return
    proving = os.path.exists(f"{JOB}/prove.py")
    if proving:
        exec(compile(read(f"{JOB}/prove.py"), "prove.py", "exec"), globals())
        all_are_proved()
        prove(tell, NODE_BREAKS)
    globals()["PHASE"] = "uninstall"
    one_phase("uninstall", tell)
    if proving:
        prove(tell, UNINSTALL_BREAKS)
    tell(check="end", ok=True, detail="")
    leave("poweroff", "--force")


def follow(phase):
    with open(f"{STATE}/phase", "w", encoding="utf-8") as file:
        file.write(phase)


def one_phase(phase, tell):
    # Uninstall's own checks are in their order; what was asserted before holds for it again.
    chosen = [function for phases, function in CHECKS if phase in phases]
    if phase == "uninstall":
        chosen.sort(key=lambda function: function is no_unit_has_failed)
    for function in chosen:
        name = function.__name__.replace("_", " ")
        try:
            function()
            tell(check=name, ok=True, detail="")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            tell(check=name, ok=False, detail=f"{error} (assert.py:{where.lineno})"[:4000])


if __name__ == "__main__":
    main()

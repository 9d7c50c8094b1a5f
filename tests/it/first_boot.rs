//! The scripts that run on the machine, run for real by bash in a throw-away root.
//!
//! Every external command that would touch this host is a stub found through PATH; the stubs keep a
//! little state (which units are active, which addresses exist) and a list of the calls they saw.
//! `NODEBAKE_ALL_KILLS=1` kills the script at each of its changes instead of at a dozen of them.

// The rules on where the tool may touch the disk, clock or processes are for the tool, not for this.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    clippy::items_after_statements,
    clippy::unused_self,
    clippy::case_sensitive_file_extension_comparisons
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const FIRST_BOOT: &str = include_str!("../../templates/first-boot/first-boot.j2");
const UNINSTALL: &str = include_str!("../../templates/first-boot/uninstall.j2");
// With what the offline installer asks of them: a preflight alone, and units without files.
const FIRST_BOOT_MAX: usize = 9_500;
const UNINSTALL_MAX: usize = 3_400;

const STATE: &str = "var/lib/nodebake";
const LOG: &str = "var/log/nodebake-first-boot.log";
const FOREIGN_TOML: &str = "# by hand\ndisabled_plugins = [\"cri\"]\n";
const TARGETS: [&str; 11] = [
    "/etc/cni/net.d/10-nodebake.conflist",
    "/etc/containerd/config.toml",
    "/etc/kubernetes/kubelet.json",
    "/etc/modules-load.d/nodebake.conf",
    "/etc/nodebake/artifacts.list",
    "/etc/nodebake/node.env",
    "/etc/sysctl.d/99-nodebake.conf",
    "/etc/systemd/system/kubelet.service",
    "/etc/systemd/system/nodebake-credentials.timer",
    "/usr/local/lib/nodebake/first-boot",
    "/usr/local/lib/nodebake/uninstall",
];

/// Commands replaced by the stub. Those of the last row are only counted, then run for real.
const STUBS: [&str; 24] = [
    "systemctl",
    "sysctl",
    "modprobe",
    "netplan",
    "networkctl",
    "ip",
    "swapoff",
    "nproc",
    "uname",
    "df",
    "containerd",
    "dpkg-query",
    "sleep",
    "curl",
    "stat",
    "nvidia-ctk", //
    "cp",
    "mv",
    "sync",
    "mkdir",
    "rm",
    "tar",
    "chown",
    "sed",
];

const STUB: &str = r#"#!/bin/bash
n=${0##*/} s=$STUB_STATE r=$NODEBAKE_ROOT
case $n in nproc | uname | df | dpkg-query | sleep | stat | containerd) ;; *)
	echo "$n $*" >>"$s/calls"
	c=$(($(cat "$s/count" 2>/dev/null) + 1))
	echo $c >"$s/count"
	if [ "${KILL_AT:-}" = $c ]; then kill "-${KILL_SIGNAL:-9}" "$(cat "$s/pid")"; [ "${KILL_SIGNAL:-9}" != 9 ] || kill -9 $PPID; exit 1; fi ;;
esac
real() { PATH=${PATH#*:} exec "$n" "$@"; }
u=${!#} u=${u%.service}
case $n in
	uname) echo "${FAKE_ARCH:-x86_64}" ;;
	nproc) echo "${FAKE_CPUS:-30}" ;;
	df) echo head; echo "  ${FAKE_SIZE:-1400000}M ${FAKE_AVAIL:-90000}M" ;;
	stat) [ "$1" != -fc ] || { echo "${FAKE_CGROUP:-cgroup2fs}"; exit; }; real "$@" ;;
	containerd) echo "containerd containerd.io ${FAKE_CONTAINERD:-v1.7.2} abc" ;;
	dpkg-query) printf %s "${FAKE_NETPLAN:-0.107.1-3ubuntu0.22.04.1}" ;;
	sleep | modprobe | swapoff | chown) ;;
	sysctl) [ ! -e "$s/sysctl-fails" ] || { for i in {1..60}; do echo "sysctl complaint $i"; done; exit 1; } ;;
	netplan) ! { [ -e "$s/netplan-bad" ] && ls "$r"/etc/netplan/60-* >/dev/null 2>&1; } || { echo 'unknown key' >&2; exit 1; } ;;
	networkctl)
		if [ ! -e "$s/no-address" ] && { compgen -G "$r/etc/systemd/network/*.netdev" || compgen -G "$r/etc/netplan/60-*.yaml"; } >/dev/null; then
			echo '7: kubesat0    inet 10.0.2.233/32 scope global kubesat0\ valid_lft' >"$s/addr-dummy"
			echo '7: kubesat0: <BROADCAST,NOARP,UP> mtu 1500' >"$s/dummies"
			PATH=${PATH#*:} mkdir -p "$r/sys/class/net/kubesat0"
		fi ;;
	ip)
		case $* in
			'-o addr') cat "$s/addr"* ;;
			'-o addr show dev'*) cat "$s/addr"* | grep " $5 " ;;
			'-o link show type dummy') cat "$s/dummies" 2>/dev/null ;;
			'link delete dev'*) PATH=${PATH#*:}; rm -rf "$s/addr-dummy" "$s/dummies" "$r/sys/class/net/$4" ;;
		esac ;;
	systemctl)
		PATH=${PATH#*:}
		case $1 in
			--version) echo "systemd ${FAKE_SYSTEMD:-249} (249.11-0ubuntu3.12)"; echo '+PAM +AUDIT' ;;
			is-enabled) if [ -e "$s/enabled/$u" ]; then echo enabled; else echo disabled; exit 1; fi ;;
			is-active)
				v=inactive
				[ ! -e "$s/active/$u" ] || v=active
				[ "$2" = -q ] || echo $v
				[ $v = active ] ;;
			list-units) cat "$s/swap" 2>/dev/null ;;
			mask) rm -f "$s/swap" ;;
			enable) touch "$s/enabled/$u" ;;
			disable) rm -f "$s/enabled/$u"; [ "$2" != --now ] || rm -f "$s/active/$u" ;;
			start | restart) [ ! -e "$s/fail/$u" ] || exit 1; touch "$s/active/$u" ;;
			stop) rm -f "$s/active/$u" ;;
		esac ;;
	curl)
		[ ! -e "$s/real-curl" ] || real "$@"
		PATH=${PATH#*:}
		while [ $# -gt 1 ]; do [ "$1" != -o ] || o=$2; shift; done
		f=${1#file://}
		how=''
		if [ -s "$s/curl-plan" ]; then read -r how <"$s/curl-plan"; sed -i 1d "$s/curl-plan"; fi
		[[ $1 = file://* ]] || how=22
		case $how in
			cut) head -c 100 "$f" >"$o"; exit 18 ;;
			short) head -c 100 "$f" >"$o" ;;
			bad) echo nonsense >"$o" ;;
			[0-9]*) exit "$how" ;;
			*) tail -c "+$(($(stat -c %s "$o" 2>/dev/null || echo 0) + 1))" "$f" >>"$o" ;;
		esac ;;
	*) real "$@" ;;
esac
"#;

/// False, with a reason, when this host cannot run the scripts; on CI that is a failure.
fn can_run() -> bool {
    let found = Command::new("bash")
        .arg("-c")
        .arg("type flock curl tar gzip sha256sum")
        .output();
    let ok = found.is_ok_and(|o| o.status.success());
    if !ok {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "bash and its friends are needed on CI"
        );
        eprintln!("skipped: bash, flock, curl, tar, gzip or sha256sum is missing");
    }
    ok
}

fn body(template: &str) -> &str {
    let rest = template.strip_prefix("---\n").expect("front matter");
    rest.split_once("\n---\n").expect("end of the front matter").1
}

struct Run {
    code: Option<i32>,
    text: String,
}

impl Run {
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.text);
        self
    }
    #[track_caller]
    fn fails(self) -> Self {
        assert!(
            self.code.is_some_and(|c| c != 0),
            "should fail, code {:?}:\n{}",
            self.code,
            self.text
        );
        self
    }
    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.text.contains(text), "`{text}` is not in:\n{}", self.text);
        self
    }
}

/// A throw-away machine.
struct Machine {
    dir: PathBuf,
    env: BTreeMap<String, String>,
    vars: BTreeMap<&'static str, String>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

impl Machine {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("nodebake-first-boot-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let mut m = Machine {
            dir,
            env: BTreeMap::new(),
            vars: BTreeMap::new(),
        };
        for d in [
            "bin",
            "state/enabled",
            "state/active",
            "state/fail",
            "files",
            "root/var/log",
            "root/etc/containerd",
            "root/usr/local/bin",
            "root/opt",
            "root/proc/driver/nvidia",
            "root/usr/bin",
            "root/proc/1",
            "root/sys/fs/cgroup",
            "root/sys/class/net/enp5s0",
            "root/etc/systemd/system",
            "root/etc/systemd/network",
        ] {
            fs::create_dir_all(m.dir.join(d)).unwrap();
        }
        fs::write(m.at("/usr/bin/nvidia-container-runtime"), "").unwrap();
        let stub = m.dir.join("bin/.stub");
        fs::write(&stub, STUB).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        for s in STUBS {
            symlink(".stub", m.dir.join("bin").join(s)).unwrap();
        }
        m.file(
            "/etc/os-release",
            "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n",
            0o644,
        );
        m.file("/etc/fstab", "LABEL=root / ext4 defaults 0 1\n", 0o644);
        m.file("/proc/meminfo", "MemTotal:       230000000 kB\nMemFree: 1 kB\n", 0o444);
        m.file("/proc/1/comm", "systemd\n", 0o444);
        m.pci("0000:07:00.0", "0x10de", "0x030200");
        m.pci("0000:08:00.0", "0x10de", "0x068000"); // a switch, no GPU
        m.pci("0000:09:00.0", "0x1af4", "0x030000"); // a GPU of another vendor
        fs::write(
            m.state("addr"),
            "2: enp5s0    inet 10.19.62.58/20 brd 10.19.63.255 scope global enp5s0\\ x\n",
        )
        .unwrap();
        for u in ["systemd-networkd", "docker.socket", "docker", "lambda-jupyter"] {
            fs::write(m.state("active").join(u), "").unwrap();
            fs::write(m.state("enabled").join(u), "").unwrap();
        }
        m.vars = [
            ("NB_NODE_NAME", "fargate-ip-10-0-2-233.ec2.internal"),
            ("NB_NODE_IP", "10.0.2.233"),
            ("NB_INTERFACE", "kubesat0"),
            ("NB_NETWORK_BACKEND", "networkd"),
            ("NB_KUBERNETES_VERSION", "1.34.1"),
            ("NB_ARCH", "amd64"),
            ("NB_OS", "ubuntu-22.04"),
            ("NB_CGROUP", "2"),
            ("NB_VCPUS", "30"),
            ("NB_MEMORY_MIB", "200000"),
            ("NB_DISK_GIB", "1300"),
            ("NB_GPUS", "1"),
            ("NB_GPU_UNITS", "nvidia-persistenced.service"),
            ("NB_MIN_SYSTEMD", "245"),
            ("NB_MIN_NETPLAN", ""),
            ("NB_CONTAINERD", "pinned"),
            ("NB_MIN_CONTAINERD", ""),
            ("NB_CNI_CONF", "10-nodebake.conflist"),
            (
                "NB_DISABLE_UNITS",
                "lambda-jupyter.service docker.service docker.socket none.service",
            ),
            (
                "NB_ENABLE_UNITS",
                "containerd.service nodebake-credentials.timer kubelet.service",
            ),
            ("NB_KUBELET_UNIT", "kubelet.service"),
            ("NB_NEEDS_SECRET", ""),
        ]
        .map(|(k, v)| (k, v.to_owned()))
        .into();
        m.stage("/usr/local/lib/nodebake/first-boot", body(FIRST_BOOT), 0o755);
        m.stage("/usr/local/lib/nodebake/uninstall", body(UNINSTALL), 0o755);
        m.stage(
            "/etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/local/bin/kubelet\n",
            0o644,
        );
        m.stage("/etc/containerd/config.toml", "version = 2\n", 0o644);
        m.stage("/etc/kubernetes/kubelet.json", "{}\n", 0o600);
        m.stage(
            "/etc/cni/net.d/10-nodebake.conflist",
            "{\"cniVersion\":\"1.0.0\"}\n",
            0o644,
        );
        m.stage(
            "/etc/modules-load.d/nodebake.conf",
            "# ours\noverlay\nbr_netfilter\n",
            0o644,
        );
        m.stage("/etc/sysctl.d/99-nodebake.conf", "net.ipv4.ip_forward = 1\n", 0o644);
        m.stage(
            "/etc/systemd/network/10-kubesat0.netdev",
            "[NetDev]\nName=kubesat0\nKind=dummy\n",
            0o644,
        );
        m.stage("/etc/systemd/system/nodebake-credentials.timer", "[Timer]\n", 0o644);
        m.stage("/etc/nodebake/artifacts.list", "# none\n\n", 0o644);
        m
    }

    fn root(&self) -> PathBuf {
        self.dir.join("root")
    }
    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }
    fn state(&self, name: &str) -> PathBuf {
        self.dir.join("state").join(name)
    }
    fn own(&self, name: &str) -> PathBuf {
        self.at(STATE).join(name)
    }
    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
    fn file(&self, path: &str, text: &str, mode: u32) {
        let p = self.at(path);
        fs::create_dir_all(p.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&p); // it may be read-only
        fs::write(&p, text).unwrap();
        fs::set_permissions(&p, fs::Permissions::from_mode(mode)).unwrap();
    }
    fn stage(&self, path: &str, text: &str, mode: u32) {
        self.file(&format!("{STATE}/stage{path}"), text, mode);
    }
    fn pci(&self, slot: &str, vendor: &str, class: &str) {
        self.file(
            &format!("/sys/bus/pci/devices/{slot}/vendor"),
            &format!("{vendor}\n"),
            0o444,
        );
        self.file(
            &format!("/sys/bus/pci/devices/{slot}/class"),
            &format!("{class}\n"),
            0o444,
        );
    }
    fn set(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.vars.insert(key, value.to_owned());
        self
    }
    fn env(&mut self, key: &str, value: &str) -> &mut Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// An archive or a file to download; returns its line for artifacts.list.
    fn artifact(&self, action: &str, dest: &str, file: &Path) -> String {
        let sum = sh(&format!("sha256sum < '{}' | cut -c-64", file.display()));
        format!("{} {action} {dest} file://{}\n", sum.trim(), file.display())
    }
    /// The two downloads of a usual node: one binary, one archive with a link in it.
    fn downloads(&self) -> String {
        let files = self.dir.join("files");
        fs::create_dir_all(files.join("top/bin")).unwrap();
        fs::write(files.join("kubelet"), "kubelet ".repeat(500)).unwrap();
        fs::write(files.join("top/bin/bridge"), "bridge ".repeat(500)).unwrap();
        fs::write(files.join("top/README"), "read me\n").unwrap();
        let _ = symlink("bridge", files.join("top/bin/link"));
        sh(&format!(
            "cd '{}' && chmod 755 top/bin/bridge && chmod 644 top/README && tar -cf - --sort=name --mtime=@0 --owner=0 --group=0 top | gzip -n >cni.tgz",
            files.display()
        ));
        self.artifact("file", "/usr/local/bin/kubelet", &files.join("kubelet"))
            + &self.artifact("untar1", "/opt/cni", &files.join("cni.tgz"))
    }
    fn list(&self, text: &str) {
        self.stage(
            "/etc/nodebake/artifacts.list",
            &format!("# sha256 action dest url\n\n{text}"),
            0o644,
        );
    }

    fn script(&self, path: &Path, args: &[&str]) -> Command {
        let mut c = Command::new("bash");
        // The pid is written down for the stubs that kill the script.
        c.args(["-c", "echo $$ >\"$STUB_STATE/pid\"; exec bash \"$@\"", "run"])
            .arg(path)
            .args(args);
        c.env("NODEBAKE_ROOT", self.root())
            .env("STUB_STATE", self.dir.join("state"))
            .envs(&self.env);
        let path = std::env::var("PATH").unwrap_or_default();
        c.env("PATH", format!("{}:{path}", self.dir.join("bin").display()))
            .stdin(Stdio::null());
        c
    }
    fn write_env(&self) {
        let text: String = self.vars.iter().map(|(k, v)| format!("{k}='{v}'\n")).collect();
        self.stage("/etc/nodebake/node.env", &text, 0o644);
    }
    fn boot(&self) -> Run {
        self.write_env();
        let _ = fs::remove_file(self.state("calls"));
        let _ = fs::remove_file(self.state("count"));
        run(&mut self.script(&self.own("stage/usr/local/lib/nodebake/first-boot"), &[]))
    }
    fn uninstall(&self, args: &[&str]) -> Run {
        let _ = fs::remove_file(self.state("calls"));
        run(&mut self.script(&self.at("/usr/local/lib/nodebake/uninstall"), args))
    }
    /// Calls of a stub that change something, in order.
    fn calls(&self, command: &str) -> Vec<String> {
        let text = fs::read_to_string(self.state("calls")).unwrap_or_default();
        let quiet = ["is-", "list-", "--version", "-o "];
        text.lines()
            .filter_map(|l| l.strip_prefix(command)?.strip_prefix(' '))
            .filter(|l| !quiet.iter().any(|q| l.starts_with(q)))
            .map(str::to_owned)
            .collect()
    }
    /// Every folder, file and link of the machine but /proc and /sys: path, kind, mode, content.
    fn tree(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        walk(&self.root(), &self.root(), &mut out, false);
        out
    }
    /// What a person would see of the machine: without nodebake's own books and log.
    fn outside(&self) -> BTreeMap<String, String> {
        let mut t = self.tree();
        t.retain(|p, _| !p.starts_with(STATE) && p != LOG);
        t
    }
}

fn run(c: &mut Command) -> Run {
    let Output { status, stdout, stderr } = c.output().expect("bash");
    Run {
        code: status.code(),
        text: String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr),
    }
}

#[track_caller]
fn sh(script: &str) -> String {
    let o = Command::new("bash").args(["-c", script]).output().unwrap();
    assert!(o.status.success(), "{script}: {}", String::from_utf8_lossy(&o.stderr));
    String::from_utf8(o.stdout).unwrap()
}

fn walk(root: &Path, dir: &Path, out: &mut BTreeMap<String, String>, times: bool) {
    for e in fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        let name = p.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if name == "proc" || name == "sys" {
            continue;
        }
        let meta = fs::symlink_metadata(&p).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let mut what = if meta.is_symlink() {
            format!("link {}", fs::read_link(&p).unwrap().display())
        } else if meta.is_dir() {
            walk(root, &p, out, times);
            format!("dir {mode:o}")
        } else {
            format!("file {mode:o} {}", String::from_utf8_lossy(&fs::read(&p).unwrap()))
        };
        if times && !meta.is_dir() {
            what += &format!(" inode {} time {}.{}", meta.ino(), meta.mtime(), meta.mtime_nsec());
        }
        out.insert(name, what);
    }
}

#[track_caller]
fn same(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    let mut diff = String::new();
    for k in before.keys().chain(after.keys()) {
        if before.get(k) != after.get(k) {
            diff += &format!("{k}: {:?} -> {:?}\n", before.get(k), after.get(k));
        }
    }
    assert!(diff.is_empty(), "the trees differ:\n{diff}");
}

#[test]
fn first_boot_scripts_are_small_and_clean() {
    let (fb, un) = (body(FIRST_BOOT), body(UNINSTALL));
    assert!(
        fb.len() <= FIRST_BOOT_MAX,
        "first-boot has {} bytes, of {FIRST_BOOT_MAX}",
        fb.len()
    );
    assert!(
        un.len() <= UNINSTALL_MAX,
        "uninstall has {} bytes, of {UNINSTALL_MAX}",
        un.len()
    );
    if !can_run() {
        return;
    }
    let checks = [["bash", "-n"], ["shellcheck", "--shell=bash"]];
    for (script, [tool, flag]) in [fb, un].into_iter().flat_map(|s| checks.map(|c| (s, c))) {
        let file = if tool == "bash" { "/dev/stdin" } else { "-" };
        let child = Command::new(tool)
            .args([flag, file])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: no {tool}");
            continue;
        };
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let o = child.wait_with_output().unwrap();
        assert!(o.status.success(), "{tool}: {}", String::from_utf8_lossy(&o.stdout));
    }
}

#[test]
fn first_boot_installs_everything_in_order() {
    if !can_run() {
        return;
    }
    let m = Machine::new("clean");
    m.list(&m.downloads());
    let mut r = m.boot().ok();
    for step in ["preflight", "artifacts", "apply", "system", "check"] {
        r = r.says(&format!("== {step}\n"));
    }
    let tree = m.tree();
    for t in TARGETS {
        let staged = &tree[&format!("{STATE}/stage{t}")];
        assert_eq!(tree.get(t.trim_start_matches('/')), Some(staged), "{t}");
    }
    assert!(tree["etc/kubernetes/kubelet.json"].starts_with("file 600 "));
    assert!(tree["usr/local/bin/kubelet"].starts_with("file 755 kubelet "));
    assert!(tree["opt/cni/bin/bridge"].starts_with("file 755 bridge "));
    assert_eq!(tree["opt/cni/bin/link"], "link bridge");
    assert_eq!(tree["opt/cni/README"], "file 644 read me\n");
    assert!(
        !tree
            .keys()
            .any(|k| k.contains(".nodebake-new") || k.ends_with(".new") || k.ends_with(".part")),
        "{:?}",
        tree.keys()
    );
    assert_eq!(tree[&format!("{STATE}/backup")], "dir 700");

    let ledger = m.read("/var/lib/nodebake/ledger");
    assert_eq!(ledger.lines().count(), TARGETS.len() + 5, "{ledger}");
    for line in ledger.lines() {
        let [sum, kind, path] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().expect(line);
        assert_eq!(kind, "created");
        if !path.ends_with("/link") {
            assert_eq!(
                sum,
                sh(&format!("sha256sum <'{}' | cut -c-64", m.at(path).display())).trim(),
                "{path}"
            );
        }
    }
    assert_eq!(
        m.read("/var/lib/nodebake/first-boot.done"),
        "node=fargate-ip-10-0-2-233.ec2.internal\nkubernetes=1.34.1\n"
    );
    assert!(!m.own("first-boot.failed").exists());
    assert!(m.read("/var/log/nodebake-first-boot.log").contains("== check\n"));

    assert_eq!(m.calls("modprobe"), ["-a overlay br_netfilter"]);
    assert!(m.calls("sysctl")[0].starts_with("-qp ") && m.calls("sysctl").len() == 1);
    assert_eq!(m.calls("networkctl"), ["reload"]);
    assert_eq!(
        m.calls("systemctl"),
        [
            "disable lambda-jupyter.service",
            "stop lambda-jupyter.service",
            "disable docker.service",
            "stop docker.service",
            "disable docker.socket",
            "stop docker.socket",
            "daemon-reload",
            "enable nvidia-persistenced.service",
            "start nvidia-persistenced.service",
            "enable containerd.service",
            "restart containerd.service",
            "enable nodebake-credentials.timer",
            "restart nodebake-credentials.timer",
            "enable kubelet.service",
            "restart --no-block kubelet.service",
        ]
    );
}

#[test]
fn first_boot_second_run_changes_nothing() {
    if !can_run() {
        return;
    }
    let m = Machine::new("again");
    m.list(&m.downloads());
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.file("/etc/fstab", "/swapfile none swap sw 0 0\n", 0o644);
    m.boot().ok();
    m.write_env();
    let times = |m: &Machine| {
        let mut t = BTreeMap::new();
        walk(&m.root(), &m.root(), &mut t, true);
        t.remove(LOG);
        t.retain(|p, _| !p.ends_with("stage/etc/nodebake/node.env")); // written anew by the test
        t
    };
    let before = times(&m);
    m.boot().ok().says("0 file(s) changed");
    same(&before, &times(&m));
    assert_eq!(m.calls("curl"), [""; 0]);
    assert_eq!(
        m.calls("systemctl"),
        [
            "start nvidia-persistenced.service",
            "start containerd.service",
            "start nodebake-credentials.timer",
            "start --no-block kubelet.service"
        ],
        "nothing may be restarted or reloaded"
    );
}

#[test]
fn first_boot_preflight_names_every_problem() {
    if !can_run() {
        return;
    }
    type Change = fn(&mut Machine);
    let table: [(&str, Change, &str); 23] = [
        (
            "arch",
            |m| {
                m.env("FAKE_ARCH", "aarch64");
            },
            "architecture: aarch64, planned: amd64",
        ),
        (
            "os",
            |m| m.file("/etc/os-release", "ID=debian\nVERSION_ID=12\n", 0o644),
            "system: debian-12, planned: ubuntu-22.04",
        ),
        (
            "cgroup",
            |m| {
                m.env("FAKE_CGROUP", "tmpfs");
            },
            "cgroup version is not 2",
        ),
        (
            "systemd",
            |m| {
                m.env("FAKE_SYSTEMD", "237");
            },
            "systemd: 237, needed: 245",
        ),
        (
            "cpus",
            |m| {
                m.env("FAKE_CPUS", "8");
            },
            "CPUs: 8, needed: 30",
        ),
        (
            "memory",
            |m| m.file("/proc/meminfo", "MemTotal: 1048576 kB\n", 0o644),
            "memory (MiB): 1024, needed: 200000",
        ),
        (
            "disk",
            |m| {
                m.env("FAKE_SIZE", "51200");
            },
            "root disk (GiB): 50, needed: 1300",
        ),
        (
            "room",
            |m| {
                m.env("FAKE_AVAIL", "2000");
            },
            "less than 2 GiB free",
        ),
        (
            "no gpu",
            |m| fs::remove_dir_all(m.at("/sys/bus/pci/devices/0000:07:00.0")).unwrap(),
            "NVIDIA GPUs: 0, planned: 1",
        ),
        (
            "gpus",
            |m| m.pci("0000:0a:00.0", "0x10de", "0x030000"),
            "NVIDIA GPUs: 2, planned: 1",
        ),
        (
            "driver",
            |m| fs::remove_dir_all(m.at("/proc/driver")).unwrap(),
            "no NVIDIA driver or container toolkit",
        ),
        (
            "toolkit",
            |m| fs::remove_file(m.at("/usr/bin/nvidia-container-runtime")).unwrap(),
            "no NVIDIA driver or container toolkit",
        ),
        (
            "address",
            |m| fs::write(m.state("addr"), "2: enp5s0    inet 10.0.2.233/20 scope global enp5s0\n").unwrap(),
            "node address in use: 2: enp5s0",
        ),
        (
            "interface",
            |m| fs::create_dir_all(m.at("/sys/class/net/kubesat0")).unwrap(),
            "kubesat0 is no dummy interface",
        ),
        (
            "containerd",
            |m| {
                m.set("NB_CONTAINERD", "image").set("NB_MIN_CONTAINERD", "1.7.27");
            },
            "containerd: v1.7.2, needed: 1.7.27",
        ),
        (
            "netplan",
            |m| {
                m.set("NB_NETWORK_BACKEND", "netplan").set("NB_MIN_NETPLAN", "0.107");
                m.env("FAKE_NETPLAN", "0.106.1-7ubuntu0.22.04.4");
            },
            "netplan: 0.106.1-7ubuntu0.22.04.4, needed: 0.107",
        ),
        (
            "conflist",
            |m| m.file("/etc/cni/net.d/10-aws.conflist", "{}", 0o644),
            "foreign /etc/cni/net.d/10-aws.conflist",
        ),
        (
            "conf",
            |m| m.file("/etc/cni/net.d/87-podman.conf", "{}", 0o644),
            "foreign /etc/cni/net.d/87-podman.conf",
        ),
        (
            "json",
            |m| m.file("/etc/cni/net.d/a b.json", "{}", 0o644),
            "foreign /etc/cni/net.d/a b.json",
        ),
        (
            "unit",
            |m| m.file("/etc/systemd/system/kubelet.service", "[Service]\n", 0o644),
            "foreign kubelet: /etc/systemd/system/kubelet.service",
        ),
        (
            "process",
            |m| m.file("/proc/4711/comm", "kubelet\n", 0o444),
            "foreign kubelet: /proc/4711/comm",
        ),
        (
            "pki",
            |m| m.file("/var/lib/kubelet/pki/kubelet.crt", "x", 0o644),
            "foreign kubelet: /var/lib/kubelet/pki",
        ),
        (
            "no env variable",
            |m| {
                m.vars.remove("NB_OS");
            },
            "NB_OS: unbound variable",
        ),
    ];
    for (i, (name, change, text)) in table.into_iter().enumerate() {
        let mut m = Machine::new(&format!("pre{i}"));
        m.list(&m.downloads());
        change(&mut m);
        let before = m.outside();
        eprintln!("case {name}");
        let r = m.boot().fails().says(text).says("step: preflight");
        if name != "no env variable" {
            assert!(
                r.text.contains("1 problem(s), nothing was changed") && r.text.contains("; remedy: "),
                "{}",
                r.text
            );
        }
        same(&before, &m.outside());
        for c in [
            "systemctl",
            "curl",
            "modprobe",
            "sysctl",
            "networkctl",
            "netplan",
            "swapoff",
        ] {
            assert_eq!(m.calls(c), [""; 0], "{name}: {c}");
        }
        assert!(m.own("first-boot.failed").exists() && !m.own("first-boot.done").exists() && !m.own("ledger").exists());
    }
}

#[test]
fn first_boot_preflight_reports_all_at_once() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("many");
    m.env("FAKE_CPUS", "8").env("FAKE_SYSTEMD", "237");
    m.file("/etc/cni/net.d/10-aws.conflist", "{}", 0o644);
    let before = m.outside();
    let r = m
        .boot()
        .fails()
        .says("CPUs: 8")
        .says("systemd: 237")
        .says("10-aws.conflist")
        .says("3 problem(s)");
    assert_eq!(
        r.text.matches("\n- ").count() / 2,
        3,
        "each once in the output and once in the marker's log:\n{}",
        r.text
    );
    same(&before, &m.outside());
}

#[test]
fn first_boot_reads_debians_versions() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("debian-version");
    // sort -V takes what follows a tilde for older; with Debian it names how the source was repacked.
    m.set("NB_CONTAINERD", "image").set("NB_MIN_CONTAINERD", "1.7.24");
    m.env("FAKE_CONTAINERD", "1.7.24~ds1");
    m.boot().ok();
}

#[test]
fn first_boot_runs_without_gpu_or_interface() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("plain");
    m.set("NB_GPUS", "0")
        .set("NB_GPU_UNITS", "")
        .set("NB_INTERFACE", "")
        .set("NB_NETWORK_BACKEND", "none")
        .set("NB_DISK_GIB", "0");
    fs::remove_dir_all(m.at("/sys/bus/pci")).unwrap();
    fs::remove_dir_all(m.at("/proc/driver")).unwrap();
    m.boot().ok();
    assert!(m.calls("networkctl").is_empty());
    assert!(!m.calls("systemctl").iter().any(|c| c.contains("nvidia")));
}

#[test]
fn first_boot_wrong_sha256_installs_nothing() {
    if !can_run() {
        return;
    }
    let m = Machine::new("sha");
    let list = m.downloads();
    m.list(&list);
    fs::write(m.dir.join("files/kubelet"), "something else").unwrap();
    let before = m.outside();
    m.boot().fails().says("wrong sha256: file://").says("step: artifacts");
    same(&before, &m.outside());
    assert_eq!(m.calls("curl").len(), 2, "retried once from zero");
    assert!(m.own("first-boot.failed").exists() && !m.own("ledger").exists());
    assert_eq!(fs::read_dir(m.own("download")).unwrap().count(), 0);
    assert_eq!(m.calls("systemctl"), [""; 0]);
}

#[test]
fn first_boot_retries_downloads() {
    if !can_run() {
        return;
    }
    for (i, plan) in ["cut\n", "short\n", "bad\n", "7\n6\n35\n", "cut\n22\n", "cut\n33\n"]
        .into_iter()
        .enumerate()
    {
        let m = Machine::new(&format!("retry{i}"));
        m.list(&m.downloads());
        fs::write(m.state("curl-plan"), plan).unwrap();
        m.boot().ok();
        assert_eq!(m.read("/usr/local/bin/kubelet"), "kubelet ".repeat(500), "{plan}");
        assert_eq!(m.calls("curl").len(), plan.lines().count() + 2, "{plan}");
    }
    let m = Machine::new("retry-end");
    m.list(&m.downloads());
    fs::write(m.state("curl-plan"), "7\n".repeat(50)).unwrap();
    m.boot().fails().says("curl 7: file://");
    assert_eq!(m.calls("curl").len(), 7);
}

#[test]
fn first_boot_downloads_with_the_real_curl() {
    if !can_run() {
        return;
    }
    let m = Machine::new("curl");
    let list = m.downloads();
    m.list(&list);
    fs::write(m.state("real-curl"), "").unwrap();
    // Half of the first file is there already, from a run that was killed.
    let sha = list.split(' ').next().unwrap();
    fs::create_dir_all(m.own("download")).unwrap();
    fs::write(m.own("download").join(format!("{sha}.part")), "kubelet ".repeat(200)).unwrap();
    m.boot().ok();
    assert_eq!(m.read("/usr/local/bin/kubelet"), "kubelet ".repeat(500));
    assert!(m.at("/opt/cni/bin/bridge").exists());
}

#[test]
fn first_boot_refuses_members_outside_the_archive() {
    if !can_run() {
        return;
    }
    for (i, how) in ["s|^|../|", "s|^|top/../../|", "s|^|/tmp/nodebake-evil/|"]
        .into_iter()
        .enumerate()
    {
        let m = Machine::new(&format!("tar{i}"));
        let files = m.dir.join("files");
        fs::write(files.join("evil"), "evil").unwrap();
        sh(&format!(
            "cd '{}' && tar -czPf evil.tgz --transform='{how}' evil",
            files.display()
        ));
        m.list(&m.artifact("untar0", "/opt/cni", &files.join("evil.tgz")));
        let before = m.outside();
        m.boot().fails().says("unsafe members");
        same(&before, &m.outside());
        assert!(!Path::new("/tmp/nodebake-evil").exists());
    }
    let m = Machine::new("tar-empty");
    let files = m.dir.join("files");
    fs::write(files.join("flat"), "flat").unwrap();
    sh(&format!("cd '{}' && tar -czf flat.tgz flat", files.display()));
    m.list(&m.artifact("untar1", "/opt/cni", &files.join("flat.tgz")));
    m.boot().fails().says("no files (untar1)");
    m.list(&m.artifact("unzip", "/opt/cni", &files.join("flat.tgz")));
    m.boot().fails().says("no files (unzip)");
}

#[test]
fn first_boot_repairs_an_artifact_and_keeps_the_changed_one() {
    if !can_run() {
        return;
    }
    let m = Machine::new("repair");
    m.list(&m.downloads());
    m.boot().ok();
    m.file("/usr/local/bin/kubelet", "patched", 0o755);
    fs::remove_file(m.at("/opt/cni/bin/link")).unwrap();
    m.boot()
        .ok()
        .says("/usr/local/bin/kubelet was changed here")
        .says("2 file(s) changed");
    assert_eq!(m.read("/usr/local/bin/kubelet"), "kubelet ".repeat(500));
    assert_eq!(
        m.read("/var/lib/nodebake/backup/usr/local/bin/kubelet.changed"),
        "patched"
    );
    assert!(m.at("/opt/cni/bin/link").is_symlink());
    assert_eq!(m.read("/var/lib/nodebake/artifacts.done").lines().count(), 4);
    // A second, different change does not overwrite the first one that was kept.
    m.file("/usr/local/bin/kubelet", "patched again", 0o755);
    m.boot().ok();
    assert_eq!(
        m.read("/var/lib/nodebake/backup/usr/local/bin/kubelet.changed"),
        "patched again"
    );
    assert_eq!(
        m.read("/var/lib/nodebake/backup/usr/local/bin/kubelet.changed.~1~"),
        "patched"
    );
}

#[test]
fn first_boot_gives_a_file_the_mode_it_shall_have() {
    if !can_run() {
        return;
    }
    let m = Machine::new("mode");
    let files = m.dir.join("files");
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("all.tar"), "images").unwrap();
    let line = m.artifact("file0640", "/var/lib/images/all.tar", &files.join("all.tar"));
    m.list(&line);
    m.boot().ok();
    assert_eq!(m.tree()["var/lib/images/all.tar"], "file 640 images");
    m.boot().ok().says("0 file(s) changed");
    m.list(&line.replace("file0640", "file0600"));
    m.boot().ok().says("2 file(s) changed");
    assert_eq!(m.tree()["var/lib/images/all.tar"], "file 600 images");
}

#[test]
fn first_boot_restores_a_foreign_file_on_uninstall() {
    if !can_run() {
        return;
    }
    let m = Machine::new("foreign");
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.file("/etc/sysctl.d/99-nodebake.conf", "net.ipv4.ip_forward = 1\n", 0o600); // our bytes, another mode
    m.file(
        "/etc/modules-load.d/nodebake.conf",
        "# ours\noverlay\nbr_netfilter\n",
        0o644,
    ); // just the same
    m.write_env();
    let before = m.tree();
    m.boot().ok().says("replaced /etc/containerd/config.toml");
    assert_eq!(m.read("/etc/containerd/config.toml"), "version = 2\n");
    assert_eq!(
        m.tree()[&format!("{STATE}/backup/etc/containerd/config.toml")],
        format!("file 640 {FOREIGN_TOML}")
    );
    let ledger = m.read("/var/lib/nodebake/ledger");
    assert!(
        ledger.contains(" replaced /etc/containerd/config.toml\n") && !ledger.contains("modules-load"),
        "{ledger}"
    );
    m.uninstall(&["--yes"]).ok();
    same(&before, &m.tree());
}

#[test]
fn first_boot_keeps_local_changes() {
    if !can_run() {
        return;
    }
    let m = Machine::new("local");
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.boot().ok();
    m.file("/etc/kubernetes/kubelet.json", "{\"mine\":1}\n", 0o600);
    m.file("/etc/containerd/config.toml", "version = 9\n", 0o644);
    let r = m.uninstall(&["--yes"]).ok();
    let r = r
        .says("kept, changed since: /etc/kubernetes/kubelet.json")
        .says("kept, changed since: /etc/containerd/config.toml");
    assert!(r.text.contains("backup"), "{}", r.text);
    assert_eq!(m.read("/etc/kubernetes/kubelet.json"), "{\"mine\":1}\n");
    assert_eq!(m.read("/etc/containerd/config.toml"), "version = 9\n");
    assert_eq!(
        m.read("/var/lib/nodebake/backup/etc/containerd/config.toml"),
        FOREIGN_TOML
    );
    assert!(!m.at("/etc/systemd/system/kubelet.service").exists());
    // Installing again does not overwrite the oldest original either.
    fs::remove_dir_all(m.at("/var/lib/kubelet")).ok();
    m.boot().ok();
    assert_eq!(
        m.read("/var/lib/nodebake/backup/etc/containerd/config.toml.~1~"),
        FOREIGN_TOML
    );
    assert_eq!(
        m.read("/var/lib/nodebake/backup/etc/containerd/config.toml"),
        "version = 9\n"
    );
}

#[test]
fn first_boot_reports_a_local_change_when_run_again() {
    if !can_run() {
        return;
    }
    let m = Machine::new("drift");
    m.boot().ok();
    m.file("/etc/kubernetes/kubelet.json", "{\"mine\":1}\n", 0o600);
    fs::set_permissions(
        m.at("/etc/sysctl.d/99-nodebake.conf"),
        fs::Permissions::from_mode(0o666),
    )
    .unwrap();
    m.boot()
        .ok()
        .says("/etc/kubernetes/kubelet.json was changed here")
        .says("2 file(s) changed");
    assert_eq!(m.read("/etc/kubernetes/kubelet.json"), "{}\n");
    assert_eq!(
        m.read("/var/lib/nodebake/backup/etc/kubernetes/kubelet.json.changed"),
        "{\"mine\":1}\n"
    );
    assert!(m.tree()["etc/sysctl.d/99-nodebake.conf"].starts_with("file 644 "));
    assert!(m.calls("systemctl").contains(&"restart containerd.service".to_owned()));
    m.uninstall(&["--yes"]).ok().says("backup");
    assert_eq!(
        m.read("/var/lib/nodebake/backup/etc/kubernetes/kubelet.json.changed"),
        "{\"mine\":1}\n"
    );
}

#[test]
fn first_boot_takes_back_a_netplan_file_that_netplan_refuses() {
    if !can_run() {
        return;
    }
    for old in [None, Some("network: {version: 2}\n")] {
        let mut m = Machine::new(&format!("netplan{}", old.is_some()));
        let file = "/etc/netplan/60-nodebake.yaml";
        m.file("/etc/netplan/50-cloud-init.yaml", "network: {}\n", 0o600);
        if let Some(text) = old {
            m.file(file, text, 0o600);
        }
        m.set("NB_NETWORK_BACKEND", "netplan").set("NB_MIN_NETPLAN", "0.107");
        fs::remove_file(m.own("stage/etc/systemd/network/10-kubesat0.netdev")).unwrap();
        m.stage(file, "network: {dummy-devices: {}}\n", 0o600);
        fs::write(m.state("netplan-bad"), "").unwrap();
        m.boot().fails().says("netplan refuses our file").says("step: system");
        assert_eq!(fs::read_to_string(m.at(file)).ok().as_deref(), old);
        assert_eq!(m.read("/etc/netplan/50-cloud-init.yaml"), "network: {}\n");
        assert!(m.calls("networkctl").is_empty(), "a broken network is never loaded");
        assert_eq!(m.calls("netplan"), ["generate", "generate"]);
        fs::remove_file(m.state("netplan-bad")).unwrap();
        let r = m.boot().ok();
        assert!(!r.text.contains("was changed here"), "{}", r.text);
        assert_eq!(m.read(file), "network: {dummy-devices: {}}\n");
        m.uninstall(&["--yes"]).ok();
        assert_eq!(fs::read_to_string(m.at(file)).ok().as_deref(), old);
    }
}

#[test]
fn first_boot_switches_swap_off_and_uninstall_on() {
    if !can_run() {
        return;
    }
    let m = Machine::new("swap");
    let fstab = "LABEL=root / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n# /old none swap sw 0 0\n\tUUID=1  none\tswap\tsw 0 0\n";
    m.file("/etc/fstab", fstab.trim_start_matches('\n'), 0o644);
    m.file("/proc/swaps", "Filename Type\n/swapfile file\n", 0o444);
    fs::write(m.state("swap"), "swapfile.swap loaded active active /swapfile\n").unwrap();
    m.write_env();
    let before = m.tree();
    m.boot().ok();
    assert_eq!(
        m.read("/etc/fstab"),
        "LABEL=root / ext4 defaults 0 1\n#nodebake-swap# /swapfile none swap sw 0 0\n# /old none swap sw 0 0\n#nodebake-swap# \tUUID=1  none\tswap\tsw 0 0\n"
    );
    assert_eq!(m.read("/var/lib/nodebake/backup/etc/fstab"), fstab);
    assert!(m.calls("systemctl").contains(&"mask swapfile.swap".to_owned()));
    assert_eq!(m.calls("swapoff"), ["-a"]);
    m.uninstall(&["--yes"]).ok();
    assert!(m.calls("systemctl").contains(&"unmask swapfile.swap".to_owned()));
    same(&before, &m.tree());
    // The part that the offline installer calls, which leaves other backups to it.
    m.boot().ok();
    m.uninstall(&["--back"]).ok();
    assert_eq!(m.read("/etc/fstab"), fstab);
    assert!(!m.at("/var/lib/nodebake/backup/etc/fstab").exists());
}

#[test]
fn first_boot_failure_marker_holds_the_log() {
    if !can_run() {
        return;
    }
    let m = Machine::new("marker");
    fs::write(m.state("sysctl-fails"), "").unwrap();
    let r = m.boot().fails();
    let marker = m.read("/var/lib/nodebake/first-boot.failed");
    assert!(marker.starts_with("step: system\nexit: 1\ntime: "), "{marker}");
    assert_eq!(marker.lines().skip_while(|l| *l != "log:").count(), 41, "{marker}");
    assert!(marker.ends_with("sysctl complaint 60\n"), "{marker}");
    assert!(r.text.ends_with(&marker), "{}", r.text);
    fs::remove_file(m.state("sysctl-fails")).unwrap();
    m.boot().ok();
    assert!(!m.own("first-boot.failed").exists() && m.own("first-boot.done").exists());
    fs::write(m.state("sysctl-fails"), "").unwrap();
    m.boot().fails();
    assert!(
        m.own("first-boot.failed").exists() && !m.own("first-boot.done").exists(),
        "never both"
    );
}

#[test]
fn first_boot_fails_when_something_does_not_start() {
    if !can_run() {
        return;
    }
    for (unit, text) in [
        ("containerd", ""),
        (
            "nodebake-credentials.timer",
            "nodebake-credentials.timer does not run: journalctl -u",
        ),
        ("kubelet", ""),
    ] {
        let m = Machine::new(&format!("start-{unit}"));
        fs::write(m.state("fail").join(unit), "").unwrap();
        m.boot().fails().says(text);
    }
    let m = Machine::new("no-address");
    fs::write(m.state("no-address"), "").unwrap();
    m.boot().fails().says("no 10.0.2.233 on kubesat0");
    let m = Machine::new("gpu-unit");
    fs::write(m.state("fail/nvidia-persistenced"), "").unwrap();
    m.boot()
        .ok()
        .says("WARNING: nvidia-persistenced.service does not start");
}

#[test]
fn first_boot_says_which_secret_is_missing() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("secret");
    m.set(
        "NB_NEEDS_SECRET",
        "/etc/nodebake/aws/source-credentials the access key of node-user",
    );
    fs::write(m.state("fail/nodebake-credentials.timer"), "").unwrap(); // cannot work without it
    m.boot()
        .ok()
        .says("TO DO: this node needs /etc/nodebake/aws/source-credentials: the access key of node-user");
    fs::remove_file(m.state("fail/nodebake-credentials.timer")).unwrap();
    m.file("/etc/nodebake/aws/source-credentials", "secret", 0o600);
    let r = m.boot().ok();
    assert!(!r.text.contains("TO DO"));
    m.file("/run/nodebake/aws/credentials", "session", 0o600);
    for part in ["--back", "--yes"] {
        m.uninstall(&[part])
            .ok()
            .says("left: /etc/nodebake/aws/source-credentials, which is yours");
    }
    assert_eq!(
        m.read("/etc/nodebake/aws/source-credentials"),
        "secret",
        "what the operator brought stays"
    );
    assert!(!m.at("/run/nodebake").exists(), "the session made with it does not");
}

#[test]
fn first_boot_runs_never_overlap() {
    if !can_run() {
        return;
    }
    let m = Machine::new("lock");
    m.write_env();
    let mut holder = Command::new("flock")
        .arg("-F")
        .arg(m.at(STATE))
        .args(["sleep", "60"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let before = m.tree();
    let mut c = m.script(&m.own("stage/usr/local/lib/nodebake/first-boot"), &[]);
    let start = Instant::now();
    run(&mut c).fails().says("another run is active");
    assert!(start.elapsed() < Duration::from_secs(30));
    same(&before, &m.tree());
    holder.kill().unwrap();
    holder.wait().unwrap();
}

/// Kill the script at its n-th change, for many n; the next run must end where an undisturbed one ends,
/// and uninstall must find the way back from there.
#[test]
fn first_boot_killed_anywhere_converges() {
    if !can_run() {
        return;
    }
    let files = Machine::new("kill-files"); // the same URLs for all
    let list = files.downloads();
    let machine = |name: &str| {
        let m = Machine::new(name);
        m.list(&list);
        m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
        m.file("/etc/fstab", "/swapfile none swap sw 0 0\n", 0o644);
        m.write_env();
        m
    };
    let clean = machine("kill-none");
    let before = clean.tree();
    clean.boot().ok();
    let goal = comparable(&clean);
    let total: usize = fs::read_to_string(clean.state("count"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let all = std::env::var_os("NODEBAKE_ALL_KILLS").is_some();
    let step = if all { 1 } else { total.div_ceil(12) };
    std::thread::scope(|s| {
        for half in 0..2 {
            let (machine, before, goal) = (&machine, &before, &goal);
            s.spawn(move || {
                for n in (1..=total).step_by(step).skip(half).step_by(2) {
                    let mut m = machine(&format!("kill-{n}"));
                    m.env("KILL_AT", &n.to_string());
                    let r = m.boot();
                    assert_eq!(r.code, None, "killed at {n} of {total}: {}", r.text);
                    m.env.clear();
                    if n % 3 == 0 && m.own("ledger").exists() {
                        // Straight back, without finishing first.
                        let un = m.own("stage/usr/local/lib/nodebake/uninstall");
                        let r = run(&mut m.script(&un, &["--yes"])).ok();
                        assert!(!r.text.contains("kept"), "kill {n}: {}", r.text);
                        same(before, &m.tree());
                        continue;
                    }
                    let r = m.boot().ok();
                    assert!(!r.text.contains("was changed here"), "kill {n}: {}", r.text);
                    same(goal, &comparable(&m));
                    m.uninstall(&["--yes"]).ok();
                    same(before, &m.tree());
                }
            });
        }
    });
}

/// The tree without what may differ between two runs that end in the same state.
fn comparable(m: &Machine) -> BTreeMap<String, String> {
    let mut t = m.tree();
    t.remove(LOG);
    let root = m.dir.to_str().unwrap().to_owned();
    for v in t.values_mut() {
        *v = v.replace(&root, "");
    }
    for (p, v) in &mut t {
        if p.ends_with("units.disabled") || p.ends_with("nodebake/dirs") || p.ends_with("artifacts.done") {
            let mut l: Vec<_> = v
                .split_inclusive('\n')
                .map(|l| l.trim_start_matches("file 644 "))
                .collect();
            l.sort_unstable();
            l.dedup();
            *v = l.concat();
        }
    }
    t
}

#[test]
fn first_boot_stopped_by_a_signal_is_a_failure() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("term");
    m.env("KILL_AT", "30").env("KILL_SIGNAL", "15");
    let r = m.boot();
    assert_ne!(r.code, Some(0));
    assert!(
        m.own("first-boot.failed").exists() && !m.own("first-boot.done").exists(),
        "{}",
        r.text
    );
    m.env.clear();
    m.boot().ok();
}

#[test]
fn uninstall_without_yes_only_talks() {
    if !can_run() {
        return;
    }
    let m = Machine::new("dry");
    m.list(&m.downloads());
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.boot().ok();
    let before = m.tree();
    let r = m
        .uninstall(&[])
        .ok()
        .says("run it with --yes")
        .says("would: rm ")
        .says("would: systemctl disable --now kubelet.service");
    assert!(
        r.text.contains("/etc/kubernetes/kubelet.json") && r.text.contains("would: systemctl enable docker.service"),
        "{}",
        r.text
    );
    same(&before, &m.tree());
    for c in ["systemctl", "rm", "mv", "cp", "ip", "networkctl"] {
        assert_eq!(m.calls(c), [""; 0], "{c}");
    }
    assert_eq!(m.uninstall(&["--force"]).fails().code, Some(2));
    same(&before, &m.tree());
}

#[test]
fn uninstall_leaves_the_machine_as_it_was() {
    if !can_run() {
        return;
    }
    let m = Machine::new("back");
    m.list(&m.downloads());
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.file("/opt/cni/README", "of a package\n", 0o644);
    m.write_env();
    let before = m.tree();
    let units = sh(&format!("cd '{}' && ls enabled active", m.dir.join("state").display()));
    m.boot().ok();
    let first = m.uninstall(&["--yes"]).ok();
    assert!(!first.text.contains("kept"), "{}", first.text);
    same(&before, &m.tree());
    assert_eq!(
        units,
        sh(&format!(
            "cd '{}' && ls enabled active | sed '/containerd/d;/persistenced/d'",
            m.dir.join("state").display()
        ))
    );
    let calls = m.calls("systemctl");
    for c in [
        "disable --now kubelet.service",
        "daemon-reload",
        "enable docker.service",
        "start docker.service",
        "start lambda-jupyter.service",
    ] {
        assert!(calls.iter().any(|x| x == c), "{c}: {calls:?}");
    }
    assert!(!m.at("/sys/class/net/kubesat0").exists());
    let again = m.own("stage/usr/local/lib/nodebake/uninstall");
    run(&mut m.script(&again, &["--yes"])).ok().says("nothing is installed");
    m.boot().ok();
}

#[test]
fn uninstall_killed_can_run_again() {
    if !can_run() {
        return;
    }
    let mut m = Machine::new("kill-uninstall");
    m.list(&m.downloads());
    m.file("/etc/containerd/config.toml", FOREIGN_TOML, 0o640);
    m.write_env();
    let before = m.tree();
    for n in (1..60).step_by(7) {
        m.env.clear();
        m.boot().ok();
        let _ = fs::remove_file(m.state("count"));
        m.env("KILL_AT", &n.to_string());
        let killed = m.uninstall(&["--yes"]).code.is_none();
        m.env.clear();
        let again = m.own("stage/usr/local/lib/nodebake/uninstall");
        let r = run(&mut m.script(&again, &["--yes"])).ok();
        assert!(!r.text.contains("kept"), "kill {n}: {}", r.text);
        same(&before, &m.tree());
        if !killed {
            break;
        }
    }
}

#[test]
fn uninstall_brings_a_shadowed_unit_back() {
    if !can_run() {
        return;
    }
    // The image has a containerd of its own, switched on; ours has the same name and hides it.
    let m = Machine::new("shadow");
    m.stage("/etc/systemd/system/containerd.service", "[Service]\n", 0o644);
    fs::write(m.state("enabled/containerd"), "").unwrap();
    fs::write(m.state("active/containerd"), "").unwrap();
    m.boot().ok();
    m.boot().ok();
    assert_eq!(
        m.read("/var/lib/nodebake/units.disabled").matches("containerd").count(),
        2
    );
    m.uninstall(&["--yes"]).ok();
    assert!(m.state("enabled/containerd").exists() && m.state("active/containerd").exists());
    let calls = m.calls("systemctl");
    let at = |c: &str| calls.iter().position(|x| x == c);
    assert!(
        at("disable --now containerd.service") < at("daemon-reload")
            && at("daemon-reload") < at("start containerd.service")
    );
}

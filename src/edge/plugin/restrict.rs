//! What a plugin gives up before it begins: for one thread, and whatever that thread starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::job::{Job, Protection};
use crate::plugin::Limits;

/// What programs and interpreters need to run: the system's programs and libraries, and the few files of /etc that
/// name resolution, TLS and time zones read. Nothing of a user, no key, no other process.
const SYSTEM: [&str; 36] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/bash.bashrc",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
];

/// Devices that hold nothing.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The newest Landlock whose rights are asked for; an older kernel gives what it has.
const NEWEST: ABI = ABI::V7;

/// The process limits, for this process and all it starts.
pub(super) fn limit(limits: &Limits) {
    // Many people's desktops have thousands of threads, all counted together: this only bounds what forks for ever, until
    // the supervisor, which counts what is the plugin's own, sees it.
    let user = limits.processes.map(|_| 4096);
    let wanted = [
        (Resource::As, limits.memory),
        (Resource::Cpu, limits.cpu),
        (Resource::Fsize, limits.file_size),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, user),
        (Resource::Core, Some(0)),
    ];
    for (resource, most) in wanted {
        let Some(most) = most else { continue };
        // A second more, so that SIGXCPU comes first, which says why.
        let spare = u64::from(resource == Resource::Cpu);
        let hard = getrlimit(resource)
            .maximum
            .map_or(most + spare, |hard| hard.min(most + spare));
        let limit = Rlimit {
            current: Some(hard.min(most)),
            maximum: Some(hard),
        };
        // Lowering one's own limits is always allowed.
        let _ = setrlimit(resource, limit);
    }
}

/// Takes from this thread all that the job does not give. After it the thread can do little but start the plugin.
pub(super) fn restrict(job: &Job) -> Result<Protection, String> {
    let protection = if job.landlock { landlock(job)? } else { Protection::Off };
    seccomp(job)?;
    Ok(protection)
}

fn landlock(job: &Job) -> Result<Protection, String> {
    let said = |error: landlock::RulesetError| format!("Landlock: {error}");
    let read: BitFlags<AccessFs> = AccessFs::from_read(NEWEST);
    let all: BitFlags<AccessFs> = AccessFs::from_all(NEWEST);
    // A device made in a folder of its own would be the disk itself, for a superuser.
    let own_folder = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut ruleset = Ruleset::default()
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .map_err(said)?;
    if !job.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST)).map_err(said)?;
    }
    let own: Vec<PathBuf> = job.reads.iter().cloned().chain([job.program.clone()]).collect();
    let written: Vec<&Path> = job
        .output
        .iter()
        .map(PathBuf::as_path)
        .chain([job.work.as_path()])
        .collect();
    let status = ruleset
        .create()
        .and_then(|rules| rules.add_rules(path_beneath_rules(SYSTEM, read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(own, read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(DEVICES, AccessFs::ReadFile | AccessFs::WriteFile)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(written, own_folder)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(said)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Protection::Whole,
        RulesetStatus::PartiallyEnforced => Protection::Part,
        RulesetStatus::NotEnforced => Protection::None,
    })
}

/// What no plugin needs: other processes' memory, kernel keys, namespaces, mounts, modules, the clock; and `io_uring`,
/// which opens sockets past every filter.
const REFUSED: [libc::c_long; 48] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_setrlimit,
    libc::SYS_process_madvise,
];

/// Changes of modes, owners and attributes by path, which Landlock does not look at: they would reach every file of the
/// user's. By descriptor they reach what the plugin may open.
const BY_PATH: [libc::c_long; 10] = [
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchownat,
    libc::SYS_fchown,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    SETXATTRAT,
    REMOVEXATTRAT,
];

/// The same, as older programs of this architecture call it.
#[cfg(target_arch = "x86_64")]
const BY_PATH_OF_OLD: [libc::c_long; 7] = [
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_mknod,
];
#[cfg(not(target_arch = "x86_64"))]
const BY_PATH_OF_OLD: [libc::c_long; 0] = [];

// One number for every architecture (Linux, scripts/syscall.tbl); not all of them are in libc yet.
const FCHMODAT2: libc::c_long = 452;
const SETXATTRAT: libc::c_long = 463;
const REMOVEXATTRAT: libc::c_long = 466;

/// Flags of `clone` that make a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn seccomp(job: &Job) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("the filter of system calls: {error}");
    let condition = |at, length, op, value| SeccompCondition::new(at, length, op, value).map_err(|error| said(&error));
    let rule = |conditions| SeccompRule::new(conditions).map_err(|error| said(&error));
    let mut rules = Rules::new();
    // Sockets of other families reach agents, daemons and the kernel; with the network a name must be looked up, for
    // which libc asks the kernel over netlink.
    let families: &[libc::c_int] = if job.network {
        &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
    } else {
        &[]
    };
    let others: Result<Vec<_>, _> = families
        .iter()
        .map(|family| condition(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, number(*family)))
        .collect();
    let others = others?;
    let sockets = if others.is_empty() { vec![] } else { vec![rule(others)?] };
    rules.insert(libc::SYS_socket, sockets);
    if job.syscalls {
        rules.extend(REFUSED.map(|call| (call, vec![])));
        rules.extend(BY_PATH.map(|call| (call, vec![])));
        rules.extend(BY_PATH_OF_OLD.map(|call| (call, vec![])));
        // Times of what is open are given without a path.
        let path = condition(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        rules.insert(libc::SYS_utimensat, vec![rule(vec![path])?]);
        // Asking for limits is fine, setting them is not.
        let set = condition(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        rules.insert(libc::SYS_prlimit64, vec![rule(vec![set])?]);
        let mut made = Vec::new();
        for flag in NAMESPACES {
            let flag = number(flag);
            made.push(rule(vec![condition(
                0,
                SeccompCmpArgLen::Qword,
                SeccompCmpOp::MaskedEq(flag),
                flag,
            )?])?);
        }
        rules.insert(libc::SYS_clone, made);
    }
    apply(rules, libc::EPERM).map_err(|error| said(&error))?;
    if job.syscalls {
        // Its flags lie where a filter cannot look; libc takes `clone` instead if it is not there.
        let unknown = Rules::from([(libc::SYS_clone3, vec![])]);
        apply(unknown, libc::ENOSYS).map_err(|error| said(&error))?;
    }
    Ok(())
}

fn number(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}

fn apply(mut rules: Rules, errno: libc::c_int) -> Result<(), seccompiler::Error> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    if arch == TargetArch::x86_64 {
        // The same calls under the numbers of the x32 ABI.
        let again: Rules = rules
            .iter()
            .map(|(call, rules)| (call | 0x4000_0000, rules.clone()))
            .collect();
        rules.extend(again);
    }
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

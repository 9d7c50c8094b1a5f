//! Plugins.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "plugin/lock",
        Error,
        "plugins.lock can be read and gives no plugin what none may have",
        "A lock that is half understood would trust more than was reviewed; a merge conflict in it is settled by `nodebake plugin trust`.",
    ),
    rule(
        "plugin/root",
        Error,
        "Plugins do not run as root unasked",
        "Most of what holds a plugin does not hold the superuser: limits of processes, modes of files.",
    ),
    rule(
        "plugin/unknown",
        Error,
        "Every plugin that is named is found",
        "It is looked for in each --plugin-dir, in plugins/ beside node.yaml, and as nodebake-KIND-NAME in PATH.",
    ),
    rule(
        "plugin/untrusted",
        Error,
        "Every plugin is in plugins.lock",
        "A program that nobody recorded is not run, wherever it comes from; the lock makes it part of a review.",
    ),
    rule(
        "plugin/changed",
        Error,
        "Every plugin is the program that was trusted",
        "The sha256 in plugins.lock is that of the reviewed file; what runs is a private copy of the very bytes that were hashed.",
    ),
    rule(
        "plugin/start",
        Error,
        "Every plugin can be started",
        "It is executable, can be read, has at most 64 MiB, and its interpreter is where a plugin can see it.",
    ),
    rule(
        "plugin/failed",
        Error,
        "Every plugin ends with exit code 0",
        "Another exit code or a signal means that its reply is not to be trusted, whatever it says.",
    ),
    rule(
        "plugin/error",
        Error,
        "No plugin reports an error",
        "The plugin says itself what keeps it from its work.",
    ),
    rule(
        "plugin/deadline",
        Error,
        "Every plugin is done in time",
        "30 seconds, 600 for deliver, or what plugins.lock says; then it gets SIGTERM, two seconds later SIGKILL, and all its processes with it.",
    ),
    rule(
        "plugin/flood",
        Error,
        "No plugin writes without end",
        "A reply has at most 16 MiB, 1,000 findings and 1,000 files, a log 256 KiB, a request 64 MiB.",
    ),
    rule(
        "plugin/processes",
        Error,
        "No plugin leaves a process behind or has too many",
        "64 at a time; what is still there when it ends is a daemon, which no plugin needs.",
    ),
    rule(
        "plugin/reply",
        Error,
        "Every reply is one whole JSON document of the plugin's kind",
        "A reply that is cut, followed by more, or about something else may be anything.",
    ),
    rule(
        "plugin/protocol",
        Error,
        "Every plugin speaks version 1 of the protocol",
        "A reply of another version would be misunderstood in silence.",
    ),
    rule(
        "plugin/path",
        Error,
        "Patch plugins write where they may",
        "A path is clean and absolute, plugins.lock lets the plugin write there, and a file that exists is replaced only by saying so.",
    ),
    rule(
        "plugin/content",
        Error,
        "What a plugin makes can be used",
        "Files of the tree are text with a mode and a type; base64 is RFC 4648.",
    ),
    rule(
        "plugin/facts",
        Error,
        "Facts of plugins do not contradict cluster.yaml",
        "Two sources that disagree are settled by a person.",
    ),
    rule(
        "plugin/secret",
        Error,
        "No secret goes to a plugin or comes from one",
        "Nothing that is baked is private, and a plugin is somebody else's program.",
    ),
    rule(
        "plugin/differs",
        Error,
        "A plugin answers the same request the same way",
        "Found with --plugin-twice; the same inputs give the same bytes, plugins or not.",
    ),
    rule(
        "check/plugin",
        Error,
        "What a check plugin finds",
        "A rule of yours; its name stands before the message. `--allow check/plugin` is for all of them.",
    ),
];

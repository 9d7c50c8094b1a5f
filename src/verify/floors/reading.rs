//! Reading a file.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "file/unreadable",
        Error,
        "A file that is named can be read",
        "Nothing can be said about a file that is not there.",
    ),
    rule(
        "spec/too-large",
        Error,
        "A file has at most 1 MiB",
        "A node.yaml is a few kilobytes: a larger file is another file.",
    ),
    rule(
        "spec/empty",
        Error,
        "A file says something",
        "An empty node would be all defaults that nobody chose.",
    ),
    rule(
        "spec/byte-order-mark",
        Error,
        "A file has no byte order mark",
        "cloud-init ignores user-data that begins with one; better no file has it.",
    ),
    rule(
        "spec/not-utf8",
        Error,
        "A file is UTF-8",
        "Other encodings change their letters on the way to the machine.",
    ),
    rule(
        "spec/nul",
        Error,
        "A file has no NUL bytes",
        "A NUL byte means that this is not a text file.",
    ),
    rule(
        "spec/syntax",
        Error,
        "A file is YAML",
        "The place is where the YAML parser gave up; the mistake is there or just before.",
    ),
    rule(
        "spec/depth",
        Error,
        "Maps and lists are nested at most 64 deep",
        "No file here needs more; a deeper one is an accident or an attack.",
    ),
    rule(
        "spec/anchor",
        Error,
        "No anchors and aliases",
        "They hide from a reviewer what a value is, and a few lines can grow into gigabytes.",
    ),
    rule(
        "spec/tag",
        Error,
        "No YAML tags",
        "They change what a value is in ways that readers disagree about.",
    ),
    rule(
        "spec/documents",
        Error,
        "One document in a file",
        "A second document would be ignored in silence.",
    ),
    rule(
        "spec/key",
        Error,
        "Keys are single words",
        "Lists and maps as keys mean nothing here.",
    ),
    rule(
        "spec/duplicate-key",
        Error,
        "A key is set once",
        "cloud-init and most YAML readers take the last one in silence, some the first.",
    ),
    rule(
        "spec/ambiguous",
        Error,
        "A plain value means the same to every YAML reader",
        "YAML 1.1 (cloud-init, netplan) and 1.2 read yes, 0644, 12:30 and others differently.",
    ),
];

//! The form of node.yaml.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "spec/unknown-key",
        Error,
        "Only keys that exist",
        "A mistyped key would be ignored, and its default taken in silence.",
    ),
    rule(
        "spec/missing-key",
        Error,
        "Every required key is there",
        "There is no safe default for it.",
    ),
    rule(
        "spec/type",
        Error,
        "Values have the right type",
        "A list where a map belongs is read as something else or not at all.",
    ),
    rule(
        "spec/value",
        Error,
        "A word is one of those allowed",
        "Another word has no meaning here.",
    ),
    rule(
        "spec/range",
        Error,
        "A number is in its range",
        "Outside it the value is a typing mistake or is refused later.",
    ),
    rule(
        "spec/name",
        Error,
        "Names can be file names and Kubernetes names",
        "The name becomes a file and a label.",
    ),
    rule(
        "spec/duplicate-node",
        Error,
        "Nodes of a fleet have different names",
        "The second would overwrite the first one's file.",
    ),
    rule(
        "spec/empty-fleet",
        Error,
        "A fleet has nodes",
        "There would be nothing to bake.",
    ),
    rule(
        "spec/instance-type",
        Error,
        "An instance type is provider/name",
        "Names are unique within a provider only.",
    ),
    rule(
        "spec/version",
        Error,
        "A version is a version",
        "The kubelet is pinned by its exact version.",
    ),
    rule(
        "spec/address",
        Error,
        "An address is an IPv4 address",
        "Satellites and hybrid nodes exist on IPv4 clusters only.",
    ),
    rule(
        "spec/cidr",
        Error,
        "A network is an IPv4 network without host bits",
        "10.0.0.1/24 means an address to one reader and a network to another.",
    ),
    rule(
        "spec/node-name",
        Error,
        "A node's name is DNS-1123 and at most 63 long",
        "The kubelet copies it into the label kubernetes.io/hostname, whose value ends there.",
    ),
    rule(
        "spec/interface",
        Error,
        "The dummy interface's name cannot be a real card's",
        "A dummy called eth0 collides with the card of that name; more than 15 characters are refused by Linux.",
    ),
    rule(
        "spec/label",
        Error,
        "Labels have the form Kubernetes takes",
        "The API server refuses the node otherwise.",
    ),
    rule(
        "spec/taint",
        Error,
        "Taints have the form Kubernetes takes",
        "The kubelet refuses its configuration otherwise.",
    ),
    rule(
        "spec/arn",
        Error,
        "An ARN is one of the right kind",
        "STS refuses another one, ten minutes after the launch.",
    ),
    rule(
        "spec/credentials",
        Error,
        "Exactly one credential strategy",
        "With two nobody can tell which one the node uses.",
    ),
    rule(
        "spec/profile-name",
        Error,
        "A profile name fits an AWS credentials file",
        "It is a section's name there.",
    ),
    rule(
        "spec/path",
        Error,
        "A path is absolute and clean",
        "`..`, double slashes and strange characters lead elsewhere on the machine.",
    ),
    rule(
        "spec/mode",
        Error,
        "A mode is four octal digits in quotes",
        "Without quotes YAML 1.1 reads 0644 as the number 420, and cloud-init 644 as mode 1204.",
    ),
    rule(
        "spec/file-type",
        Error,
        "A file says what it is written in",
        "It is checked by that.",
    ),
    rule(
        "spec/duplicate-file",
        Error,
        "A path is given once",
        "One of the two would be lost.",
    ),
    rule(
        "spec/image-reference",
        Error,
        "An image has a host and a fixed tag",
        "containerd resolves no short names, and latest is another image tomorrow.",
    ),
    rule(
        "spec/url",
        Error,
        "A URL is https, without credentials",
        "What is downloaded decides who owns the machine.",
    ),
    rule(
        "spec/plugins",
        Error,
        "The list of plugins is one: each item has a kind with a name",
        "A plugin is named by its kind, and may be told something under `with`.",
    ),
    rule(
        "spec/empty-proxy",
        Error,
        "A proxy has at least one satellite",
        "Without one there is nothing to pass on, and a machine that costs.",
    ),
    rule(
        "spec/aws-id",
        Error,
        "An identifier of AWS has its form",
        "A prefix and 17 hexadecimal digits, or 8 of old: anything else is refused at the launch.",
    ),
];

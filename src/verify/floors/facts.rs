//! The cluster's facts.

use super::rule;
use crate::base::Severity::{Error, Warning};
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "facts/name",
        Error,
        "The cluster's name is an EKS name",
        "The token is signed for exactly this name.",
    ),
    rule(
        "facts/region",
        Error,
        "The region is a region",
        "STS and ECR are asked there.",
    ),
    rule(
        "facts/account",
        Error,
        "The account is twelve digits",
        "It stands in ARNs. A plain number loses leading zeros.",
    ),
    rule(
        "facts/version",
        Error,
        "The cluster's version is a minor",
        "It decides the kubelet's version, keys and flags.",
    ),
    rule(
        "facts/endpoint",
        Error,
        "The endpoint is an https URL",
        "The kubelet talks to nothing else.",
    ),
    rule(
        "facts/cidr",
        Error,
        "A network is an IPv4 network",
        "Addresses are checked against it.",
    ),
    rule(
        "facts/access",
        Error,
        "The endpoint answers somebody, and who that is makes sense",
        "EKS has no endpoint that is neither public nor private; only a public one has publicAccessCidrs.",
    ),
    rule(
        "facts/id",
        Error,
        "An id of AWS is a word and 8 or 17 hexadecimal digits",
        "Interfaces are made with it. A typing error would be told by EC2 only.",
    ),
    rule(
        "facts/subnet",
        Error,
        "Subnets lie in the VPC and do not overlap",
        "The node's interface goes where its address lies.",
    ),
    rule(
        "facts/platform",
        Error,
        "The platform version is one of EKS: eks.N",
        "A change of it is shown for review.",
    ),
    rule(
        "facts/ipv6",
        Error,
        "The cluster is an IPv4 one",
        "EKS takes nodes from outside its VPC on IPv4 clusters only.",
    ),
    rule(
        "facts/dns",
        Error,
        "The DNS address lies in the service network",
        "EKS puts CoreDNS at its tenth address (eks-ami api/net.go).",
    ),
    rule(
        "facts/ca",
        Error,
        "The CA bundle is certificates of CAs",
        "The kubelet trusts the API server by it, and the API server's calls to it.",
    ),
    rule(
        "facts/ca-expired",
        Error,
        "The CA is not expired",
        "EKS can rotate it; then the facts are old.",
    ),
    rule(
        "facts/ca-not-yet-valid",
        Error,
        "The CA is valid already",
        "A clock is wrong: here, or where it was made.",
    ),
    rule(
        "facts/ca-ends-soon",
        Warning,
        "The CA lives for another month",
        "Every node needs the next one before this one ends.",
    ),
];

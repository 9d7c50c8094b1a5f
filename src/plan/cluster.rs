//! The cluster's values, taken from its facts.

use super::Desk;
use crate::base::Origin;

pub(super) fn decide<R>(desk: &mut Desk<'_, R>) {
    let facts = desk.facts;
    let book = &mut desk.book;
    book.set(
        "cluster.name",
        &facts.name.value,
        Origin::Facts(facts.name.place.clone()),
    );
    book.set(
        "cluster.region",
        &facts.region.value,
        Origin::Facts(facts.region.place.clone()),
    );
    book.set(
        "cluster.account",
        &facts.account.value,
        Origin::Facts(facts.account.place.clone()),
    );
    book.set(
        "cluster.minor",
        facts.minor.value,
        Origin::Facts(facts.minor.place.clone()),
    );
    book.set(
        "cluster.endpoint",
        facts.endpoint.value.as_str(),
        Origin::Facts(facts.endpoint.place.clone()),
    );
    book.set(
        "cluster.caPem",
        &facts.ca_pem.value,
        Origin::Facts(facts.ca_pem.place.clone()),
    );
    book.set(
        "cluster.serviceCidr",
        facts.service_cidr.value.to_string(),
        Origin::Facts(facts.service_cidr.place.clone()),
    );
    book.set(
        "cluster.authMode",
        facts.auth_mode.value.to_string(),
        Origin::Facts(facts.auth_mode.place.clone()),
    );
    book.set(
        "cluster.partition",
        facts.partition(),
        Origin::Default("the partition of the cluster's region".into()),
    );
    if let Some(dns) = facts.dns_address() {
        let rule = "the tenth address of the service network, where EKS puts CoreDNS";
        book.set("cluster.dns", dns.to_string(), Origin::Default(rule.into()));
    }
}

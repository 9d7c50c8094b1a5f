//! Who the kubelet is, and whom it lets in.

use crate::base::Finding;
use crate::catalog::Naming;
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// Certificates beside the exec plugin.
pub(super) fn exec_auth(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/exec-auth";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    if kubelet.truth("rotateCertificates", false) {
        let message = "`rotateCertificates` cannot be combined with the exec plugin of the kubeconfig";
        findings.push(kubelet.clash(ID, message, &["rotateCertificates"]).hint("leave it out"));
    }
    for (word, place) in &kubelet.words {
        if word.starts_with("--bootstrap-kubeconfig") {
            let message = "`--bootstrap-kubeconfig` asks for a client certificate, which EKS does not give";
            findings.push(Finding::error(ID, message, place).hint("leave it out"));
        }
    }
    findings
}

/// Port 10250 open to everybody, or closed to the API server.
pub(super) fn access(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/access";
    const CA: &str = "authentication.x509.clientCAFile";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let mut open = |path: &str, message: &str| {
        findings.push(kubelet.clash(ID, message, &[path]).hint("leave it out"));
    };
    if kubelet.truth("authentication.anonymous.enabled", false) {
        open(
            "authentication.anonymous.enabled",
            "anybody who reaches port 10250 would be let in",
        );
    }
    if kubelet.text("authorization.mode") == Some("AlwaysAllow") {
        open(
            "authorization.mode",
            "whoever is let in at port 10250 could run commands in every pod",
        );
    }
    if kubelet.number("readOnlyPort").is_some_and(|port| port != 0) {
        open("readOnlyPort", "the read-only port tells everybody what runs here");
    }
    if kubelet.said(CA).is_none() {
        let message = format!("without `{CA}` the API server is not let in: no logs, no exec");
        let finding = kubelet.clash(ID, message, &[CA]);
        findings.push(finding.hint("leave it as it is"));
    }
    findings
}

/// The kubelet's own TLS.
pub(super) fn tls(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/tls";
    const SUITES: &str = "tlsCipherSuites";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let suites = kubelet.at(SUITES).map(Node::items).unwrap_or_default();
    // Names that do not exist are told by the schema; what they were meant to be is not known here.
    let readable = suites.iter().all(|suite| kubelet.is_sound(suite));
    let http2 = |suite: &Node| {
        matches!(
            suite.text(),
            Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" | "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        )
    };
    let fixed_by_tls13 = kubelet.text("tlsMinVersion") == Some("VersionTLS13");
    if !suites.is_empty() && readable && !fixed_by_tls13 && !suites.iter().any(http2) {
        let message = format!("`{SUITES}` lacks the suite that HTTP/2 requires: the kubelet cannot serve");
        let hint = "add TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
        findings.push(kubelet.clash(ID, message, &[SUITES]).hint(hint));
    }
    let pair = ["tlsCertFile", "tlsPrivateKeyFile"];
    if kubelet.said(pair[0]).is_some() != kubelet.said(pair[1]).is_some() {
        let message = "`tlsCertFile` and `tlsPrivateKeyFile` go together";
        let finding = kubelet.clash(ID, message, &pair);
        findings.push(finding.hint("leave both out: the certificate comes by a signing request"));
    }
    findings
}

/// Which machine of which cloud this is.
pub(super) fn provider_id(subject: &Subject<'_>) -> Vec<Finding> {
    const KEY: &str = "providerID";
    let kubelet = subject.kubelet();
    let planned = subject.plan.book.get("kubelet.providerId");
    let planned = planned.and_then(|id| id.value().as_str()).unwrap_or_default();
    let stated = kubelet.text(KEY).unwrap_or_default();
    if kubelet.config.get(KEY).is_some_and(|node| !kubelet.is_sound(node)) || stated == planned {
        return Vec::new();
    }
    let (message, hint) = match subject.plan.profile.naming {
        Naming::Satellite => (
            format!("a satellite has no `{KEY}`: the cloud controller would delete the node once it is not Ready"),
            "leave it out",
        ),
        Naming::Hybrid => (format!("a hybrid node's `{KEY}` is {planned}"), "leave it as it is"),
    };
    vec![kubelet.clash("kubelet/provider-id", message, &[KEY]).hint(hint)]
}

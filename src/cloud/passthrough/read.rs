//! Reads `passthrough.yaml`, as strictly as `node.yaml`.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::{Limits, Passthrough, Route, Sources, collide, returns};
use crate::base::{Finding, Located, Place, Report, Source, is_dns1123_subdomain};
use crate::syntax::yaml::{self, Node, Reader};

/// Reads a `passthrough.yaml`. All mistakes are reported together.
pub fn read(source: &Arc<Source>) -> Result<Passthrough, Report> {
    let root = yaml::parse(source)?;
    let mut report = Report::new();
    let read = document(&mut Reader { report: &mut report }, &root);
    match read {
        Some(read) if !report.has_errors() => Ok(read),
        _ => Err(report),
    }
}

/// One route of the command line, unless it leads back to itself.
pub fn checked(listen: SocketAddrV4, to: SocketAddrV4, sources: Sources) -> Result<Passthrough, String> {
    for (address, what) in [(listen, "--listen"), (to, "--to")] {
        usable(address, what == "--to").map_err(|why| format!("{what} {address}: {why}"))?;
    }
    if returns(to, listen) {
        return Err(format!("--to {to} leads back to --listen {listen}"));
    }
    let name = "only".into();
    Ok(Passthrough {
        sources,
        routes: vec![Route { name, listen, to }],
        limits: Limits::default(),
    })
}

/// What cannot be listened on, or not be reached.
fn usable(address: SocketAddrV4, is_goal: bool) -> Result<(), &'static str> {
    let ip = address.ip();
    if address.port() == 0 {
        Err("a port is 1 to 65535")
    } else if ip.is_multicast() || ip.is_broadcast() {
        Err("this is the address of many")
    } else if is_goal && ip.is_unspecified() {
        Err("this is no machine's address")
    } else {
        Ok(())
    }
}

fn document(reader: &mut Reader<'_>, root: &Node) -> Option<Passthrough> {
    let mut fields = reader.map(root, "the document");
    if let Some(node) = fields.required(reader, "apiVersion") {
        reader.word(node, &[("nodebake/v1", ())]);
    }
    if let Some(node) = fields.required(reader, "kind") {
        reader.word(node, &[("Passthrough", ())]);
    }
    let spec = fields.required(reader, "spec");
    fields.done(reader);
    let mut fields = reader.map(spec?, "spec of a Passthrough");
    let sources = fields
        .required(reader, "sources")
        .and_then(|node| sources(reader, node));
    let routes = fields.required(reader, "routes").map(|node| routes(reader, node));
    let limits = match fields.optional("limits") {
        Some(node) => {
            let fields = reader.map(node, "limits");
            Limits::read(reader, fields)
        }
        None => Limits::default(),
    };
    fields.done(reader);
    Some(Passthrough {
        sources: sources?,
        routes: routes?,
        limits,
    })
}

fn sources(reader: &mut Reader<'_>, node: &Node) -> Option<Sources> {
    if node.text() == Some("any") {
        return Some(Sources::Any);
    }
    let networks: Vec<_> = reader
        .list(node)
        .iter()
        .filter_map(|item| reader.parsed(item, "passthrough/source"))
        .map(|network| network.value)
        .collect();
    if node.items().is_empty() {
        let message = "no source may connect";
        let hint = "list the networks of the API server's side, or write `any`";
        reader
            .report
            .push(Finding::error("passthrough/source", message, &node.place).hint(hint));
        return None;
    }
    Some(Sources::Only(networks))
}

/// A route with where its parts stand.
struct Written {
    name: Located<String>,
    listen: Located<SocketAddrV4>,
    to: Located<SocketAddrV4>,
}

fn routes(reader: &mut Reader<'_>, node: &Node) -> Vec<Route> {
    let items = reader.list(node);
    if items.is_empty() {
        let message = "there is no route";
        reader
            .report
            .push(Finding::error("passthrough/routes", message, &node.place));
    }
    let written: Vec<Written> = items.iter().filter_map(|item| route(reader, item)).collect();
    for (at, one) in written.iter().enumerate() {
        for other in &written[..at] {
            distinct(reader.report, one, other);
        }
        if let Some(back) = written.iter().find(|any| returns(one.to.value, any.listen.value)) {
            let message = format!("`{}` leads back to this program", one.to.value);
            let finding = Finding::error("passthrough/loop", message, &one.to.place);
            reader.report.push(finding.note(&back.listen.place, "it listens here"));
        }
    }
    let plain = |one: Written| Route {
        name: one.name.value,
        listen: one.listen.value,
        to: one.to.value,
    };
    written.into_iter().map(plain).collect()
}

/// Two routes differ in name and in where they listen. Where they lead may be the same.
fn distinct(report: &mut Report, one: &Written, other: &Written) {
    let mut push = |message: String, place: &Place, first: &Place| {
        report.push(Finding::error("passthrough/duplicate", message, place).note(first, "the first one"));
    };
    if one.name.value == other.name.value {
        let message = format!("a second route is called `{}`", one.name.value);
        push(message, &one.name.place, &other.name.place);
    }
    if collide(one.listen.value, other.listen.value) {
        let message = format!("a second route listens on `{}`", one.listen.value);
        push(message, &one.listen.place, &other.listen.place);
    }
}

fn route(reader: &mut Reader<'_>, node: &Node) -> Option<Written> {
    let mut fields = reader.map(node, "a route");
    let name = fields.required(reader, "name").and_then(|node| name(reader, node));
    let listen = fields
        .required(reader, "listen")
        .and_then(|node| address(reader, node, false));
    let to = fields
        .required(reader, "to")
        .and_then(|node| address(reader, node, true));
    fields.done(reader);
    Some(Written {
        name: name?,
        listen: listen?,
        to: to?,
    })
}

fn name(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    if !is_dns1123_subdomain(&name.value) {
        let message = format!(
            "`{}` is not a name: lower-case letters, digits, `-` and `.`",
            name.value
        );
        reader
            .report
            .push(Finding::error("passthrough/name", message, &name.place));
        return None;
    }
    Some(name)
}

fn address(reader: &mut Reader<'_>, node: &Node, is_goal: bool) -> Option<Located<SocketAddrV4>> {
    let text = reader.text(node)?;
    let read = text
        .value
        .parse::<SocketAddrV4>()
        .map_err(|_| "this is no IPv4 address with a port, such as 10.0.2.233:10250")
        .and_then(|address| usable(address, is_goal).map(|()| address));
    match read {
        Ok(value) => Some(Located {
            value,
            place: text.place,
        }),
        Err(why) => {
            let message = format!("`{}`: {why}", text.value);
            reader
                .report
                .push(Finding::error("passthrough/address", message, &text.place));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let report = read(&Source::new("p.yaml", text)).unwrap_err();
        let place = |finding: &Finding| finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let all = report.sorted().into_iter();
        all.map(|finding| (finding.id, place(finding))).collect()
    }

    const HEAD: &str = "apiVersion: nodebake/v1\nkind: Passthrough\nspec:\n";

    #[test]
    fn reads_routes_and_limits() {
        let text = format!(
            "{HEAD}  sources: [10.0.0.0/16]\n  routes:\n    - {{ name: a10, listen: 10.0.2.233:10250, to: 203.0.113.9:10250 }}\n"
        );
        let plain = read(&Source::new("p.yaml", &*text)).unwrap();
        assert_eq!(plain.limits, Limits::default());
        assert_eq!(plain.sources.to_string(), "10.0.0.0/16");
        assert_eq!(plain.routes[0].to.to_string(), "203.0.113.9:10250");
        let more = text.replace("[10.0.0.0/16]", "any") + "  limits: { idleSeconds: 7, connections: 9 }\n";
        let more = read(&Source::new("p.yaml", more)).unwrap();
        assert_eq!(more.sources, Sources::Any);
        assert_eq!(more.limits.idle, Duration::from_secs(7));
        assert_eq!((more.limits.connections, more.limits.per_route), (9, 9));
    }

    #[test]
    fn tells_every_mistake_with_its_place() {
        let text = format!(
            "{HEAD}  sources: [10.0.0.1/16]
  routes:
    - {{ name: A, listen: 10.0.2.1:0, to: node:10250 }}
    - {{ name: a, listen: 10.0.2.1:10250, to: 0.0.0.0:10250 }}
    - {{ name: b, listen: 10.0.2.2:10250, to: 203.0.113.9:10250 }}
    - {{ name: b, listen: 0.0.0.0:10250, to: 10.0.2.2:10250, tls: true }}
  limits: {{ connections: 1, connectionsPerRoute: 2, keepaliveSeconds: 350 }}
"
        );
        assert_eq!(
            found(&text),
            [
                ("passthrough/source", "p.yaml:4:13"),
                ("passthrough/name", "p.yaml:6:15"),
                ("passthrough/address", "p.yaml:6:26"),
                ("passthrough/address", "p.yaml:6:42"),
                ("passthrough/address", "p.yaml:7:46"),
                ("passthrough/duplicate", "p.yaml:9:15"),
                ("passthrough/duplicate", "p.yaml:9:26"),
                ("passthrough/loop", "p.yaml:9:45"),
                ("spec/unknown-key", "p.yaml:9:61"),
                ("passthrough/limits", "p.yaml:10:3"),
                ("spec/range", "p.yaml:10:71"),
            ]
            .map(|(id, place)| (id, place.to_owned()))
        );
    }

    #[test]
    fn who_may_connect_has_to_be_said() {
        let nobody = format!("{HEAD}  routes: []\n  sources: []\n");
        assert_eq!(
            found(&nobody).iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            ["passthrough/routes", "passthrough/source"]
        );
        let unsaid = format!("{HEAD}  routes: []\n");
        assert!(found(&unsaid).iter().any(|(id, _)| *id == "spec/missing-key"));
        assert_eq!("any".parse(), Ok(Sources::Any));
        assert!("".parse::<Sources>().is_err());
        let two: Sources = "10.0.0.0/16,10.1.0.0/16".parse().unwrap();
        assert!(two.allow([10, 1, 2, 3].into()) && !two.allow([10, 2, 0, 1].into()));
    }

    #[test]
    fn the_command_line_is_held_to_the_same() {
        let one = |listen: &str, to: &str| checked(listen.parse().unwrap(), to.parse().unwrap(), Sources::Any);
        assert!(one("10.0.2.1:10250", "203.0.113.9:10250").is_ok());
        for (listen, to) in [
            ("10.0.2.1:10250", "10.0.2.1:10250"),
            ("0.0.0.0:10250", "127.0.0.1:10250"),
            ("10.0.2.1:0", "203.0.113.9:10250"),
            ("10.0.2.1:10250", "0.0.0.0:10250"),
        ] {
            assert!(one(listen, to).is_err(), "{listen} {to}");
        }
    }
}

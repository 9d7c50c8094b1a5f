//! The page and the schemas that authors of plugins read are those of the program.

use nodebake::plugin::{Limits, SCHEMAS, schema};

use crate::support::root;

/// The schemas are files, so that a change of the protocol is a change somebody reviews.
#[test]
fn schemas_are_those_of_the_types() {
    let folder = root().join("examples/plugins/schemas");
    for name in SCHEMAS {
        let path = folder.join(format!("{name}.json"));
        let made = schema(name).unwrap();
        if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == made,
            "{} is not what the types say: INSTA_UPDATE=always writes it",
            path.display()
        );
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), SCHEMAS.len());
}

/// The numbers of the page.
#[test]
fn the_page_states_the_limits() {
    let page = std::fs::read_to_string(root().join("examples/plugins/PROTOCOL.md")).unwrap();
    let limits = Limits::of(nodebake::base::PluginKind::Check, None, &[]);
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let of = |bytes: Option<u64>| mib(usize::try_from(bytes.unwrap()).unwrap());
    for (what, number) in [
        ("request", mib(Limits::REQUEST)),
        ("reply", mib(Limits::REPLY)),
        ("log", format!("{} KiB", Limits::LOG >> 10)),
        ("memory", of(limits.memory)),
        ("file-size", of(limits.file_size)),
        ("open-files", limits.open_files.unwrap().to_string()),
        ("processes", limits.processes.unwrap().to_string()),
        ("deadline", format!("{} s", limits.seconds.unwrap())),
        ("cpu", format!("{} s", limits.cpu.unwrap())),
        ("findings", Limits::FINDINGS.to_string()),
        ("files", Limits::FILES.to_string()),
        ("program", mib(usize::try_from(Limits::PROGRAM).unwrap())),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {what} |")));
        let row = row.unwrap_or_else(|| panic!("no row for {what}"));
        assert!(row.contains(&number), "{row}: {number}");
    }
    for guard in nodebake::plugin::Guard::ALL {
        assert!(page.contains(&format!("| {guard} |")), "{guard}");
    }
}

//! Commands of a GitHub workflow, which show findings at the lines of a pull request
//! (docs.github.com/actions/reference/workflow-commands-for-github-actions).

use crate::base::{Finding, Report, Severity, masked};

/// GitHub shows so many of each kind for one step; more are dropped without a word.
const MOST: usize = 10;

/// The report as commands, a line each. What GitHub would drop is counted in the last one of its kind.
pub fn annotations(report: &Report) -> String {
    let mut text = String::new();
    for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let all: Vec<&Finding> = report
            .sorted()
            .into_iter()
            .filter(|finding| finding.severity == severity)
            .collect();
        let shown = if all.len() > MOST { MOST - 1 } else { all.len() };
        for finding in &all[..shown] {
            text.push_str(&command(word, finding));
        }
        if all.len() > shown {
            text.push_str(&format!(
                "::{word} title=nodebake::and {} more findings; the log of the step has them\n",
                all.len() - shown
            ));
        }
    }
    text
}

fn command(word: &str, finding: &Finding) -> String {
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        let (line, column) = place.line_column();
        properties.push(format!("file={}", property(&place.source.name)));
        properties.push(format!("line={line}"));
        properties.push(format!("col={column}"));
    }
    properties.push(format!("title={}", property(finding.id)));
    let hint = finding
        .hint
        .as_ref()
        .map(|hint| format!("\n{hint}"))
        .unwrap_or_default();
    let message = format!("{}{hint}", finding.message);
    format!("::{word} {}::{}\n", properties.join(","), data(&masked(&message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Place, Source};

    #[test]
    fn nothing_breaks_out_of_a_command() {
        let source = Source::new("a,b:c%.yaml", "x\ny\n");
        let place = Place::line_of(&source, 2);
        let finding = Finding::error("golden/differs", "100 %\n::error::x\r", &place);
        assert_eq!(
            annotations(&finding.into()),
            "::error file=a%2Cb%3Ac%25.yaml,line=2,col=1,title=golden/differs::100 %25%0A::error::x%0D\n"
        );
    }

    #[test]
    fn what_github_drops_is_counted() {
        let mut report = Report::new();
        for number in 0..12 {
            report.push(Finding::new(Severity::Error, "golden/differs", format!("{number}")));
        }
        let text = annotations(&report);
        assert_eq!(text.lines().count(), 10);
        assert!(
            text.ends_with("::and 3 more findings; the log of the step has them\n"),
            "{text}"
        );
    }
}

//! For a comment of a pull request. GitHub takes 65,536 characters; whatever does not fit is counted. All that comes from
//! files stands in code: nothing in it is markup.

use super::super::change::shortened;
use super::super::diff::Change;
use super::super::fold::{Fold, news, on_nodes};
use super::super::impact::Impact;
use super::super::visible;
use super::{Shown, count, few};

/// Most bytes of a comment (docs.github.com: "body is too long (maximum is 65536 characters)"), of which no byte is
/// taken for less than a character.
const LIMIT: usize = 65_000;

/// Most values of one file that are told each.
const ITEMS: usize = 40;

/// The least room a patch is begun in.
const WORTH: usize = 1000;

/// By this a workflow finds the comment it made before.
const MARK: &str = "<!-- nodebake diff -->";

/// The comment.
pub fn markdown(shown: &Shown<'_>) -> String {
    let mut text = head(shown);
    let folds = news(shown.nodes);
    let mut room = LIMIT.saturating_sub(text.len() + 300);
    let mut parts: Vec<(String, Option<String>, &Fold<'_>)> = Vec::new();
    let mut left = 0;
    for fold in &folds {
        let part = section(shown, fold);
        if part.len() <= room {
            room -= part.len();
            parts.push((part, None, fold));
        } else {
            left += 1;
        }
    }
    let mut cut = 0;
    for (_, patch, fold) in &mut parts {
        if fold.file.diff.is_empty() {
            continue;
        }
        let (made, lost) = folded(&fold.file.diff, room);
        room -= made.len();
        cut += lost;
        *patch = Some(made);
    }
    for (part, patch, _) in parts {
        text.push_str(&part);
        text.push_str(&patch.unwrap_or_default());
    }
    if left > 0 || cut > 0 {
        let mut words = Vec::new();
        if left > 0 {
            words.push(format!("{} of files", count(left, "more change")));
        }
        if cut > 0 {
            words.push(format!("{} of patches", count(cut, "line")));
        }
        text.push_str(&format!("\n_Not shown, for want of room: {}._\n", words.join(", ")));
    }
    text
}

fn head(shown: &Shown<'_>) -> String {
    let changed = shown.changed().count();
    let whole = |change: Change| -> Vec<&str> {
        let nodes = shown.nodes.iter().filter(|node| node.change == Some(change));
        nodes.map(|node| node.name.as_str()).collect()
    };
    let (added, removed) = (whole(Change::Added), whole(Change::Removed));
    let (file, with) = (code(shown.file), code(shown.with));
    let mut text = format!("{MARK}\n");
    if changed == 0 && added.is_empty() && removed.is_empty() {
        text.push_str(&format!(
            "### nodebake: {file} changes nothing\n\n{with} holds what it renders.\n"
        ));
        return text;
    }
    let what = if shown.is_fleet {
        format!(
            "{} of {}",
            changed + added.len() + removed.len(),
            count(shown.nodes.len(), "node")
        )
    } else {
        "the node".to_owned()
    };
    text.push_str(&format!(
        "### nodebake: {file} changes {what}\n\nCompared with {with}.\n\n"
    ));
    text.push_str("| needs | nodes |\n|---|---|\n");
    for (impact, names) in shown.by_impact() {
        let number = if shown.is_fleet {
            format!("{}: ", names.len())
        } else {
            String::new()
        };
        text.push_str(&format!(
            "| **{}** | {number}{} |\n",
            impact.words(),
            code(&few(&names, 12))
        ));
    }
    for (word, names) in [("new node", added), ("node is gone", removed)] {
        if !names.is_empty() {
            text.push_str(&format!(
                "| **{word}** | {}: {} |\n",
                names.len(),
                code(&few(&names, 12))
            ));
        }
    }
    text.push('\n');
    text.extend(shown.user_data().iter().map(|words| format!("- {words}\n")));
    for words in shown.makers() {
        text.push_str(&format!("- {}\n", code(&words)));
    }
    text
}

fn section(shown: &Shown<'_>, fold: &Fold<'_>) -> String {
    let file = fold.file;
    let word = match file.change {
        Change::Added => "added ",
        Change::Removed => "removed ",
        Change::Changed => "",
    };
    let on = if shown.is_fleet {
        format!(", {}", code(&on_nodes(&fold.nodes, fold.of, shown.nodes)))
    } else {
        String::new()
    };
    let mut text = format!("\n#### {word}{}{on}\n\n", code(&file.path));
    let mut notes = file.notes.clone();
    if let Some(mode) = file.mode {
        let wider = if mode.widens() { ", **wider**" } else { "" };
        text.push_str(&format!("- mode `{}` → `{}`{wider}\n", mode.folder, mode.rendered));
    }
    if let Some(origin) = &file.origin {
        notes.insert(0, format!("made by {origin}"));
    }
    if file.impact != Impact::Nothing && file.items.is_empty() {
        text.push_str(&format!("- **{}**\n", file.impact.words()));
    }
    if file.items.is_empty() && file.change == Change::Changed && file.mode.is_none() {
        text.extend(file.words().iter().map(|words| format!("- {}\n", code(words))));
    }
    text.extend(notes.iter().map(|note| format!("- {}\n", code(note))));
    if file.items.is_empty() {
        return text;
    }
    let partly = fold.items.iter().any(|one| one.nodes.len() < fold.nodes.len());
    let (head, line) = if partly { (" nodes |", "---|") } else { ("", "") };
    text.push_str(&format!(
        "\n| value | before | after | needs | decided by |{head}\n|---|---|---|---|---|{line}\n"
    ));
    for one in fold.items.iter().take(ITEMS) {
        let item = one.item;
        let nodes = if partly {
            format!(" {} |", code(&on_nodes(&one.nodes, fold.of, shown.nodes)))
        } else {
            String::new()
        };
        let side = |text: &Option<String>| text.as_ref().map_or_else(|| "-".into(), |text| code(&shortened(text)));
        let causes: Vec<String> = item
            .causes
            .iter()
            .map(|cause| match cause.what.as_str() {
                "template" => code(&cause.origin),
                what => format!("{} {}", code(what), code(&cause.origin)),
            })
            .collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |{nodes}\n",
            code(&shortened(&item.at)),
            side(&item.old),
            side(&item.new),
            item.impact.words(),
            causes.join("<br>")
        ));
    }
    if fold.items.len() > ITEMS {
        text.push_str(&format!("\nand {}\n", count(fold.items.len() - ITEMS, "more value")));
    }
    text
}

/// The patch, folded away, in at most `room` bytes; and how many of its lines did not fit.
fn folded(diff: &str, room: usize) -> (String, usize) {
    let lines = diff.lines().count();
    let fence = fence(diff);
    let frame = format!(
        "\n<details><summary>patch, {}</summary>\n\n{fence}diff\n",
        count(lines, "line")
    );
    let foot = format!("{fence}\n\n</details>\n");
    let spent = frame.len() + foot.len() + 60;
    if spent + diff.len() <= room {
        return (format!("{frame}{diff}{foot}"), 0);
    }
    if room < WORTH + spent {
        return (String::new(), lines);
    }
    let mut text = frame;
    let mut kept = 0;
    for line in diff.split_inclusive('\n') {
        if text.len() + line.len() + foot.len() + 60 > room {
            break;
        }
        text.push_str(line);
        kept += 1;
    }
    text.push_str(&format!("… {} not shown\n", count(lines - kept, "more line")));
    text.push_str(&foot);
    (text, lines - kept)
}

/// A fence longer than every run of backticks in the text.
fn fence(text: &str) -> String {
    "`".repeat(longest_run(text).max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text as code on one line, also in a table: whatever it holds is no markup, no mention and no end of the cell.
fn code(text: &str) -> String {
    let text = visible(text).replace(['\n', '\t'], " ").replace('|', "\\|");
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_code() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("</details>\n@x"), "`</details> @x`");
        assert_eq!(fence("a\n````\nb"), "`````");
        let diff = "+```\n+</details>\n".repeat(500);
        let (text, lost) = folded(&diff, 4000);
        assert!(text.len() <= 4000 && lost > 0, "{} {lost}", text.len());
        assert!(text.ends_with("````\n\n</details>\n"), "{text}");
        assert_eq!(folded(&diff, 500), (String::new(), 1000));
    }
}

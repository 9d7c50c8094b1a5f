//! The template engine, set up strictly.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};

use crate::base::{AbsPath, Finding, Place};
use crate::catalog::Template;
use crate::syntax::{FileType, quote};
use crate::tree::Entry;

/// Steps a template may take; ours take a few thousand.
const FUEL: u64 = 200_000;

/// Renders templates with one plan.
pub(super) struct Engine {
    environment: Environment<'static>,
    context: Value,
}

impl Engine {
    pub(super) fn new(context: &serde_json::Value) -> Self {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build();
        if let Ok(syntax) = syntax {
            environment.set_syntax(syntax);
        }
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // The formatter below quotes; `Custom` keeps the engine from doing anything of its own.
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("by file type".into()));
        environment.set_formatter(|out, state, value| {
            if value.is_safe() {
                return out.write_str(value.as_str().unwrap_or_default()).map_err(Error::from);
            }
            if value.is_undefined() {
                return Err(Error::new(ErrorKind::UndefinedError, "the value is undefined"));
            }
            let filetype = file_type(state.name())?;
            let json = serde_json::to_value(value).map_err(|error| invalid(&error))?;
            let quoted = quote::quote(filetype, &json).map_err(|error| invalid(&error))?;
            out.write_str(&quoted).map_err(Error::from)
        });
        environment.add_filter("raw", |text: String| Value::from_safe_string(text));
        environment.add_filter("word", |text: String| {
            quote::systemd_word(&text)
                .map(Value::from_safe_string)
                .map_err(|error| invalid(&error))
        });
        environment.add_filter("pretty", |value: Serde<serde_json::Value>| {
            serde_json::to_string_pretty(&value.0)
                .map(Value::from_safe_string)
                .map_err(|error| invalid(&error))
        });
        Self {
            environment,
            context: Value::from(Serde(context)),
        }
    }

    /// The file a template makes; `None` if its condition does not hold.
    pub(super) fn render(&self, template: &Template) -> Result<Option<Entry>, Box<Finding>> {
        if !self.holds(template)? {
            return Ok(None);
        }
        let path = self
            .environment
            .render_named_str(
                &named(&template.path.value, FileType::Lines),
                &template.path.value,
                self.context.clone(),
            )
            .map_err(|error| failure(&error, &template.path.place))?;
        let path: AbsPath = path
            .parse()
            .map_err(|error: String| Box::new(Finding::error("render/path", error, &template.path.place)))?;
        let text = self.render_text(template, template.body()).map_err(|error| {
            let line = template.lines_before_body() + error.line().unwrap_or(1);
            failure(&error, &Place::line_of(&template.source, line))
        })?;
        Ok(Some(Entry {
            path,
            mode: template.mode,
            filetype: template.filetype,
            plane: template.plane,
            text,
            origin: template.path.place.clone(),
        }))
    }

    /// Whether the template's condition holds.
    pub(super) fn holds(&self, template: &Template) -> Result<bool, Box<Finding>> {
        let Some(when) = &template.when else { return Ok(true) };
        let value = self
            .environment
            .compile_expression(&when.value)
            .and_then(|expression| expression.eval(self.context.clone()));
        value
            .map(|value| value.is_true())
            .map_err(|error| failure(&error, &when.place))
    }

    /// `text` rendered as a file of `filetype`.
    pub(super) fn fill(&self, name: &str, filetype: FileType, text: &str) -> Result<String, String> {
        let filled = self
            .environment
            .render_named_str(&named(name, filetype), text, self.context.clone());
        filled.map_err(|error| {
            let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            format!("{line}{detail}")
        })
    }

    /// `body` rendered as the body of `template`.
    pub(super) fn render_text(&self, template: &Template, body: &str) -> Result<String, Error> {
        if template.verbatim {
            return Ok(body.to_owned());
        }
        let name = named(&template.name, template.filetype);
        self.environment.render_named_str(&name, body, self.context.clone())
    }
}

/// A template's name carries its file type to the formatter.
fn named(name: &str, filetype: FileType) -> String {
    format!("{name}:{filetype}")
}

fn file_type(name: &str) -> Result<FileType, Error> {
    let word = name.rsplit(':').next().unwrap_or_default();
    word.parse()
        .map_err(|error: String| Error::new(ErrorKind::InvalidOperation, error))
}

fn invalid(error: &impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.to_string())
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the error side of a Result; boxed where it is made"
)]
fn failure(error: &Error, place: &Place) -> Box<Finding> {
    let message = match error.detail() {
        Some(detail) => format!("the template cannot be rendered: {detail}"),
        None => format!("the template cannot be rendered: {}", error.kind()),
    };
    Box::new(Finding::error("render/template", message, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Located, Mode, Source};
    use crate::catalog::Plane;
    use serde_json::json;

    fn template(body: &str, filetype: FileType, when: Option<&str>) -> Template {
        let source = Source::new("templates/t.j2", format!("---\nfront: matter\n---\n{body}"));
        let place = Place::new(&source, 0..0);
        let located = |text: &str| Located {
            value: text.to_owned(),
            place: place.clone(),
        };
        Template {
            name: "t".into(),
            summary: "s".into(),
            path: located("/etc/{{ name }}"),
            mode: Mode::PUBLIC,
            plane: Plane::Node,
            filetype,
            when: when.map(located),
            verbatim: false,
            body_start: source.text.len() - body.len(),
            source,
        }
    }

    fn rendered(body: &str, filetype: FileType) -> Result<String, String> {
        let engine = Engine::new(&json!({"name": "x", "bad": "a\nb: c", "list": ["a", "no"]}));
        match engine.render(&template(body, filetype, None)) {
            Ok(entry) => Ok(entry.map(|entry| entry.text).unwrap_or_default()),
            Err(finding) => Err(format!("{} {}", finding.place.unwrap(), finding.message)),
        }
    }

    #[test]
    fn quotes_by_file_type_and_refuses_the_undefined() {
        assert_eq!(
            rendered("a: {{ bad }}\nl: {{ list }}\n", FileType::Yaml).unwrap(),
            "a: \"a\\nb: c\"\nl: [a, \"no\"]\n"
        );
        assert_eq!(rendered("{{ bad | raw }}", FileType::Yaml).unwrap(), "a\nb: c");
        assert_eq!(rendered("E={{ name | word }}\n", FileType::Systemd).unwrap(), "E=x\n");
        let error = rendered("a\n{{ nothing.here }}\n", FileType::Yaml).unwrap_err();
        assert!(
            error.starts_with("templates/t.j2:5:1 the template cannot be rendered"),
            "{error}"
        );
        assert!(rendered("{{ bad }}", FileType::Systemd).is_err());
        assert!(rendered("{{ name }", FileType::Yaml).is_err());
        assert!(
            rendered(
                "{% for i in range(1000) %}{% for j in range(1000) %}x{% endfor %}{% endfor %}",
                FileType::Yaml
            )
            .is_err()
        );
    }

    #[test]
    fn conditions_decide() {
        let engine = Engine::new(&json!({"name": "x", "yes": true, "no": false}));
        for (when, made) in [("yes", true), ("no", false), ("not no", true), ("name == 'y'", false)] {
            let entry = engine.render(&template("", FileType::Yaml, Some(when))).unwrap();
            assert_eq!(entry.is_some(), made, "{when}");
        }
        assert!(
            engine
                .render(&template("", FileType::Yaml, Some("nothing.here")))
                .is_err()
        );
    }
}

//! The template engine, set up strictly.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};

use crate::base::{AbsPath, Finding, Place};
use crate::catalog::Template;
use crate::syntax::{FileType, quote};
use crate::tree::Entry;

/// Steps a template may take; ours take a few thousand.
const FUEL: u64 = 200_000;

/// Renders templates. What it compiled of a catalog's it keeps: a fleet compiles each once.
#[derive(Debug)]
pub(super) struct Engine {
    environment: RwLock<Environment<'static>>,
}

/// The values of one plan, as templates see them.
pub(super) fn context(values: &serde_json::Value) -> Value {
    Value::from(Serde(values))
}

impl Engine {
    pub(super) fn new() -> Self {
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
        // A template is a whole file, and what was compiled for another one is out of its reach: what is there depends on
        // which nodes came before.
        environment.set_path_join_callback(|name, _| format!("/{name}").into());
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
            environment: RwLock::new(environment),
        }
    }

    /// Nothing panics while it writes.
    fn environment(&self) -> RwLockReadGuard<'_, Environment<'static>> {
        self.environment.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file a template makes of a plan's values; `None` if its condition does not hold.
    pub(super) fn render(&self, template: &Template, context: &Value) -> Result<Option<Entry>, Box<Finding>> {
        if !self.holds(template, context)? {
            return Ok(None);
        }
        let path: AbsPath = self
            .render_path(&template.path.value, context)
            .map_err(|error| failure(&error, &template.path.place))?
            .parse()
            .map_err(|error: String| Box::new(Finding::error("render/path", error, &template.path.place)))?;
        let text = self.render_body(template, context).map_err(|error| {
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

    fn render_path<'t>(&self, path: &'t str, context: &Value) -> Result<Cow<'t, str>, Error> {
        // Hardly any path is a template.
        if !path.contains('{') {
            return Ok(path.into());
        }
        let name = named(path, FileType::Lines);
        let rendered = self.environment().render_named_str(&name, path, context);
        rendered.map(Cow::Owned)
    }

    fn render_body(&self, template: &Template, context: &Value) -> Result<String, Error> {
        if template.is_copied() {
            return Ok(template.body().to_owned());
        }
        let name = named(&template.name, template.filetype);
        if let Ok(compiled) = self.environment().get_template(&name) {
            return compiled.render(context);
        }
        let mut environment = self.environment.write().unwrap_or_else(PoisonError::into_inner);
        environment.add_template_owned(name.clone(), template.body().to_owned())?;
        environment.get_template(&name)?.render(context)
    }

    /// Whether the template's condition holds.
    pub(super) fn holds(&self, template: &Template, context: &Value) -> Result<bool, Box<Finding>> {
        let Some(when) = &template.when else { return Ok(true) };
        let value = self
            .environment()
            .compile_expression(&when.value)
            .and_then(|expression| expression.eval(context));
        value
            .map(|value| value.is_true())
            .map_err(|error| failure(&error, &when.place))
    }

    /// `text` rendered as a file of `filetype`.
    pub(super) fn fill(&self, name: &str, filetype: FileType, text: &str, context: &Value) -> Result<String, String> {
        let filled = self
            .environment()
            .render_named_str(&named(name, filetype), text, context);
        filled.map_err(|error| {
            let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            format!("{line}{detail}")
        })
    }

    /// `body` rendered in place of the body of `template`.
    pub(super) fn render_instead(&self, template: &Template, body: &str, context: &Value) -> Result<String, Error> {
        let name = named(&template.name, template.filetype);
        self.environment().render_named_str(&name, body, context)
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
    use crate::base::{Located, Mode, Source, has_tags};
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
        let context = context(&json!({"name": "x", "bad": "a\nb: c", "list": ["a", "no"]}));
        match Engine::new().render(&template(body, filetype, None), &context) {
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
    fn a_text_without_tags_is_copied() {
        for plain in ["", "a\n", "{ }", "{", "a: { b: [c] }\n\n"] {
            assert!(!has_tags(plain), "{plain}");
            assert_eq!(rendered(plain, FileType::Lines).unwrap(), plain);
        }
        for tagged in ["{{ name }}", "{% if name %}{% endif %}", "x{# y #}"] {
            assert!(has_tags(tagged), "{tagged}");
        }
    }

    #[test]
    fn templates_do_not_reach_one_another() {
        let (engine, context) = (Engine::new(), context(&json!({"name": "x"})));
        let told = |body: &str| {
            let rendered = engine.render(&template(body, FileType::Yaml, None), &context);
            rendered.map(|entry| entry.map(|entry| entry.text).unwrap_or_default())
        };
        assert_eq!(told("{{ name }}").unwrap(), "x");
        let other = |body: &str| Template {
            name: "other".into(),
            ..template(body, FileType::Yaml, None)
        };
        let taken = engine.render(&other("{% include 't:yaml' ignore missing %}y"), &context);
        assert_eq!(taken.unwrap().unwrap().text, "y");
        for way in [
            "{% include 't:yaml' %}",
            "{% import 't:yaml' as t %}",
            "{% extends 't:yaml' %}",
        ] {
            let again = Template {
                name: way.into(),
                ..template(way, FileType::Yaml, None)
            };
            let refused = engine.render(&again, &context).unwrap_err();
            let told = &refused.message;
            assert!(
                told.contains("non-existing") || told.contains("does not exist"),
                "{told}"
            );
        }
    }

    #[test]
    fn conditions_decide() {
        let context = context(&json!({"name": "x", "yes": true, "no": false}));
        let engine = Engine::new();
        for (when, made) in [("yes", true), ("no", false), ("not no", true), ("name == 'y'", false)] {
            let entry = engine
                .render(&template("", FileType::Yaml, Some(when)), &context)
                .unwrap();
            assert_eq!(entry.is_some(), made, "{when}");
        }
        assert!(
            engine
                .render(&template("", FileType::Yaml, Some("nothing.here")), &context)
                .is_err()
        );
    }
}

//! What is going to be done, before it is done.

use std::fmt;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Makes something.
    Create,
    /// Changes something.
    Change,
    /// Takes something away.
    Delete,
    /// Leaves something as it is, which is there already.
    Keep,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub act: Act,
    /// To what: `network interface for node a10-01`.
    pub what: String,
    /// What else a reader needs to say yes, a line each.
    pub details: Vec<String>,
}

/// The steps, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Adds a step.
    pub fn step(&mut self, act: Act, what: impl Into<String>, details: impl IntoIterator<Item = String>) {
        self.steps.push(Step {
            act,
            what: plain(&what.into()),
            details: details.into_iter().map(|line| plain(&line)).collect(),
        });
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.act == Act::Keep)
    }
}

/// A text of somebody's for a terminal: none may move the cursor where a plan is agreed to.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let (sign, verb) = match step.act {
                Act::Create => ('+', "create"),
                Act::Change => ('~', "change"),
                Act::Delete => ('-', "delete"),
                Act::Keep => ('=', "keep"),
            };
            writeln!(out, "{sign} {verb} {}", step.what)?;
            for detail in &step.details {
                writeln!(out, "    {detail}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_moves_the_cursor() {
        let mut plan = Plan::default();
        plan.step(Act::Create, "a rule \u{1b}[2K\u{1b}[1A", ["of\nsomebody".to_owned()]);
        assert_eq!(plan.to_string(), "+ create a rule ?[2K?[1A\n    of?somebody\n");
    }
}

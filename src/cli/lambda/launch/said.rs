//! From flags and node.yaml to what is wished of the cloud.

use super::super::types::architecture;
use super::Args;
use crate::bake::{self, Packer};
use crate::base::Report;
use crate::cloud::lambda::{self, Where, Wish};
use crate::pipeline::Built;
use crate::spec::{LaunchSpec, check_file_system, check_name, check_region, check_tag};

/// What the flags say, in the form the cloud takes.
#[derive(Debug, Default)]
pub(in crate::cli) struct Said {
    region: Option<String>,
    ssh_key: Option<String>,
    name: Option<String>,
    file_systems: Vec<String>,
    rulesets: Vec<String>,
    tags: Vec<(String, String)>,
}

impl Said {
    /// A region alone.
    #[cfg(all(feature = "aws", feature = "lambda"))]
    pub(in crate::cli) fn region(region: Option<&str>) -> Result<Self, String> {
        region.map_or(Ok(()), check_region)?;
        Ok(Self {
            region: region.map(str::to_owned),
            ..Self::default()
        })
    }

    pub(super) fn of(args: &Args) -> Result<Self, String> {
        args.region.as_deref().map_or(Ok(()), check_region)?;
        args.ssh_key.as_deref().map_or(Ok(()), check_name)?;
        args.name.as_deref().map_or(Ok(()), check_name)?;
        args.file_system.iter().try_for_each(|name| check_file_system(name))?;
        args.firewall_ruleset.iter().try_for_each(|name| check_name(name))?;
        let tags = args.tag.iter().map(|text| {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| format!("`{text}` is no KEY=VALUE"))?;
            check_tag(key, value)?;
            Ok((key.to_owned(), value.to_owned()))
        });
        Ok(Self {
            region: args.region.clone(),
            ssh_key: args.ssh_key.clone(),
            name: args.name.clone(),
            file_systems: args.file_system.clone(),
            rulesets: args.firewall_ruleset.clone(),
            tags: tags.collect::<Result<_, String>>()?,
        })
    }

    /// Over what node.yaml says: one value for another, a list for a list, a tag for a tag.
    fn over(&self, spec: Option<&LaunchSpec>) -> Self {
        let text = |own: &Option<String>, theirs: Option<&crate::base::Located<String>>| {
            own.clone().or_else(|| theirs.map(|text| text.value.clone()))
        };
        let list = |own: &[String], theirs: Option<&Vec<crate::base::Located<String>>>| {
            let theirs = theirs.map(|list| list.iter().map(|text| text.value.clone()).collect());
            if own.is_empty() {
                theirs.unwrap_or_default()
            } else {
                own.to_vec()
            }
        };
        let mut tags: Vec<(String, String)> = spec
            .map(|spec| {
                spec.tags
                    .iter()
                    .map(|(key, value)| (key.value.clone(), value.value.clone()))
                    .collect()
            })
            .unwrap_or_default();
        tags.retain(|(key, _)| self.tags.iter().all(|(own, _)| own != key));
        for (key, value) in &self.tags {
            tags.retain(|(own, _)| own != key);
            tags.push((key.clone(), value.clone()));
        }
        Self {
            region: text(&self.region, spec.and_then(|spec| spec.region.as_ref())),
            ssh_key: text(&self.ssh_key, spec.and_then(|spec| spec.ssh_key.as_ref())),
            name: text(&self.name, spec.and_then(|spec| spec.name.as_ref())),
            file_systems: list(&self.file_systems, spec.map(|spec| &spec.file_systems)),
            rulesets: list(&self.rulesets, spec.map(|spec| &spec.firewall_rulesets)),
            tags,
        }
    }
}

/// What a node that passed every check wishes for; or why it cannot be launched.
pub(in crate::cli) fn wish(built: &Built, said: &Said) -> Result<Result<Wish, String>, Report> {
    let plan = &built.plan;
    let provider = &plan.provider.name;
    if provider != "lambda" {
        return Ok(Err(format!(
            "{} is a machine of {provider}: nodebake launches at lambda",
            plan.spec.name.value
        )));
    }
    let Some(family) = plan.image.family.clone() else {
        return Ok(Err(format!(
            "image {} has no family at Lambda to launch with",
            plan.image.name
        )));
    };
    let artifact = bake::user_data(plan, &built.verified, &Packer::default())?;
    let Ok(user_data) = String::from_utf8(artifact.bytes) else {
        return Ok(Err(
            "the user-data is no plain text, which is all that Lambda takes".into()
        ));
    };
    let said = said.over(plan.spec.node().and_then(|node| node.launch.as_ref()));
    let Some(region) = said.region else {
        let message = "no region: say --region or spec.launch.region, or `any`";
        return Ok(Err(message.into()));
    };
    Ok(Ok(Wish {
        node: plan.spec.name.value.clone(),
        cluster: plan.facts.name.value.clone(),
        instance_type: plan.instance_type.name.clone(),
        architecture: architecture(plan.instance_type.arch),
        family,
        region: if region == "any" {
            Where::Any
        } else {
            Where::Region(region)
        },
        ssh_key: said.ssh_key,
        name: said.name,
        file_systems: said.file_systems,
        rulesets: said.rulesets,
        tags: said.tags,
        user_data,
        catalog_cents: plan.instance_type.usd_per_hour.map(lambda::cents),
    }))
}

//! Who shares a topic, and who may read it: `variables`, `cookies`, `share`, `cors` of a route.
//!
//! Imports the reader and the edge's options. Invariant: what only makes sense for one way of
//! sharing is a fault in the other.

use std::time::Duration;

use http::HeaderName;
use http::header::COOKIE;

use super::kinds::{any_time, boolean, list, word};
use super::read::Section;
use super::value::{Complaint, Value};
use crate::edge::Share;
use crate::edge::cors::{MAX_AGE, Origin, Policy, Readers};
use crate::edge::route::nameable;
use crate::edge::template::{PathTemplate, Pattern, RuleFault, ValueRule, ValueRules};
use crate::hub;
use crate::ingest::IdPolicy;

const SHARES: &[(&str, Share)] = &[("topic", Share::Topic), ("private", Share::Private)];

/// What was found; what is bad has been reported.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rules: ValueRules,
    pub(super) cookies: Vec<Box<str>>,
    pub(super) share: Share,
    pub(super) cors: Option<Policy>,
}

/// Reads the keys of a route with this path, which passes these headers.
pub(super) fn read(
    section: &mut Section<'_>,
    path: Option<&PathTemplate>,
    headers: &[HeaderName],
) -> Found {
    let mut share = Share::default();
    section.set(&mut share, "share", word(SHARES));
    Found {
        rules: variables(section, path),
        cookies: cookies(section, headers),
        share,
        cors: cors(section, headers),
    }
}

/// How the topics of such a route are kept unless it says otherwise.
pub(super) fn topics(share: Share) -> hub::TopicOptions {
    match share {
        Share::Topic => hub::TopicOptions::default(),
        Share::Private => hub::TopicOptions::private(),
    }
}

/// Which ids its frames carry unless it says otherwise: a token names a place in a log, and nobody
/// comes back to a private one, whereas its upstream must get its own ids back.
pub(super) fn ids(share: Share) -> IdPolicy {
    match share {
        Share::Topic => IdPolicy::default(),
        Share::Private => IdPolicy::Upstream,
    }
}

const NOT_PRIVATE: &str = "leave it out where `share` is \"private\"";

/// A `linger` that was written must fit.
pub(super) fn fits_linger(share: Share, linger: Duration, at: Option<&Value<'_>>) {
    if let (Share::Private, Some(at)) = (share, at)
        && !linger.is_zero()
    {
        let why = "would keep a topic to which nobody can come back";
        at.complain(at.wrong(why, NOT_PRIVATE));
    }
}

/// Likewise `ids`.
pub(super) fn fits_ids(share: Share, ids: IdPolicy, at: Option<&Value<'_>>) {
    if let (Share::Private, Some(at)) = (share, at)
        && ids != IdPolicy::Upstream
    {
        let why = "gives ids that no upstream could go on from";
        at.complain(at.wrong(why, NOT_PRIVATE));
    }
}

// === variables ===

fn variables(section: &mut Section<'_>, path: Option<&PathTemplate>) -> ValueRules {
    let mut rules = ValueRules::default();
    let Some((mut table, _)) = section.read("variables", |value| value.section("`variables`"))
    else {
        return rules;
    };
    for (name, value) in table.take_all("variables") {
        let known = |path: &PathTemplate| path.variables().any(|known| known == name);
        if path.is_some_and(|path| !known(path)) {
            value.complain(Complaint::new(
                format!("`variables` names `{name}`, which `path` does not have"),
                format!("write {{{name}}} in `path`, or leave it out"),
            ));
        } else if let Some(rule) = value.note(rule(&name, &value)) {
            rules.add(&name, rule);
        }
    }
    rules
}

fn rule(name: &str, value: &Value<'_>) -> Result<ValueRule, Complaint> {
    let found = if let Ok(pattern) = value.text() {
        Pattern::new(pattern).map(ValueRule::Pattern)
    } else {
        let items = value.items().map_err(|_| {
            let what = format!("`{name}` of `variables` is {}", value.shown());
            let right = "write a pattern, \"[A-Z]{1,8}\", or a list, [\"en\", \"de\"]";
            Complaint::new(what, right)
        })?;
        let texts = items.iter().map(|item| item.text().map(Box::from));
        ValueRule::one_of(texts.collect::<Result<_, _>>()?)
    };
    found.map_err(|fault| {
        let right = match fault {
            RuleFault::Pattern(_) => {
                "write a regular expression that the whole value must match, such as \"[A-Z]{1,8}\""
            }
            RuleFault::Value(_) | RuleFault::Empty => "write the values, such as [\"en\", \"de\"]",
        };
        Complaint::new(format!("`{name}` of `variables`: {fault}"), right)
    })
}

// === cookies ===

fn cookies(section: &mut Section<'_>, headers: &[HeaderName]) -> Vec<Box<str>> {
    let Some((found, at)) = section.read("cookies", list(cookie)) else {
        return Vec::new();
    };
    if !found.is_empty() && headers.contains(&COOKIE) {
        at.complain(Complaint::new(
            "`headers` passes every cookie, `cookies` only some",
            "leave \"Cookie\" out of `headers`: analytics cookies would make every topic unique",
        ));
    }
    let mut names: Vec<Box<str>> = found.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn cookie(value: &Value<'_>) -> Result<Box<str>, Complaint> {
    let text = value.text()?;
    if text == "*" {
        let right = "write `headers = [\"Cookie\"]` if every cookie is to pass";
        return Err(value.wrong("is not possible for cookies", right));
    }
    if nameable(text) {
        return Ok(text.into());
    }
    Err(value.wrong("is no cookie's name", "write one such as \"PHPSESSID\""))
}

// === cors ===

/// An empty list of origins says nothing.
fn cors(section: &mut Section<'_>, headers: &[HeaderName]) -> Option<Policy> {
    let (mut table, at) = section.read("cors", |value| value.section("`cors`"))?;
    let (mut credentials, mut max_age) = (false, MAX_AGE);
    let found = table.require("origins", "[\"https://app.example\"]", origins);
    table.set(&mut credentials, "credentials", boolean);
    table.set(&mut max_age, "max_age", any_time());
    table.finish();
    let readers = match (found?.0, credentials) {
        (Some(origins), true) if origins.is_empty() => {
            let right = "name the pages in `origins`, or leave `credentials` out";
            at.complain(Complaint::new("`cors` allows credentials to nobody", right));
            return None;
        }
        (Some(origins), _) if origins.is_empty() => return None,
        (Some(origins), credentials) => Readers::Of {
            origins,
            credentials,
        },
        (None, true) => {
            let what = "`cors` would let every site read with the visitor's cookies";
            at.complain(Complaint::new(
                what,
                "name the `origins`, or leave `credentials` out",
            ));
            return None;
        }
        (None, false) => Readers::All,
    };
    Some(Policy::new(readers, max_age, headers))
}

/// `None` = all.
fn origins(value: &Value<'_>) -> Result<Option<Vec<Origin>>, Complaint> {
    let items = value.items()?;
    if let [one] = &items[..]
        && one.text().is_ok_and(|text| text == "*")
    {
        return Ok(None);
    }
    let origins = list(origin)(value)?;
    Ok(Some(
        origins.into_iter().map(|(origin, _)| origin).collect(),
    ))
}

fn origin(value: &Value<'_>) -> Result<Origin, Complaint> {
    Origin::parse(value.text()?).map_err(|why| {
        let right = "write scheme, host and port as a browser does, such as \
                     \"https://app.example\" or \"http://localhost:5173\"";
        value.wrong(why, right)
    })
}

//! Paths with variables, and the upstream URLs that they become.
//!
//! Layer 4, pure: std, `http`, `percent-encoding` and `regex` only. Invariant: whatever a client writes into
//! a path, the expanded URL keeps the template's scheme, host, port and path prefix, and has no dot
//! segment (`trust.md` D2).

pub(crate) mod authority;
mod origin;
mod path;
mod piece;
#[cfg(test)]
mod properties;
mod script;
pub(crate) mod segment;
#[cfg(test)]
mod tests;
mod upstream;
mod value;
#[cfg(test)]
mod value_tests;

pub(crate) use path::Segment;
pub use path::{PathTemplate, Variables};
pub use upstream::UpstreamTemplate;
pub use value::{Pattern, RuleFault, ValueRule, ValueRules};

/// What is wrong with a template, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// The text as a whole is wrong.
    #[error("{0}")]
    Syntax(&'static str),
    /// One segment of the path is wrong.
    #[error("segment {segment:?}: {problem}")]
    Segment {
        /// As spelt.
        segment: Box<str>,
        /// What about it.
        problem: &'static str,
    },
    /// A variable stands where it may not, is misnamed or named twice.
    #[error("variable {{{name}}}: {problem}")]
    Variable {
        /// As spelt.
        name: Box<str>,
        /// What about it.
        problem: &'static str,
    },
    /// The upstream names a variable that the path does not have.
    #[error("the route's path has no variable {{{name}}}; it has {known}")]
    Unknown {
        /// As spelt.
        name: Box<str>,
        /// The ones that there are.
        known: Box<str>,
    },
    /// An upstream of another kind.
    #[error(
        "{scheme} upstreams are not supported in this version: use http:// or https://host:port/path"
    )]
    Scheme {
        /// As spelt, lower-case.
        scheme: Box<str>,
    },
}

/// Why a request's path or query can not become an upstream URL. The words are shown to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandFault {
    /// An ordinary variable holds something else than a plain name.
    #[error("this part of the path takes 1 to 64 letters, digits, `.`, `-` and `_`")]
    Variable,
    /// A variable holds something that its rule does not take.
    #[error("the route does not take this value")]
    NoMatch,
    /// The path would not name a script.
    #[error("this path leads to scripts only: plain names, the last of which ends in `.php`")]
    Script,
    /// The remainder of the path is ambiguous.
    #[error("{0}")]
    Rest(&'static str),
    /// A query parameter that passes holds raw bytes that a URL can not, or a broken `%` sequence.
    #[error("a query parameter is not properly percent-encoded")]
    Query,
    /// Client parameters, or the whole URL, are too long.
    #[error("the target is too long")]
    TooLong,
    /// The expanded URL is not below the configured one. No known input gets here.
    #[error("the path leads outside of this route")]
    Escaped,
}

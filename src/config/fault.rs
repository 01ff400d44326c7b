//! A fault of the configuration: where it is, what is wrong, what would be right.
//!
//! Imports std only. Invariant: [`Faults`] is never empty and is in the order of the places, so
//! that a person goes through a file from top to bottom.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub what: String,
    /// What would be right.
    pub right: String,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file; `None` = no certain spot of it (something is missing, or it can not be read).
    File {
        /// The file's path, as it was given.
        file: String,
        /// Where in the file.
        spot: Option<Spot>,
    },
    /// An environment variable's name.
    Variable(String),
    /// A command-line flag, with its dashes.
    Flag(String),
}

/// A stretch of one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Characters that are meant, at least 1.
    pub width: usize,
    /// The whole line, without its end and without control characters.
    pub text: String,
}

impl Spot {
    /// The stretch `from..to` (bytes) of `document`, cut at the end of its first line. A stretch
    /// outside of the document is put at its nearest end.
    pub(super) fn of(document: &str, from: usize, to: usize) -> Self {
        let (before, after) = document.split_at_checked(from).unwrap_or((document, ""));
        let (_, head) = before.rsplit_once('\n').unwrap_or(("", before));
        let tail = after.lines().next().unwrap_or("");
        let meant = tail.get(..to.saturating_sub(from)).unwrap_or(tail);
        Self {
            line: before.matches('\n').count().saturating_add(1),
            column: head.chars().count().saturating_add(1),
            width: meant.chars().count().max(1),
            text: format!("{head}{tail}").replace(char::is_control, " "),
        }
    }
}

/// All that is wrong, in the order of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `None` if there are none.
    pub(super) fn new(mut faults: Vec<Fault>) -> Option<Self> {
        faults.sort();
        faults.dedup();
        if faults.is_empty() {
            None
        } else {
            Some(Self(faults))
        }
    }

    /// Exactly one.
    pub(super) fn one(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self {
            writeln!(f, "{fault}\n")?;
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} fault{plural}; nothing was started.", self.0.len())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: {}", self.place, self.what)?;
        if let Place::File {
            spot: Some(spot), ..
        } = &self.place
        {
            let Spot {
                line,
                column,
                width,
                text,
            } = spot;
            writeln!(f, "{line:>5} | {text}")?;
            writeln!(
                f,
                "      | {:>indent$}{:^<width$}",
                "",
                "",
                indent = column - 1
            )?;
        }
        write!(f, "   {}", self.right)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                file,
                spot: Some(spot),
            } => {
                write!(f, "{file}:{}:{}", spot.line, spot.column)
            }
            Self::File { file, spot: None } => f.write_str(file),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a = 1\nbc = 2\n", 6, 8, (2, 1, 2, "bc = 2"))]
    #[case("é = [\n1]", 5, 9, (1, 5, 1, "é = ["))]
    #[case("\ta = 1", 1, 2, (1, 2, 1, " a = 1"))]
    #[case("a", 99, 100, (1, 2, 1, "a"))]
    #[case("", 0, 0, (1, 1, 1, ""))]
    fn a_spot_is_counted_in_lines_and_characters(
        #[case] text: &str,
        #[case] from: usize,
        #[case] to: usize,
        #[case] (line, column, width, shown): (usize, usize, usize, &str),
    ) {
        let right = Spot {
            line,
            column,
            width,
            text: shown.to_owned(),
        };
        assert_eq!(Spot::of(text, from, to), right);
    }

    #[test]
    fn faults_are_shown_in_the_order_of_their_places() {
        let fault = |place| Fault {
            place,
            what: "w".into(),
            right: "r".into(),
        };
        let file = |from| {
            let spot = Some(Spot::of("a\nb\nc", from, from + 1));
            Place::File {
                file: "f".into(),
                spot,
            }
        };
        let faults = Faults::new(vec![
            fault(Place::Flag("--x".into())),
            fault(Place::Variable("X".into())),
            fault(file(4)),
            fault(file(0)),
        ]);
        insta::assert_snapshot!(faults.unwrap(), @r"
        error: f:1:1: w
            1 | a
              | ^
           r

        error: f:3:1: w
            3 | c
              | ^
           r

        error: environment variable X: w
           r

        error: flag --x: w
           r

        4 faults; nothing was started.
        ");
    }
}

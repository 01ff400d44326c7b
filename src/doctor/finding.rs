//! What a judgement looks like.
//!
//! Pure. Invariant: every text that came from the other side has gone through [`shown`], so that
//! nobody's stream can write control sequences to a terminal.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::advice::Fix;

/// What can be found; the numbers are the ones of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// Name, connection, TLS.
    Reach = 1,
    /// Redirect or login page.
    Redirect = 2,
    /// A status other than 200.
    Status = 3,
    /// The content type.
    Type = 4,
    /// A charset other than UTF-8.
    Charset = 5,
    /// The answer ends by itself.
    Ends = 6,
    /// Compression.
    Compressed = 7,
    /// Something holds events back.
    Buffered = 8,
    /// No blank line.
    BlankLine = 9,
    /// A backslash and an n instead of a line end.
    Escapes = 10,
    /// PHP's notices, HTML.
    Notices = 11,
    /// Lines that are no fields.
    Unknown = 12,
    /// Byte order marks.
    Bom = 13,
    /// Silence.
    Silence = 14,
    /// Cut, or ended at a round number.
    Cut = 15,
    /// Ids and `retry:`.
    Ids = 16,
    /// `Last-Event-ID`.
    Resume = 17,
    /// Two requests of one session.
    SessionLock = 18,
    /// Workers.
    Workers = 19,
    /// Whether visitors may share it.
    Sharing = 20,
    /// CORS.
    Cors = 21,
    /// Sizes and rates.
    Size = 22,
}

// === impl Code ===

impl Code {
    /// What it is about, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Reach => "connection",
            Self::Redirect => "redirects",
            Self::Status => "status",
            Self::Type => "content type",
            Self::Charset => "charset",
            Self::Ends => "end of the answer",
            Self::Compressed => "compression",
            Self::Buffered => "buffering",
            Self::BlankLine => "blank lines",
            Self::Escapes => "line ends",
            Self::Notices => "messages in the stream",
            Self::Unknown => "lines without a field",
            Self::Bom => "byte order mark",
            Self::Silence => "silence",
            Self::Cut => "cut off",
            Self::Ids => "ids and retry",
            Self::Resume => "resume",
            Self::SessionLock => "session lock",
            Self::Workers => "workers",
            Self::Sharing => "sharing",
            Self::Cors => "other origins (CORS)",
            Self::Size => "size and rate",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{:02}", *self as u8)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// It works, but not as its author wants, or not for everybody.
    Warning,
    /// Nobody gets an event.
    Fault,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen: one line.
    pub saw: Cow<'static, str>,
    /// What a browser does about it; empty if nothing.
    pub browser: Cow<'static, str>,
    /// What Fantail does about it; empty if nothing.
    pub fantail: Cow<'static, str>,
    /// What its author can do about it.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// Something is as it should be.
    pub fn ok(code: Code, saw: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Ok, saw)
    }

    /// Something is good to know.
    pub fn note(code: Code, saw: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Note, saw)
    }

    /// Something hurts.
    pub fn warning(code: Code, saw: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Warning, saw)
    }

    /// Something is broken.
    pub fn fault(code: Code, saw: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, Severity::Fault, saw)
    }

    fn new(code: Code, severity: Severity, saw: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            severity,
            saw: saw.into(),
            browser: Cow::Borrowed(""),
            fantail: Cow::Borrowed(""),
            fixes: Vec::new(),
        }
    }

    /// With what a browser does about it.
    #[must_use]
    pub fn browser(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        self.browser = words.into();
        self
    }

    /// With what Fantail does about it.
    #[must_use]
    pub fn fantail(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        self.fantail = words.into();
        self
    }

    /// With what its author can do about it, behind what is there already.
    #[must_use]
    pub fn fixes(mut self, fixes: &'static [Fix]) -> Self {
        self.fixes.extend(fixes);
        self
    }
}

/// Foreign text for a terminal: one line, at most `chars` long, nothing that moves a cursor.
pub fn shown(text: &str, chars: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == chars {
            out.push('…');
            break;
        }
        if c.is_control() || is_format(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Invisible characters that reorder or join what stands around them.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A number and its noun, which gets an `s` unless there is one.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A time as people say it.
pub fn time(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "less than 1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        1000..10_000 if millis % 1000 >= 50 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{:.0} s", duration.as_secs_f64()),
    }
}

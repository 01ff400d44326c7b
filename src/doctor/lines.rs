//! The raw lines of a body: what a browser passes over without a word.
//!
//! Pure. Invariant: one pass; samples are few and short.

use super::finding::shown;

/// Longest sample of a line, in characters.
const SAMPLE_CHARS: usize = 60;
const BOM: &str = "\u{FEFF}";

/// What the lines were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Lines with data.
    pub data: usize,
    /// Comments.
    pub comments: usize,
    /// Blank lines.
    pub blank: usize,
    /// The first line that has a written `\n` where a line end was meant, shown.
    pub escape: Option<String>,
    /// Lines that PHP, ASP or an HTML page wrote.
    pub notices: Sampled,
    /// Lines that look like the rest of a value.
    pub fragments: Sampled,
    /// Other lines without a field that the standard knows.
    pub unknown: Sampled,
    /// Whether the body begins with a byte order mark.
    pub leading_bom: bool,
    /// Later byte order marks.
    pub late_boms: usize,
    /// The first `retry:` that is no number, shown.
    pub bad_retry: Option<String>,
}

/// How many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// How many.
    pub count: usize,
    /// The first one, shown.
    pub sample: String,
}

impl Sampled {
    fn add(&mut self, line: &str) {
        if self.count == 0 {
            self.sample = shown(line.trim_ascii(), SAMPLE_CHARS);
        }
        self.count += 1;
    }
}

impl Lines {
    /// Looks at each line; the last one may lack its end.
    pub fn of(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut lines = Self::default();
        let rest = text.strip_prefix(BOM);
        lines.leading_bom = rest.is_some();
        let rest = rest.unwrap_or(&text).replace("\r\n", "\n");
        for line in rest.split(['\n', '\r']) {
            lines.line(line);
        }
        // What follows the last line end is no line, unless something stands there.
        if rest.is_empty() || rest.ends_with(['\n', '\r']) {
            lines.blank = lines.blank.saturating_sub(1);
        }
        lines
    }

    fn line(&mut self, line: &str) {
        self.late_boms += usize::from(line.starts_with(BOM));
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "" if line.is_empty() => self.blank += 1,
            "" => self.comments += 1,
            "data" => {
                self.data += 1;
                self.escapes(line);
            }
            "event" | "id" => self.escapes(line),
            "retry" => {
                let value = value.strip_prefix(' ').unwrap_or(value);
                self.escapes(line);
                if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
                    self.bad_retry
                        .get_or_insert_with(|| shown(value, SAMPLE_CHARS));
                }
            }
            _ if line.starts_with(BOM) => {}
            _ if is_notice(line) => self.notices.add(line),
            _ if is_fragment(line) => self.fragments.add(line),
            _ => self.unknown.add(line),
        }
    }

    /// JSON may hold `\n` too, but then a quote or a brace follows at the end of the line.
    fn escapes(&mut self, line: &str) {
        let fields = ["data:", "event:", "id:", "retry:"];
        let inside = || fields.iter().any(|f| line.contains(&format!("\\n{f}")));
        if line.trim_ascii_end().ends_with("\\n") || inside() {
            self.escape.get_or_insert_with(|| shown(line, SAMPLE_CHARS));
        }
    }
}

fn is_notice(line: &str) -> bool {
    let line = line.trim_ascii();
    let words = [
        "Warning:",
        "Notice:",
        "Deprecated:",
        "Fatal error:",
        "Parse error:",
        "Stack trace:",
        "Microsoft VBScript",
        "ASP 0",
    ];
    line.starts_with('<') || words.iter().any(|word| line.contains(word))
}

fn is_fragment(line: &str) -> bool {
    let line = line.trim_ascii();
    line.starts_with(['{', '}', '[', ']', '"']) || line.ends_with([',', '{', '['])
}

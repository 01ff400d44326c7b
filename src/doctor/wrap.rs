//! Text in the width of a terminal.
//!
//! Pure. Invariant: no line is wider than [`WIDTH`] columns, whatever the text; a line break of
//! the text stays one.

/// Widest line of a report, in columns.
pub const WIDTH: usize = 100;

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Appends `text` behind `margin`; the lines that follow are indented as far as the first.
pub fn put(out: &mut String, margin: &str, text: &str) {
    let indent = columns(margin);
    let room = WIDTH.saturating_sub(indent);
    let mut lead = margin.to_owned();
    for line in text.split('\n') {
        for piece in fold(line, room) {
            out.push_str(&lead);
            out.push_str(&piece);
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            lead = " ".repeat(indent);
        }
    }
}

/// One line in pieces that fit; the spaces inside a piece stay.
fn fold(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        if used > 0 && used + columns(word.trim_end_matches(' ')) > room {
            pieces.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            if used + width(c) > room {
                pieces.push(String::new());
                used = 0;
                if c == ' ' {
                    continue;
                }
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
            }
            used += width(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    if pieces.is_empty() {
        pieces.push(String::new());
    }
    pieces
}

/// Two for the wide characters of East Asia and for emoji, as terminals have it.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

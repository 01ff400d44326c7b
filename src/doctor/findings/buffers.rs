//! Which buffer it is that holds events back, judged by the sizes of what comes together.
//!
//! Pure. A buffer lets go of what it holds when it is full, and that shows in the pieces:
//!
//! | who | pieces, as they were measured |
//! |---|---|
//! | PHP's `output_buffering = 4096` | 4096 and what the last `echo` had too much: 4129, 4140, 4176 |
//! | nginx's `proxy_buffering` | 4096 or 8192 exactly, but for the first one, which has the head in it |
//! | nginx's `fastcgi_buffering` | a little less, the same each time: records have heads of their own |
//! | a script that flushes | whole events, of any size |
//!
//! A piece of the first three ends anywhere within an event. The head tells them apart as well:
//! `flush()` sends it past PHP's buffer, nginx keeps it with the first piece.
//!
//! What a client can not do is to fill somebody's buffer: what it sends is not what the server
//! prints. Padding that the script itself prints (`padding=true` for those few that know it) pushes
//! out what stood in front of it, once, and no later event: 4 KiB of it in front of a PHP loop were
//! measured to do nothing but arrive. So there is no probe that sends padding; the second visit of
//! C08 is one that looks longer, until there are pieces enough to be compared.
//!
//! Invariant: nothing is called a buffer that a script which flushes after whole events could do,
//! unless its size is a buffer's, several times over.

use std::time::Duration;

use crate::doctor::reading::{Bunch, Reading};

/// The sizes of buffers that servers come with.
const SIZES: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// Around the data of an event: `id`, `event` and the names of fields.
const FIELDS: usize = 128;
/// What waited so long was held back, rather than on its way.
pub(super) const WAIT: Duration = Duration::from_millis(400);

/// Who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The script's own: PHP's `output_buffering`, ASP's `Response.Buffer`.
    Script,
    /// A proxy in front of it.
    Proxy,
    /// A proxy that speaks FastCGI to it.
    FastCgi,
}

/// A buffer that has been seen to be full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) holder: Holder,
    /// Its size.
    pub(super) size: usize,
    /// How often it was full.
    pub(super) times: usize,
    /// What came of it the last time.
    pub(super) last: Bunch,
}

impl Buffer {
    /// The buffer that these pieces have been in; `None` if they have been in none that is known.
    /// The last one does not count if it was cut off, by the end or by how much is kept.
    pub(super) fn of(body: &Reading, is_cut_off: bool) -> Option<Self> {
        let full = body.bunches.len() - usize::from(is_cut_off && !body.bunches.is_empty());
        let pieces: Vec<&Bunch> = body.bunches.iter().take(full).collect();
        let largest = body.largest + FIELDS;
        proxy(&pieces)
            .or_else(|| same(&pieces, largest))
            // The first one may have been let go early, or have had the head in it.
            .or_else(|| same(pieces.get(1..)?, largest))
    }
}

/// Pieces of exactly the size of a buffer that end within an event: one is enough.
fn proxy(pieces: &[&Bunch]) -> Option<Buffer> {
    let is_exact = |piece: &&&Bunch, size: usize| {
        piece.bytes.is_multiple_of(size) && piece.events > 1 && !piece.is_whole
    };
    let exact: Vec<_> = pieces
        .iter()
        .filter(|piece| is_exact(piece, SIZES[0]))
        .collect();
    let last = **exact.last()?;
    let fits = |size: &&usize| exact.iter().all(|piece| is_exact(piece, **size));
    Some(Buffer {
        holder: Holder::Proxy,
        size: *SIZES.iter().rev().find(fits)?,
        times: exact.len(),
        last: *last,
    })
}

/// Two pieces at least that differ by less than an event.
fn same(pieces: &[&Bunch], largest: usize) -> Option<Buffer> {
    let (least, most) = (
        pieces.iter().map(|piece| piece.bytes).min()?,
        pieces.iter().map(|piece| piece.bytes).max()?,
    );
    if pieces.len() < 2 || most - least > largest || pieces.iter().any(|piece| piece.events < 2) {
        return None;
    }
    let cut = pieces.iter().filter(|piece| !piece.is_whole).count();
    let is_cut = cut > 1 && cut * 2 > pieces.len();
    let is_slow = pieces
        .iter()
        .zip(pieces.iter().skip(1))
        .all(|(a, b)| b.at.saturating_sub(a.at) >= WAIT);
    let above = SIZES
        .iter()
        .find(|size| (**size..**size + largest).contains(&least));
    let below = SIZES.iter().find(|size| most < **size);
    let (holder, size) = match (above, below) {
        // Whole events too: a script may print each of them in one go.
        (Some(size), _) if largest * 8 <= *size && (is_cut || is_slow) => (Holder::Script, *size),
        (_, Some(size)) if is_cut && least >= size / 4 * 3 => (Holder::FastCgi, *size),
        _ => return None,
    };
    Some(Buffer {
        holder,
        size,
        times: pieces.len(),
        last: **pieces.last()?,
    })
}

/// Whether several events were late together, in a piece that could have been in a buffer: then a
/// longer look may tell in which.
pub(in crate::doctor) fn is_suspect(body: &Reading, head: Duration) -> bool {
    let is_late = |piece: &&Bunch| piece.at >= head + WAIT && piece.events > 1;
    let could_be = |piece: &Bunch| !piece.is_whole || piece.bytes >= SIZES[0] / 4 * 3;
    Buffer::of(body, false).is_none() && body.bunches.iter().filter(is_late).any(could_be)
}

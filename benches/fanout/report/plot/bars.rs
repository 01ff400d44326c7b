//! Bars, one for each server: a panel for each figure of a scenario, each with an axis of its own.

use super::axis::{Axis, label};
use super::colour;
use super::svg::{Anchor, FAINT, GRID, INK, Picture};
use crate::report::figures::Side;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
/// What the number after the longest bar needs.
const RIGHT: f64 = WIDTH - 90.0;
const ROW: f64 = 24.0;

/// A figure's name with its unit, and who has it.
pub(super) type Panel<'a> = (&'a str, Vec<&'a Side>);

pub(super) fn draw(title: &str, note: &str, panels: &[Panel<'_>]) -> String {
    let mut picture = Picture::new(WIDTH);
    picture.title((20.0, 28.0), title);
    picture.text((20.0, 46.0), Anchor::Start, FAINT, note);
    let mut top = 62.0;
    for (name, sides) in panels {
        top = panel(&mut picture, top, name, sides);
    }
    picture.finish(top)
}

/// Returns where the next one begins.
fn panel(picture: &mut Picture, top: f64, name: &str, sides: &[&Side]) -> f64 {
    let highest = sides.iter().map(|(_, rounds)| rounds.highest());
    let axis = Axis::linear(highest.fold(0.0, f64::max), LEFT, RIGHT);
    let bottom = top + ROW * sides.len() as f64 + 6.0;
    for (value, label) in axis.ticks() {
        let x = axis.place(value);
        picture.line((x, top), (x, bottom), GRID, "");
        picture.text((x, bottom + 15.0), Anchor::Middle, FAINT, &label);
    }
    for (index, side) in sides.iter().enumerate() {
        row(picture, top + 4.0 + ROW * index as f64, &axis, side);
    }
    picture.line((LEFT, top), (LEFT, bottom), FAINT, "");
    let middle = f64::midpoint(LEFT, RIGHT);
    picture.text((middle, bottom + 32.0), Anchor::Middle, INK, name);
    bottom + 54.0
}

fn row(picture: &mut Picture, top: f64, axis: &Axis, (server, rounds): &Side) {
    let middle = top + ROW / 2.0 - 1.0;
    picture.text((LEFT - 8.0, middle + 4.0), Anchor::End, INK, server);
    let end = axis.place(rounds.median());
    picture.bar(
        (LEFT, top + 2.0),
        (end - LEFT, ROW - 6.0),
        colour::of(server),
    );
    let (low, high) = (axis.place(rounds.lowest()), axis.place(rounds.highest()));
    picture.line((low, middle), (high, middle), INK, "stroke-width=\"1.5\"");
    let value = label(rounds.median());
    let after = (high.max(end) + 8.0, middle + 4.0);
    picture.text(after, Anchor::Start, INK, &value);
}

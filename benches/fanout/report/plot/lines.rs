//! Lines, one for each server: how a figure changes as a number grows.

use super::axis::{Axis, tick};
use super::colour;
use super::svg::{Anchor, FAINT, GRID, INK, Picture};
use crate::report::figures::Rounds;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = WIDTH - 28.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 340.0;
const HEIGHT: f64 = 396.0;

pub(super) struct Line {
    pub(super) server: String,
    /// In the order of `x`.
    pub(super) points: Vec<(f64, Rounds)>,
}

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    /// The first and the last scenario.
    pub(super) ends: [&'a str; 2],
    pub(super) y: &'a str,
    /// Steps by factors; else linear, with the straight line that fits best beside each line.
    pub(super) is_log: bool,
    pub(super) lines: Vec<Line>,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let farthest = most(&mut all().map(|(x, _)| *x));
        let x = if self.is_log {
            let nearest = all().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
            Axis::log(nearest, farthest, LEFT + 14.0, RIGHT)
        } else {
            Axis::linear(farthest, LEFT, RIGHT)
        };
        let highest = most(&mut all().map(|(_, rounds)| rounds.highest()));
        let y = Axis::linear(highest * 1.05, BOTTOM, TOP);
        let mut picture = Picture::new(WIDTH);
        picture.title((20.0, 28.0), self.title);
        self.frame(&mut picture, &x, &y);
        for line in &self.lines {
            if !self.is_log {
                straight(&mut picture, line, &x, &y);
            }
            trace(&mut picture, line, &x, &y);
        }
        self.legend(&mut picture);
        picture.finish(HEIGHT)
    }

    fn frame(&self, picture: &mut Picture, x: &Axis, y: &Axis) {
        for (value, label) in y.ticks() {
            let at = y.place(value);
            picture.line((LEFT, at), (RIGHT, at), GRID, "");
            picture.text((LEFT - 8.0, at + 4.0), Anchor::End, FAINT, &label);
        }
        for (value, label) in self.steps(x) {
            let at = x.place(value);
            picture.line((at, BOTTOM), (at, BOTTOM + 5.0), FAINT, "");
            picture.text((at, BOTTOM + 19.0), Anchor::Middle, FAINT, &label);
        }
        picture.line((LEFT, BOTTOM), (RIGHT, BOTTOM), FAINT, "");
        let scale = if self.is_log { " (log scale)" } else { "" };
        let middle = f64::midpoint(LEFT, RIGHT);
        let [first, last] = self.ends;
        let name = format!("{}{scale}: {first} … {last}", self.x);
        picture.text((middle, BOTTOM + 42.0), Anchor::Middle, INK, &name);
        picture.upright((20.0, f64::midpoint(TOP, BOTTOM)), self.y);
    }

    /// Along a logarithmic axis, the steps themselves.
    fn steps(&self, x: &Axis) -> Vec<(f64, String)> {
        let longest = self.lines.iter().map(|line| &line.points);
        match longest.max_by_key(|points| points.len()) {
            Some(points) if self.is_log => points.iter().map(|(x, _)| (*x, tick(*x))).collect(),
            _ => x.ticks(),
        }
    }

    fn legend(&self, picture: &mut Picture) {
        let mut at = 20.0;
        for line in &self.lines {
            picture.bar((at, 43.0), (12.0, 12.0), colour::of(&line.server));
            picture.text((at + 18.0, 53.0), Anchor::Start, INK, &line.server);
            at += 44.0 + 7.0 * line.server.chars().count() as f64;
        }
        let note = if self.is_log {
            "upright: lowest to highest round"
        } else {
            "dashed: the straight line that fits best; upright: lowest to highest round"
        };
        picture.text((at, 53.0), Anchor::Start, FAINT, note);
    }
}

fn trace(picture: &mut Picture, line: &Line, x: &Axis, y: &Axis) {
    let colour = colour::of(&line.server);
    let place = |(at, rounds): &(f64, Rounds)| (x.place(*at), y.place(rounds.median()));
    let places: Vec<_> = line.points.iter().map(place).collect();
    picture.trace(&places, colour);
    for ((at, rounds), place) in line.points.iter().zip(&places) {
        let (low, high) = (y.place(rounds.lowest()), y.place(rounds.highest()));
        let at = x.place(*at);
        picture.line((at, low), (at, high), colour, "stroke-width=\"1.5\"");
        picture.dot(*place, colour);
    }
}

/// Least squares over the medians, as far as it is inside the frame.
fn straight(picture: &mut Picture, line: &Line, x: &Axis, y: &Axis) {
    let count = line.points.len() as f64;
    if line.points.len() < 3 {
        return;
    }
    let medians = || {
        line.points
            .iter()
            .map(|(at, rounds)| (*at, rounds.median()))
    };
    let mean_x = medians().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = medians().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = medians().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = medians().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = covariance / variance;
    let value = |at: f64| mean_y + slope * (at - mean_x);
    let inside = |at: &f64| y.holds(value(*at));
    let (low, high) = x.ends();
    let steps = (0..=200_u32).map(|n| low + (high - low) * f64::from(n) / 200.0);
    let steps: Vec<f64> = steps.filter(inside).collect();
    if let (Some(first), Some(last)) = (steps.first(), steps.last()) {
        let place = |at: f64| (x.place(at), y.place(value(at)));
        let style = "stroke-dasharray=\"5 4\"";
        picture.line(place(*first), place(*last), colour::of(&line.server), style);
    }
}

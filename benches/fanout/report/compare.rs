//! Two runs beside each other: whether their ratios agree, which is what a reader may rely on where machines differ.
//!
//! A test of the library includes this file too: it imports only std and `serde_json`.

use serde_json::Value;

/// What was found.
pub(crate) struct Compared {
    /// The counts, and a line for each ratio that does not agree.
    pub(crate) text: String,
    /// Whether every ratio agrees that has a bar.
    pub(crate) agrees: bool,
}

/// A ratio of one server to another, in both runs.
struct Pair {
    what: String,
    ratios: [f64; 2],
    has_bar: bool,
}

impl Pair {
    /// How much larger the second is, in percent of the first.
    fn change(&self) -> f64 {
        100.0 * (self.ratios[1] / self.ratios[0] - 1.0)
    }

    fn show(&self) -> String {
        let [first, second] = self.ratios;
        let change = self.change();
        format!(
            "  {}: {first:.3} × and {second:.3} ×, {change:+.0} %\n",
            self.what
        )
    }
}

/// Of two reports; `within` is in percent of the first. `None` if they have no ratio in common.
pub(crate) fn compare(first: &Value, second: &Value, within: f64) -> Option<Compared> {
    let figures = |report: &Value| report["figures"].as_array().cloned().unwrap_or_default();
    let (first, second) = (figures(first), figures(second));
    let mut pairs = Vec::new();
    for figure in first.iter().filter(|figure| is_of_the_servers(figure)) {
        if let Some(again) = second.iter().find(|other| is_same(figure, other)) {
            add_pairs(figure, again, &mut pairs);
        }
    }
    let (mut lines, mut agrees) = (Vec::new(), true);
    for (has_bar, what) in [(true, "ratios that have a bar"), (false, "other ratios")] {
        let group: Vec<_> = pairs
            .iter()
            .filter(|pair| pair.has_bar == has_bar)
            .collect();
        let apart = group.iter().filter(|pair| pair.change().abs() > within);
        let apart: Vec<_> = apart.map(|pair| pair.show()).collect();
        agrees &= !has_bar || apart.is_empty();
        let (all, agree) = (group.len(), group.len() - apart.len());
        lines.push(format!("{agree} of {all} {what} agree within {within} %\n"));
        lines.extend(apart);
    }
    let text = lines.concat();
    (!pairs.is_empty()).then_some(Compared { text, agrees })
}

/// Shares of a core say how busy the machine was, and not what a server needs.
fn is_of_the_servers(figure: &Value) -> bool {
    figure["figure"]
        .as_str()
        .is_some_and(|name| !name.ends_with(", %"))
}

fn is_same(one: &Value, other: &Value) -> bool {
    // `pages` has one figure for each server beside it.
    let name = |figure: &Value| {
        ["/scenario", "/figure", "/beside/0/server"].map(|at| figure.pointer(at).cloned())
    };
    name(one) == name(other)
}

fn add_pairs(figure: &Value, again: &Value, pairs: &mut Vec<Pair>) {
    let beside = |figure: &Value| figure["beside"].as_array().cloned().unwrap_or_default();
    for (place, side) in beside(figure).iter().enumerate() {
        let same = beside(again);
        let same = same.iter().find(|other| other["server"] == side["server"]);
        let ratios = [Some((figure, side)), same.map(|side| (again, side))];
        let [first, second] =
            ratios.map(|sides| sides.and_then(|(figure, side)| ratio(figure, side)));
        if let (Some(first), Some(second)) = (first, second) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let [scenario, name] = [&figure["scenario"], &figure["figure"]].map(text);
            pairs.push(Pair {
                what: format!("{scenario}: {name}, beside {}", text(&side["server"])),
                ratios: [first, second],
                has_bar: place == 0 && figure["bar"]["kind"] == "times_at_most",
            });
        }
    }
}

/// The median of the rounds' ratios. `None` where it says nothing: counts that are mostly zero, growth that may shrink.
fn ratio(figure: &Value, side: &Value) -> Option<f64> {
    let rounds = |side: &Value| side["rounds"].as_array().cloned().unwrap_or_default();
    let (mine, theirs) = (rounds(&figure["measured"]), rounds(side));
    let ratios = mine.iter().zip(&theirs);
    let ratios = ratios.map(|(mine, theirs)| Some(mine.as_f64()? / theirs.as_f64()?));
    let mut ratios: Vec<f64> = ratios.collect::<Option<_>>()?;
    ratios.sort_by(f64::total_cmp);
    let middle = [ratios.len().saturating_sub(1) / 2, ratios.len() / 2];
    let [low, high] = middle.map(|index| ratios.get(index).copied());
    let is_telling = ratios.iter().all(|ratio| ratio.is_finite() && *ratio > 0.0);
    Some(f64::midpoint(low?, high?)).filter(|_| is_telling)
}
